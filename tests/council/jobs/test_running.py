"""A slot's work is done once, tried again where that may help, and never silently lost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from broker.models import MarketClock
from config.clock import VirtualClock
from config.errors import RefusedError, UnreachableError
from config.loader import load_config
from council.errors import ClockWrong
from council.jobs.missed import missed_lately, skipped_sentences
from council.jobs.record import recent_slot_facts
from council.jobs.running import PAUSES, Worked, run_job
from council.jobs.timetable import Slot
from council.ports import Deps
from council.slot_facts import JobName, SlotDone, SlotFact, SlotFailed, SlotSkipped
from tests.config import nyse
from tests.fakes import FakeVenue, make_deps

WEDNESDAY_AT = nyse.at(date(2026, 11, 18), "08:02")
WEEK = "2026-11-18"


@dataclass
class FakeWork:
    """Work that answers by plan, an outcome by default; `began` keeps every slot that was tried."""

    planned: list[Worked | BaseException | Callable[[], Any]] = field(default_factory=list)
    found: dict[str, Worked] = field(default_factory=dict)
    began: list[str] = field(default_factory=list)

    async def do(self, slot: Slot) -> Worked:
        """Give out the next planned answer."""
        self.began.append(slot.key)
        answer = self.planned.pop(0) if self.planned else Worked("It was done.")
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Worked) else await answer()

    async def found_done(self, slot: Slot) -> Worked | None:
        """Return what is planned for the slot."""
        return self.found.get(slot.key)


def deps_at(at: datetime) -> Deps:
    """Return dependencies in memory at an instant, with the packaged schedule."""
    deps = make_deps(clock=VirtualClock(at))
    config = deps.config.model_copy(update={"schedule": load_config().schedule})
    return replace(deps, config=config)


def move(deps: Deps, duration: timedelta) -> None:
    assert isinstance(deps.clock, VirtualClock)
    deps.clock.advance_to(deps.clock.now() + duration)


async def facts_of(deps: Deps) -> list[SlotFact]:
    return list(await recent_slot_facts(deps.clock.now(), deps.store))


async def test_a_due_slot_is_done_and_recorded_and_then_left_alone() -> None:
    deps, work = deps_at(WEDNESDAY_AT), FakeWork()

    first = await run_job("weekly", work, deps)
    second = await run_job("weekly", work, deps)

    assert [result.state for result in (*first, *second)] == ["done", "already done"]
    assert work.began == [f"weekly/{WEEK}"]
    (fact,) = await facts_of(deps)
    assert isinstance(fact, SlotDone)
    assert (fact.job, fact.slot, fact.outcome) == ("weekly", WEEK, "It was done.")
    assert (fact.started_at, fact.stream) == (WEDNESDAY_AT, f"slots-{WEEK}")


async def test_of_six_starts_at_once_one_works_and_the_others_do_not_wait() -> None:
    deps, gate = deps_at(WEDNESDAY_AT), asyncio.Event()
    work = FakeWork()

    async def when_told() -> Worked:
        await gate.wait()
        return Worked("It was done.")

    work.planned = [when_told]
    starts = [asyncio.create_task(run_job("weekly", work, deps)) for _ in range(6)]
    pending = set(starts)
    while len(pending) > 1:
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
    gate.set()
    states = sorted(results[-1].state for results in await asyncio.gather(*starts))

    assert states == [*["already running"] * 5, "done"]
    assert len(await facts_of(deps)) == 1


async def test_nothing_due_says_when_the_next_slot_comes() -> None:
    deps = deps_at(WEDNESDAY_AT)

    (result,) = await run_job("postmortem", FakeWork(), deps)

    assert result.state == "nothing due"
    assert "Tuesday 2026-11-24 16:00 New York" in result.message


async def test_what_was_missed_is_skipped_once_and_told_before_the_due_slot_is_done() -> None:
    deps, work = deps_at(WEDNESDAY_AT + timedelta(hours=1)), FakeWork()
    await run_job("checkpoint", work, deps)
    move(deps, timedelta(days=1, hours=3, minutes=30))

    results = await run_job("checkpoint", work, deps)
    again = await run_job("checkpoint", work, deps)

    assert [result.state for result in results] == [*["skipped"] * 5, "done"]
    assert [result.state for result in again] == ["already done"]
    names = [fact.slot for fact in await facts_of(deps)]
    assert names == sorted(names, key=lambda name: name.replace("close", "16:00"))
    assert len(names) == 7
    sentence = (await missed_lately(deps.clock.now(), deps.store))[0]
    assert sentence.startswith("Scheduled work was skipped: checkpoint 2026-11-18 12:00, ")
    assert sentence.endswith("and 1 more.")
    assert await skipped_sentences(WEEK, deps.store) == (sentence,)


async def test_a_missed_slot_that_somebody_did_by_hand_is_done_and_not_skipped() -> None:
    deps, work = deps_at(WEDNESDAY_AT), FakeWork()
    await run_job("weekly", work, deps)
    move(deps, timedelta(weeks=2))
    work.found["weekly/2026-11-25"] = Worked("It was done by hand.")

    results = await run_job("weekly", work, deps)

    assert [(r.slot[-5:], r.state) for r in results] == [("11-25", "done"), ("12-02", "done")]
    assert not await skipped_sentences("2026-11-25", deps.store)


async def test_a_start_tries_again_after_pauses_and_then_records_that_it_failed() -> None:
    deps, work = deps_at(WEDNESDAY_AT), FakeWork()
    work.planned = [UnreachableError("The gateway is away: wait.")] * 4

    with pytest.raises(UnreachableError):
        await run_job("weekly", work, deps)

    (fact,) = await facts_of(deps)
    assert isinstance(fact, SlotFailed)
    assert (fact.number, fact.reason) == (1, "The gateway is away: wait.")
    assert fact.failed_at - WEDNESDAY_AT == sum(PAUSES, timedelta())
    assert len(work.began) == 4
    told = await missed_lately(deps.clock.now(), deps.store)
    assert told == (f"Scheduled work failed once, weekly {WEEK}: The gateway is away: wait.",)


async def test_the_next_start_does_what_failed_before() -> None:
    deps, work = deps_at(WEDNESDAY_AT), FakeWork()
    work.planned = [RefusedError("The YAML files have changed: restore them.")]
    with pytest.raises(RefusedError):
        await run_job("weekly", work, deps)

    (result,) = await run_job("weekly", work, deps)

    assert result.state == "done"
    assert [type(fact) for fact in await facts_of(deps)] == [SlotFailed, SlotDone]
    assert not await missed_lately(deps.clock.now(), deps.store)


async def test_what_a_person_must_mend_is_not_tried_again() -> None:
    deps, work = deps_at(WEDNESDAY_AT), FakeWork()
    work.planned = [RefusedError("The YAML files have changed: restore them.")]

    with pytest.raises(RefusedError):
        await run_job("weekly", work, deps)

    assert work.began == [f"weekly/{WEEK}"]
    assert deps.clock.now() == WEDNESDAY_AT


async def test_a_bug_is_recorded_by_its_name_and_without_what_it_said() -> None:
    deps, work = deps_at(WEDNESDAY_AT), FakeWork()
    work.planned = [ZeroDivisionError("sk-secret")] * 4

    with pytest.raises(ZeroDivisionError):
        await run_job("weekly", work, deps)

    (fact,) = await facts_of(deps)
    assert isinstance(fact, SlotFailed)
    assert fact.reason == "unexpected ZeroDivisionError; the log says why and where"


async def test_a_slot_that_failed_until_its_end_is_skipped_at_the_next_start() -> None:
    deps, work = deps_at(WEDNESDAY_AT + timedelta(hours=1)), FakeWork()
    work.planned = [RefusedError("No account: add one.")]
    with pytest.raises(RefusedError):
        await run_job("checkpoint", work, deps)
    move(deps, timedelta(hours=3))
    await run_job("checkpoint", work, deps)
    move(deps, timedelta(hours=2))

    await run_job("checkpoint", work, deps)

    kinds = [(fact.slot[-5:], type(fact)) for fact in await facts_of(deps)]
    assert kinds == [
        ("09:00", SlotFailed),
        ("09:00", SlotSkipped),
        ("12:00", SlotDone),
        ("14:00", SlotDone),
    ]


async def test_a_slot_that_comes_due_while_one_is_worked_on_is_done_by_the_same_start() -> None:
    at = nyse.at(WEDNESDAY_AT.date(), "11:59")
    deps, work = deps_at(at), FakeWork()

    async def slowly() -> Worked:
        move(deps, timedelta(minutes=5))
        return Worked("It was done.")

    work.planned = [slowly]

    await run_job("checkpoint", work, deps)

    assert work.began == [f"checkpoint/{WEEK} 09:00", f"checkpoint/{WEEK} 12:00"]


async def test_work_that_outlasts_its_window_is_done_and_never_also_skipped() -> None:
    at = nyse.at(WEDNESDAY_AT.date(), "11:59")
    deps, work, other = deps_at(at), FakeWork(), FakeWork()

    async def very_slowly() -> Worked:
        move(deps, timedelta(hours=3))
        await run_job("checkpoint", other, deps)
        return Worked("It was done.")

    work.planned = [very_slowly]

    await run_job("checkpoint", work, deps)

    nine = [fact for fact in await facts_of(deps) if fact.slot.endswith("09:00")]
    assert [type(fact) for fact in nine] == [SlotDone]
    twelve = [fact for fact in await facts_of(deps) if fact.slot.endswith("12:00")]
    assert [type(fact) for fact in twelve] == [SlotSkipped]
    assert other.began == [f"checkpoint/{WEEK} 14:00"]


async def test_a_clock_that_is_far_from_the_venues_skips_nothing() -> None:
    deps, work = deps_at(WEDNESDAY_AT), FakeWork()
    await run_job("weekly", work, deps)
    move(deps, timedelta(weeks=6))
    true_at = WEDNESDAY_AT + timedelta(hours=1)
    wrong = replace(deps, desks=_showing(deps, true_at))

    with pytest.raises(ClockWrong, match="timedatectl"):
        await run_job("weekly", work, wrong)

    assert len(await facts_of(deps)) == 1


def _showing(deps: Deps, at: datetime) -> Any:
    class Elsewhere(FakeVenue):
        async def clock(self) -> MarketClock:
            return MarketClock(at, True, at, at)

    return {name: replace(desk, venue=Elsewhere()) for name, desk in deps.desks.items()}


async def test_who_dies_between_work_and_record_has_it_done_again_by_the_next_start() -> None:
    class Killed(BaseException):
        """The end of a process."""

    def die(name: str) -> None:
        if name == "jobs.before_done:weekly":
            raise Killed

    deps, work = deps_at(WEDNESDAY_AT), FakeWork()
    with pytest.raises(Killed):
        await run_job("weekly", work, replace(deps, failpoint=die))

    (result,) = await run_job("weekly", work, deps)

    assert result.state == "done"
    assert len(work.began) == 2
    assert len(await facts_of(deps)) == 1


@pytest.mark.parametrize("job", ["weekly", "daily"])
async def test_starts_that_go_on_for_months_leave_one_fact_a_slot(job: JobName) -> None:
    deps, work = deps_at(nyse.at(WEDNESDAY_AT.date(), "18:00")), FakeWork()
    for hours in (1, 30, 24, 200, 24, 24, 700, 24, 24, 24):
        await run_job(job, work, deps)
        move(deps, timedelta(hours=hours))

    facts = await facts_of(deps)

    assert len({fact.slot for fact in facts}) == len(facts)
    assert [fact.slot for fact in facts] == sorted(fact.slot for fact in facts)
    assert {type(fact) for fact in facts} <= {SlotDone, SlotSkipped}


async def test_a_record_that_cannot_be_stored_is_an_error_and_the_next_start_stores_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deps, work = deps_at(WEDNESDAY_AT), FakeWork()

    async def away(*_: object) -> Any:
        raise UnreachableError("The database does not answer: check that it runs.")

    with monkeypatch.context() as patch:
        patch.setattr(deps.store, "append_many", away)
        with pytest.raises(UnreachableError):
            await run_job("weekly", work, deps)

    (result,) = await run_job("weekly", work, deps)

    assert result.state == "done"
