from dataclasses import replace
from typing import Any

import pytest

from council.anonymise import sealed_labels
from council.context import WeekContext
from council.events import DecisionReached, NoDecision
from council.fact import Fact
from council.model.base import Direction
from council.model.decision import Dissent
from council.ports import Question
from council.stages.chairman import chairman
from tests.builders import (
    CHAIRMAN,
    MANAGERS,
    NOW,
    WEEK_ID,
    make_decision_answer,
    make_pitch,
    make_review,
    make_scores,
    make_snapshot,
)
from tests.fakes import FakeModels, Reply, abstained, make_deps

PITCHES = (
    make_pitch("ALPHA", instrument="SPY"),
    make_pitch("BRAVO", instrument="TLT"),
    make_pitch("CHARLIE", instrument="GLD"),
)
BEST = "BRAVO"


def reviewed_by(*reviewers: str) -> WeekContext:
    """Return a week in which every one of `reviewers` likes the pitch of BRAVO best."""
    reviews = tuple(
        make_review(reviewer, pitch.account, scores=make_scores(9 if pitch.account == BEST else 4))
        for reviewer in reviewers
        for pitch in PITCHES
        if pitch.account != reviewer
    )
    return WeekContext(WEEK_ID, snapshot=make_snapshot(), pitches=PITCHES, reviews=reviews)


FULL = reviewed_by(*MANAGERS)
LABELS = {pitch.account: label for label, pitch in sealed_labels(FULL).items()}


async def decide(context: WeekContext, reply: Reply) -> tuple[Fact, FakeModels]:
    models = FakeModels(lambda question: reply)
    (fact,) = await chairman(context, make_deps(models=models))
    return fact, models


async def test_a_decision_keeps_the_vote_and_unseals_the_authors() -> None:
    dissent = (Dissent(label=LABELS["ALPHA"], view="Stocks would pay better."),)

    fact, _ = await decide(FULL, make_decision_answer(instrument="TLT", dissent_summary=dissent))

    assert isinstance(fact, DecisionReached)
    decision = fact.decision
    assert (decision.account, decision.reached_at) == (CHAIRMAN, NOW)
    assert decision.best_reviewed_label == LABELS[BEST]
    assert decision.authors == {label: account for account, label in LABELS.items()}
    assert decision.dissent_summary == dissent


@pytest.mark.parametrize(
    ("instrument", "direction", "overrides"),
    [
        ("TLT", Direction.LONG, False),
        ("TLT", Direction.SHORT, True),
        ("SPY", Direction.LONG, True),
    ],
)
async def test_departing_from_the_best_reviewed_pitch_is_recorded(
    instrument: str, direction: Direction, overrides: bool
) -> None:
    fact, _ = await decide(FULL, make_decision_answer(instrument=instrument, direction=direction))

    assert isinstance(fact, DecisionReached)
    assert fact.decision.overrides_vote is overrides


async def test_the_chairman_reads_the_scoreboard_and_no_names() -> None:
    signed = tuple(
        review.model_copy(update={"best_argument_against": f"{review.reviewer} doubts it."})
        for review in FULL.reviews
    )

    _, models = await decide(replace(FULL, reviews=signed), make_decision_answer())

    (question,) = models.asked
    text = question.system + question.shared + question.own
    assert [name for name in MANAGERS if name in text] == []
    assert "doubts it." in text
    assert f'"borda":1.0,"label":"{LABELS[BEST]}"' in text


async def test_a_fallback_may_take_the_chair() -> None:
    _, models = await decide(FULL, make_decision_answer())

    assert [question.may_fall_back for question in models.asked] == [True]


@pytest.mark.parametrize(("pitches", "reviewers"), [(2, 5), (3, 2)])
async def test_without_a_quorum_nobody_is_asked_and_nothing_decided(
    pitches: int, reviewers: int
) -> None:
    context = replace(reviewed_by(*MANAGERS[:reviewers]), pitches=PITCHES[:pitches])

    fact, models = await decide(context, make_decision_answer())

    assert isinstance(fact, NoDecision)
    assert fact.reason.startswith(f"{min(pitches, reviewers)} of 5 managers")
    assert models.asked == []


async def test_a_quorum_exactly_met_is_enough() -> None:
    fact, _ = await decide(reviewed_by(*MANAGERS[:3]), make_decision_answer())

    assert isinstance(fact, DecisionReached)


async def test_a_silent_chairman_decides_nothing() -> None:
    fact, _ = await decide(FULL, abstained("no answer within 5 s"))

    assert isinstance(fact, NoDecision)
    assert fact.account == CHAIRMAN
    assert fact.reason == "the chairman gave no valid decision: no answer within 5 s"


async def test_a_decision_that_breaks_a_rule_is_none() -> None:
    def answer(question: Question[Any]) -> Reply:
        return make_decision_answer(dissent_summary=(Dissent(label="P9", view="Who?"),))

    (fact,) = await chairman(FULL, make_deps(models=FakeModels(answer)))

    assert isinstance(fact, NoDecision)
