"""A finished week's postmortem: written once, on numbers that were computed before."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.clock import FixedClock
from config.errors import UsageError
from council.codec import to_event
from council.errors import Overtaken, UnknownWeek, WeekBusy, WeekNotOver
from council.events import CheckpointTaken
from council.marking import mark
from council.model.postmortem import ClaimAnswer, PostmortemAnswer
from council.pipeline import load_week, run_week
from council.ports import Abstained, Answered, AnswerType, Deps, Question
from council.postmortems import run_postmortem
from council.projections import project
from council.result_facts import PostmortemAbstained, PostmortemWritten
from council.trading.journal import record
from store.memory import MemoryEventStore
from tests.builders import CHAIRMAN, NOW, WEEK_ID
from tests.council.fact_examples import make_checkpoint
from tests.council.postmortem_builders import make_postmortem
from tests.council.test_pipeline_rehearsal import Killed, killing_at, rehearsing
from tests.council.weeks import week_id_of
from tests.fakes import FakeModels, Reply, abstained, make_deps, usual_answer

OVER = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)
"""The close of the week's last session, Tuesday 16:00 in New York."""


def saying(text: str = "Nothing was held.", *evidence: str) -> PostmortemAnswer:
    claim = ClaimAnswer(text=text, evidence=evidence or ("E1",))
    return PostmortemAnswer(claims=(claim,), lessons=(), confirmed=())


def answering(reply: Reply) -> FakeModels:
    def answer(question: Question[Any]) -> Reply:
        return reply if question.stage == "postmortem" else usual_answer(question)

    return FakeModels(answer)


async def finished(models: FakeModels, *, at: datetime = OVER) -> Deps:
    """Run a week that nobody approves, and let it become `at`."""
    deps = make_deps(models=models)
    await run_week(WEEK_ID, deps)
    await deps.clock.sleep(at - deps.clock.now())
    return deps


async def kinds_in(deps: Deps) -> list[str]:
    return [event.event_type for event in await deps.store.read_stream(f"week-{WEEK_ID}")]


async def test_a_postmortem_is_stored_with_its_numbers_and_read_with_the_week() -> None:
    deps = await finished(answering(saying()))

    written = await run_postmortem(WEEK_ID, deps)

    assert isinstance(written, PostmortemWritten)
    assert written.account == CHAIRMAN
    assert [claim.text for claim in written.postmortem.claims] == ["Nothing was held."]
    assert {own.account for own in written.numbers.accounts} >= {"ALPHA", CHAIRMAN}
    assert (await load_week(WEEK_ID, deps.store)).postmortem == written
    (row,) = await deps.store.rows("weekly_postmortems")
    assert row["week_id"] == WEEK_ID


async def test_a_written_one_is_returned_and_nobody_is_asked_again() -> None:
    models = answering(saying())
    deps = await finished(models)
    first = await run_postmortem(WEEK_ID, deps)
    before = await kinds_in(deps)

    again = await run_postmortem(WEEK_ID, deps)

    assert (again, await kinds_in(deps)) == (first, before)
    assert models.asked_in("postmortem") == [CHAIRMAN]


async def test_after_an_abstention_it_is_tried_again_and_the_abstention_stands_once() -> None:
    replies: list[Reply] = [saying(), abstained("second"), abstained("first")]
    models = FakeModels(lambda q: replies.pop() if q.stage == "postmortem" else usual_answer(q))
    deps = await finished(models)

    told = [await run_postmortem(WEEK_ID, deps) for _ in range(3)]

    reasons = [one.reason for one in told if isinstance(one, PostmortemAbstained)]
    assert reasons == ["first", "second"]
    assert isinstance(told[-1], PostmortemWritten)
    assert [kind for kind in await kinds_in(deps) if "Postmortem" in kind] == [
        "PostmortemAbstained",
        "PostmortemWritten",
    ]
    (row,) = await deps.store.rows("weekly_postmortems")
    assert row["abstention"] is None


async def test_an_abstention_keeps_the_numbers() -> None:
    deps = await finished(answering(abstained()))

    told = await run_postmortem(WEEK_ID, deps)

    assert isinstance(told, PostmortemAbstained)
    assert told.numbers.accounts
    assert (await load_week(WEEK_ID, deps.store)).postmortem_abstention == told


async def test_numbers_that_were_stored_are_the_same_after_another_failure() -> None:
    deps = await finished(answering(abstained()))
    first = await run_postmortem(WEEK_ID, deps)
    await deps.clock.sleep(timedelta(days=7))

    again = await run_postmortem(WEEK_ID, deps)

    assert again.numbers == first.numbers


async def test_an_answer_of_which_nothing_stands_is_no_postmortem() -> None:
    deps = await finished(answering(saying("Up 77 %.", "E99")))

    assert isinstance(await run_postmortem(WEEK_ID, deps), PostmortemAbstained)


async def test_a_week_that_runs_is_refused_with_its_end_in_new_york() -> None:
    deps = await finished(answering(saying()), at=OVER - timedelta(seconds=1))

    with pytest.raises(WeekNotOver, match="until Tuesday 2026-11-24 16:00 New York"):
        await run_postmortem(WEEK_ID, deps)


