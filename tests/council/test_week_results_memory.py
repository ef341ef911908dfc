"""Finished weeks are read once in a process; whatever is remembered, results are the same."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace

from council.ports import Deps
from council.remembered import Remembered
from council.results.gathering import done
from council.week_results import read_results
from tests.council.week_results_scenes import CountingStore, Record, at, week_of

ROWS: Sequence[dict[str, float]] = [
    {"SPY": 100.0, "IEF": 100.0, "TLT": 100.0},
    {"SPY": 102.0, "IEF": 99.0, "TLT": 100.0},
    {"SPY": 101.0, "IEF": 99.5, "TLT": 100.0},
]


def tell_week(record: Record, number: int) -> None:
    record.begin(number, views={"ALPHA": ("SPY", 1.0), "BRAVO": ("IEF", -0.5)})
    record.mark(number, 0, "open", ROWS[number % 3])
    record.trade("ALPHA", 10 if number % 2 else -10, 100.0, number=number)
    for day, row in zip((0, 1, 6), ROWS, strict=True):
        record.mark(number, day, "close", row)


def store_of(deps: Deps) -> CountingStore:
    assert isinstance(deps.store, CountingStore)
    return deps.store


def elsewhere(deps: Deps) -> Deps:
    return replace(deps, remembered=Remembered())


def finished(deps: Deps) -> list[str]:
    known = deps.remembered.results
    assert known is not None
    return sorted(known.finished)


async def test_every_event_is_read_once_while_weeks_go_by() -> None:
    record = Record()
    deps = await record.deps()
    told = 0

    for number in range(8):
        tell_week(record, number)
        told = await record.store_in(deps, since=told)
        await read_results(deps)

    assert store_of(deps).given == told
    assert store_of(deps).reads == 8
    assert finished(deps) == [week_of(number) for number in range(7)]
    assert deps.remembered.results is not None
    assert list(deps.remembered.results.facts) == [week_of(7)]


async def test_what_is_remembered_changes_no_result() -> None:
    record = Record()
    deps = await record.deps()
    told = 0

    for number in range(4):
        tell_week(record, number)
        told = await record.store_in(deps, since=told)
        read_on, anew = await read_results(deps), await read_results(elsewhere(deps))
        assert read_on == anew


async def test_a_week_is_not_finished_while_something_is_open() -> None:
    record = Record()
    record.begin(0)
    record.mark(0, 0, "open", ROWS[0])
    ticket = record.propose("ALPHA", 10)
    record.approve(ticket, at(0, 0, "12:00"))
    record.begin(1)
    record.live(1, ROWS)
    record.begin(2)
    record.live(2, ROWS)
    deps = await record.deps()

    await read_results(deps)
    assert finished(deps) == []
    told = len(record.told)
    record.fill(ticket, at(2, 2, "12:00"), 101.0)
    await record.store_in(deps, since=told)

    week = (await read_results(deps)).weeks[0]
    assert week.marks[-1].at == at(1, 0, "open")
    own = week.account("ALPHA")
    assert own is not None
    assert [fill.price for fill in own.trades[0].fills] == [101]


async def test_a_fact_that_comes_late_to_a_finished_week_is_not_missed() -> None:
    record = Record()
    record.begin(0)
    record.mark(0, 0, "open", ROWS[0])
    ticket = record.propose("ALPHA", 10)
    record.begin(1)
    record.live(1, ROWS)
    deps = await record.deps()
    await read_results(deps)
    assert finished(deps) == [week_of(0)]

    told = len(record.told)
    record.expire(ticket, at(1, 5, "12:00"))
    await record.store_in(deps, since=told)

    assert await read_results(deps) == await read_results(elsewhere(deps))
    assert (await read_results(deps)).weeks[0].accounts[0].trades[0].verdict == "expired"


async def test_two_tasks_that_read_at_once_add_nothing_twice() -> None:
    record = Record()
    for number in range(3):
        tell_week(record, number)
    deps = await record.deps()

    one, other = await asyncio.gather(read_results(deps), read_results(deps))

    assert store_of(deps).reads == 2
    assert one == other == await read_results(elsewhere(deps))


async def test_a_look_at_the_past_leaves_what_is_remembered_alone() -> None:
    record = Record()
    for number in range(3):
        tell_week(record, number)
    deps = await record.deps()
    now = await read_results(deps)

    past = await read_results(deps, until_at=at(0, 0, "close"))

    assert [week.week_id for week in past.weeks] == [week_of(0)]
    assert len(past.weeks[0].marks) == 2
    assert await read_results(deps) == now


async def test_what_a_look_at_the_past_could_not_count_is_not_forgotten() -> None:
    record = Record()
    record.begin(0)
    record.mark(0, 0, "open", ROWS[0])
    ticket = record.propose("ALPHA", 10)
    record.begin(1)
    record.live(1, ROWS)
    record.expire(ticket, at(1, 5, "12:00"))
    deps = await record.deps()

    await read_results(deps, until_at=at(1, 1, "close"))

    assert (await read_results(deps)).weeks[0].accounts[0].trades[0].verdict == "expired"


async def test_a_week_that_none_followed_is_finished_once_a_later_one_runs() -> None:
    record = Record()
    for number in (0, 2):
        tell_week(record, number)
    deps = await record.deps()

    await read_results(deps)

    assert finished(deps) == [week_of(0)]


async def test_what_is_known_already_is_not_worked_out_again() -> None:
    record = Record()
    for number in range(2):
        tell_week(record, number)
    deps = await record.deps()
    first = await read_results(deps, in_thread=True)

    again = await read_results(deps)
    told = len(record.told)
    tell_week(record, 2)
    await record.store_in(deps, since=told)
    after = await read_results(deps, in_thread=True)

    assert again.stages is first.stages
    assert [week.week_id for week in after.weeks] == [week_of(number) for number in range(3)]
    assert after == await read_results(elsewhere(deps))


async def test_whoever_gives_up_waiting_keeps_the_turn_until_the_work_has_ended() -> None:
    began, may_end = threading.Event(), threading.Event()
    ended: list[bool] = []

    def work() -> None:
        began.set()
        ended.append(may_end.wait(timeout=10))

    waiting = asyncio.create_task(done(work, in_thread=True))
    await asyncio.to_thread(began.wait, 10)
    waiting.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    was_done = waiting.done()
    may_end.set()
    await asyncio.gather(waiting, return_exceptions=True)

    assert (was_done, waiting.cancelled(), ended) == (False, True, [True])
