from dataclasses import replace
from typing import Any

import pytest

from council.context import WeekContext
from council.events import ReviewAbstained, ReviewMade
from council.measure_facts import ReviewBiasMeasured
from council.ports import Question
from council.stages.peer_review import peer_review
from tests.builders import MANAGERS, WEEK_ID, make_pitch, make_snapshot
from tests.fakes import FakeModels, Reply, abstained, labels_in, make_deps, usual_answer

PITCHES = tuple(make_pitch(account) for account in MANAGERS)
CONTEXT = WeekContext(WEEK_ID, snapshot=make_snapshot(), pitches=PITCHES)


async def reviews_with(models: FakeModels, context: WeekContext = CONTEXT) -> list[ReviewMade]:
    facts = await peer_review(context, make_deps(models=models))
    return [fact for fact in facts if isinstance(fact, ReviewMade)]


async def test_each_manager_reviews_every_pitch_but_its_own() -> None:
    made = await reviews_with(FakeModels())

    pairs = {(fact.review.reviewer, fact.review.pitch_id) for fact in made}
    assert pairs == {
        (reviewer, pitch.idea_id)
        for reviewer in MANAGERS
        for pitch in PITCHES
        if pitch.account != reviewer
    }
    assert len(made) == len(pairs)


async def test_what_a_reviewer_is_shown_never_holds_its_own_thesis() -> None:
    marked = tuple(
        pitch.model_copy(update={"thesis_bullets": (f"thesis number {index}",)})
        for index, pitch in enumerate(PITCHES)
    )
    models = FakeModels()

    await reviews_with(models, replace(CONTEXT, pitches=marked))

    for index, question in enumerate(models.asked):
        text = question.system + question.shared + question.own
        assert f"thesis number {index}" not in text
        assert f"thesis number {(index + 1) % len(marked)}" in text


async def test_no_prompt_names_an_account_or_a_model() -> None:
    models = FakeModels()

    await reviews_with(models)

    for question in models.asked:
        text = (question.system + question.shared + question.own).lower()
        assert [name for name in MANAGERS if name.lower() in text] == []
        assert "vendor/" not in text


async def test_the_place_on_the_ballot_is_kept() -> None:
    models = FakeModels()

    made = await reviews_with(models)

    for question in models.asked:
        own = [fact.review for fact in made if fact.review.reviewer == question.asked_by]
        in_order = [r.anonymized_pitch_id for r in sorted(own, key=lambda r: r.display_index)]
        assert tuple(in_order) == labels_in(question)


async def test_a_silent_reviewer_abstains_and_the_others_go_on() -> None:
    def answer(question: Question[Any]) -> Reply:
        return abstained() if question.asked_by == "ECHO" else usual_answer(question)

    facts = await peer_review(CONTEXT, make_deps(models=FakeModels(answer)))

    gaps = [fact for fact in facts if isinstance(fact, ReviewAbstained)]
    assert [gap.account for gap in gaps] == ["ECHO"]
    assert len([fact for fact in facts if isinstance(fact, ReviewMade)]) == 4 * 4


async def test_the_reviews_biases_are_measured_and_stored_with_them() -> None:
    facts = await peer_review(CONTEXT, make_deps())

    measured = facts[-1]
    assert isinstance(measured, ReviewBiasMeasured)
    assert measured.pooled.reviews == 20
    assert {one.reviewer: one.reviews for one in measured.reviewers} == dict.fromkeys(MANAGERS, 4)


async def test_where_nobody_reviewed_nothing_is_measured() -> None:
    assert await peer_review(replace(CONTEXT, pitches=PITCHES[:2]), make_deps()) == ()


@pytest.mark.parametrize(("pitches", "asked"), [(2, 0), (3, 5)])
async def test_nobody_is_asked_below_the_quorum_of_pitches(pitches: int, asked: int) -> None:
    models = FakeModels()

    await reviews_with(models, replace(CONTEXT, pitches=PITCHES[:pitches]))

    assert len(models.asked) == asked