async def test_a_week_that_never_ran_and_a_day_that_names_no_week_are_refused() -> None:
    deps = make_deps(clock=FixedClock(OVER))

    with pytest.raises(UnknownWeek, match=WEEK_ID):
        await run_postmortem(WEEK_ID, deps)
    with pytest.raises(UsageError, match="Wednesday"):
        await run_postmortem("2026-11-19", deps)


async def test_whoever_comes_second_at_the_same_time_is_told_to_wait() -> None:
    deps = await finished(answering(saying()))

    async with deps.locks.exclusive(f"week-{WEEK_ID}"):
        with pytest.raises(WeekBusy):
            await run_postmortem(WEEK_ID, deps)


@dataclass
class Interrupted(FakeModels):
    """While the chairman writes, another process stores a look: its lock was lost."""

    deps: Deps | None = None

    async def ask(self, question: Question[AnswerType]) -> Answered[AnswerType] | Abstained:
        deps, self.deps = self.deps, None
        if deps and question.stage == "postmortem":
            look = CheckpointTaken(week_id=WEEK_ID, account="ALPHA", checkpoint=make_checkpoint())
            await record(deps, [look], {})
        return await super().ask(question)


async def test_a_look_that_comes_in_between_refuses_a_postmortem_for_this_once() -> None:
    models = Interrupted(answering(saying()).answer)
    deps = await finished(models)
    models.deps = deps

    with pytest.raises(Overtaken):
        await run_postmortem(WEEK_ID, deps)
    assert "PostmortemWritten" not in await kinds_in(deps)

    assert isinstance(await run_postmortem(WEEK_ID, deps), PostmortemWritten)
    assert (await kinds_in(deps))[-2:] == ["CheckpointTaken", "PostmortemWritten"]


async def test_the_last_close_is_marked_while_it_can_be_had() -> None:
    deps = await finished(answering(saying()))

    told = await run_postmortem(WEEK_ID, deps)

    marks = await deps.store.read_stream(f"marks-{WEEK_ID}")
    assert [mark.payload["slot"] for mark in marks] == ["close"]
    assert not [notice for notice in told.numbers.notices if "was not marked" in notice]


@pytest.mark.parametrize("later", [timedelta(days=2), timedelta(hours=18)], ids=["days", "hours"])
async def test_a_close_that_cannot_be_had_any_more_is_said_in_the_numbers(later: timedelta) -> None:
    deps = await finished(answering(saying()), at=OVER + later)

    told = await run_postmortem(WEEK_ID, deps)

    notices = [notice for notice in told.numbers.notices if "2026-11-24" in notice]
    assert any("cannot be had any more" in notice for notice in notices)
    assert await deps.store.read_stream(f"marks-{WEEK_ID}") == ()


async def test_the_chairman_sees_numbers_events_and_earlier_lessons_but_no_later_ones() -> None:
    models = answering(saying())
    deps = await finished(models)
    for week_id, text in ((week_id_of(-1), "Wait for the open."), (week_id_of(1), "Never wait.")):
        await store_postmortem(deps, week_id, text)

    await run_postmortem(WEEK_ID, deps)

    (asked,) = [question for question in models.asked if question.stage == "postmortem"]
    assert '"kind":"decision"' in asked.own
    assert '"accounts_this_week":[{' in asked.own
    assert '"handle":"L1"' in asked.own
    assert "Wait for the open." in asked.own
    assert "Never wait." not in asked.own


async def test_a_late_postmortem_leaves_the_weeks_after_it_out() -> None:
    models = answering(saying())
    deps = await finished(models)
    await mark(WEEK_ID, deps, slot="close")
    await deps.clock.sleep(NOW + timedelta(weeks=1) - deps.clock.now())
    await run_week(week_id_of(1), deps)
    await deps.clock.sleep(OVER + timedelta(weeks=1) - deps.clock.now())
    await mark(week_id_of(1), deps, slot="close")

    await run_postmortem(WEEK_ID, deps)
    await run_postmortem(week_id_of(1), deps)

    weeks = [question.own for question in models.asked if question.stage == "postmortem"]

    assert ['"weeks":2' in own for own in weeks] == [False, True]


async def test_a_postmortem_killed_before_it_was_stored_asks_no_model_twice() -> None:
    store = MemoryEventStore(project)
    async with rehearsing(store, failpoint=killing_at("postmortem.before_append")) as deps:
        await run_week(WEEK_ID, deps)
        await deps.clock.sleep(OVER - deps.clock.now())
        with pytest.raises(Killed):
            await run_postmortem(WEEK_ID, deps)
    async with rehearsing(store, clock=FixedClock(OVER + timedelta(hours=1))) as deps:
        written = await run_postmortem(WEEK_ID, deps)

    assert isinstance(written, PostmortemWritten)
    calls = [event.payload["stage"] for event in await store.read_stream(f"llm-{WEEK_ID}")]
    assert calls.count("postmortem") == 1


async def store_postmortem(deps: Deps, week_id: str, *lessons: str) -> None:
    """Store a postmortem of another week that wrote `lessons`."""
    numbers = {"until_at": NOW, "accounts": (), "books": (), "notices": ()}
    fact = PostmortemWritten.model_validate(
        {
            "week_id": week_id,
            "account": CHAIRMAN,
            "numbers": numbers,
            "postmortem": make_postmortem(week_id, *lessons),
        }
    )
    await deps.store.append(fact.stream, [to_event(fact, at=NOW)])
