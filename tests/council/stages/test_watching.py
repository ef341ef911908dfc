from decimal import Decimal
from typing import Any

import pytest

from council.analytics.model_drift import FEWEST_PAST_WEEKS, RECENT_WEEKS
from council.measure_facts import ModelDriftMeasured
from council.model.base import Direction
from council.model.pitch import Bucket, RankedInstrument
from council.pipeline import STAGES
from council.ports import Question
from council.projections import project
from council.stages import watching
from store.memory import MemoryEventStore
from tests.builders import MANAGERS, UNIVERSE, make_pitch_answer
from tests.council.weeks import run_weeks, week_id_of
from tests.fakes import FakeModels, Reply, abstained, usual_answer

DEAD = "CHARLIE"
ENOUGH = FEWEST_PAST_WEEKS + RECENT_WEEKS


def without_charlie(question: Question[Any]) -> Reply:
    return abstained("HTTP 404") if question.asked_by == DEAD else usual_answer(question)


def short_alpha(question: Question[Any]) -> Reply:
    """Answer as usual, but ALPHA has turned: SHORT at -2 where it was LONG at 1."""
    if (question.stage, question.asked_by) != ("pitch", "ALPHA"):
        return usual_answer(question)
    ranking = tuple(
        RankedInstrument(instrument=symbol, rank=rank, bucket=Bucket.NEUTRAL)
        for rank, symbol in enumerate(reversed(UNIVERSE), start=1)
    )
    return make_pitch_answer(direction=Direction.SHORT, conviction=Decimal(-2), ranking=ranking)


async def test_with_one_manager_dead_for_eight_weeks_the_rest_go_on_and_the_owner_is_told() -> None:
    weeks = await run_weeks([without_charlie] * 8)

    for number, week in enumerate(weeks):
        assert week.completed == set(STAGES)
        assert len(week.pitches) == len({r.reviewer for r in week.reviews}) == len(MANAGERS) - 1
        assert week.decision is not None
        traders = {proposal.account for proposal in week.proposals}
        assert traders == {*MANAGERS, "BOARD"} - {DEAD}
        told = [sentence for sentence in week.degraded if "has given no pitch" in sentence]
        assert len(told) == (number >= 1)
    assert f"{DEAD} has given no pitch for 8 weeks, since {week_id_of(0)} (HTTP 404)" in told[0]


async def test_one_that_comes_back_is_no_longer_told() -> None:
    weeks = await run_weeks([without_charlie, without_charlie, usual_answer], until="pitch")

    assert [len(week.silences) for week in weeks] == [0, 1, 0]


async def test_a_manager_that_turned_raises_the_alarm_once_there_are_enough_weeks() -> None:
    answers = [usual_answer] * FEWEST_PAST_WEEKS + [short_alpha] * RECENT_WEEKS

    *_, before, last = await run_weeks(answers, until="pitch", hashes={ENOUGH - 1: "config-2"})

    assert {drift.pitches for drift in before.drifts} == {ENOUGH - 1}
    assert {(drift.directions, drift.convictions) for drift in before.drifts} == {(None, None)}
    assert [drift.account for drift in last.drifts] == list(MANAGERS)
    (alarm,) = (drift for drift in last.drifts if drift.alarm)
    assert (alarm.account, alarm.pitches) == ("ALPHA", ENOUGH)
    assert alarm.changes == ("configuration: config-1 before, config-2 now",)
    (told,) = (s for s in last.degraded if "unlike its own past" in s)
    assert "directions differ by 1.00 (p 0.002) and convictions differ by 1.00 (p 0.002)" in told
    assert "configuration: config-1 before" in told


async def test_new_prompts_and_another_model_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryEventStore(project)
    await run_weeks([usual_answer], until="pitch", store=store)
    monkeypatch.setattr(watching, "templates_hash", lambda *names: "another")
    monkeypatch.setattr(FakeModels, "model_for", lambda self, asked_by: f"vendor/new-{asked_by}")

    (week,) = await run_weeks([usual_answer], until="pitch", store=store, first=1)

    model, prompts = sorted(week.drifts[0].changes)
    assert model == "model: vendor/model-of-alpha before, vendor/new-ALPHA now"
    assert prompts.endswith("another now")


async def test_rehearsed_weeks_are_no_past_of_a_language_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryEventStore(project)
    with monkeypatch.context() as rehearsal:
        rehearsal.setattr(FakeModels, "model_for", lambda self, asked_by: "rehearsal/trend")
        await run_weeks([usual_answer] * 2, until="pitch", store=store)

    (week,) = await run_weeks([usual_answer], until="pitch", store=store, first=2)

    assert {drift.pitches for drift in week.drifts} == {1}


async def test_weeks_of_silence_count_neither_as_past_nor_as_recent() -> None:
    answers = [usual_answer] * 3 + [without_charlie] * 2 + [usual_answer]

    last = (await run_weeks(answers, until="pitch"))[-1]

    own = {drift.account: drift for drift in last.drifts}
    assert isinstance(own[DEAD], ModelDriftMeasured)
    assert (own[DEAD].pitches, own["ALPHA"].pitches) == (4, 6)


async def test_a_past_goes_back_so_many_weeks_and_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "WEEKS_BACK", 2)
    answers = [usual_answer, without_charlie, usual_answer, usual_answer]

    last = (await run_weeks(answers, until="pitch"))[-1]

    own = {drift.account: drift.pitches for drift in last.drifts}
    assert (own[DEAD], own["ALPHA"]) == (2, 3)
