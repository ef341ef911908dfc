"""The executor in the background: cheap while nothing is approved, awake when something is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from broker.errors import VenueUnreachable
from config.clock import VirtualClock
from config.errors import UnreachableError
from council.ports import Deps
from council.trading.executor import LONGEST_REST, executor_loop, run_until_settled
from council.trading.halts import halt, resume
from council.trading.lifecycle import TradeStatus, load_trade
from store.events import StoredEvent
from store.locks import MemoryLocks
from tests.builders import NOW
from tests.council.trading.scenes import ACCOUNT, ANNA, approved, kinds_of, proposed, venue_of
from tests.fakes import make_deps

STEP = timedelta(milliseconds=1)


@dataclass
class CountedLocks:
    """Locks that keep the name of everyone who asked."""

    asked: list[str] = field(default_factory=list)
    locks: MemoryLocks = field(default_factory=MemoryLocks)

    def exclusive(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Note the name and lock."""
        self.asked.append(name)
        return self.locks.exclusive(name)


@dataclass
class Cycles:
    """Calls `then` as the loop begins its cycles: the first call with 1."""

    deps: Deps
    then: Callable[[int], Awaitable[None]]
    begun: int = 0

    def __post_init__(self) -> None:
        """Stand before the read that opens every cycle."""
        read_all = self.deps.store.read_all

        async def counted(*args: Any, **kwargs: Any) -> AsyncIterator[StoredEvent]:
            if kwargs:  # only the read of a cycle names kinds; who listens reads on in all
                self.begun += 1
                await self.then(self.begun)
            async for event in read_all(*args, **kwargs):
                yield event

        object.__setattr__(self.deps.store, "read_all", counted)

    async def run(self, stop: asyncio.Event) -> None:
        """Run the loop until `stop`."""
        async with asyncio.timeout(10):
            await executor_loop(self.deps, stop, STEP)


async def test_an_idle_cycle_takes_no_lock_and_reads_nothing_but_approvals() -> None:
    locks, stop = CountedLocks(), asyncio.Event()
    deps = make_deps(locks=locks)
    rows_read = 0
    rows = deps.store.rows

    async def counted_rows(*args: Any, **kwargs: Any) -> Any:
        nonlocal rows_read
        rows_read += 1
        return await rows(*args, **kwargs)

    async def until_the_tenth(number: int) -> None:
        if number == 2:
            seen.append((len(locks.asked), rows_read))
        if number == 10:
            stop.set()

    seen: list[tuple[int, int]] = []
    object.__setattr__(deps.store, "rows", counted_rows)
    await Cycles(deps, until_the_tenth).run(stop)

    assert seen == [(len(locks.asked), rows_read)]
    assert len(locks.asked) == len(deps.config.accounts)


async def test_an_approval_wakes_the_loop_from_its_rest() -> None:
    deps, stop = make_deps(), asyncio.Event()

    async def approve_in_the_third(number: int) -> None:
        if number == 3:
            await approved(deps)
        if number == 5:
            stop.set()

    await Cycles(deps, approve_in_the_third).run(stop)

    assert len(venue_of(deps).orders) == 1


async def test_an_approval_gives_its_own_account_a_turn_and_no_other() -> None:
    locks, stop = CountedLocks(), asyncio.Event()
    deps = make_deps(locks=locks)

    async def approve_in_the_third(number: int) -> None:
        if number == 3:
            locks.asked.clear()
            await approved(deps)
        if number == 6:
            stop.set()

    await Cycles(deps, approve_in_the_third).run(stop)

    assert set(locks.asked) == {f"executor-{ACCOUNT}"}
    assert len(venue_of(deps).orders) == 1


async def test_a_halt_and_a_resume_wake_the_loop_too() -> None:
    deps, stop = make_deps(), asyncio.Event()
    sent: list[int] = []

    async def halt_and_resume(number: int) -> None:
        if number == 2:
            await approved(deps)
            await halt(deps, reason="look", by="anna", channel="cli")
        if number == 4:
            sent.append(len(venue_of(deps).orders))
            await resume(deps, decider=ANNA)
        if number == 6:
            stop.set()

    await Cycles(deps, halt_and_resume).run(stop)

    assert (sent, len(venue_of(deps).orders)) == ([0], 1)


async def test_the_halt_file_wakes_the_loop() -> None:
    wanted: list[str] = []
    stop = asyncio.Event()
    deps = make_deps(halt_wanted=lambda: wanted[0] if wanted else None)

    async def put_the_file_down(number: int) -> None:
        if number == 3:
            wanted.append("stop")
        if number == 5:
            stop.set()

    await Cycles(deps, put_the_file_down).run(stop)

    assert "TradingHalted" in await kinds_of(deps, f"account-{ACCOUNT}")


async def test_what_waits_for_the_open_is_sent_after_the_longest_rest() -> None:
    clock, stop = VirtualClock(NOW), asyncio.Event()
    deps = make_deps(clock=clock)
    await approved(deps)
    venue_of(deps).is_open = False

    async def open_in_the_third(number: int) -> None:
        if number == 3:
            venue_of(deps).is_open = True
        if number == 5:
            assert venue_of(deps).orders == {}
            await clock.sleep(LONGEST_REST)
        if number == 6:
            stop.set()

    await Cycles(deps, open_in_the_third).run(stop)

    assert len(venue_of(deps).orders) == 1


async def test_a_ticket_that_nobody_decided_expires_while_the_loop_rests() -> None:
    clock, stop = VirtualClock(NOW), asyncio.Event()
    deps = make_deps(clock=clock)
    ticket = await proposed(deps)

    async def let_time_pass(number: int) -> None:
        if number == 3:
            await clock.sleep(ticket.expires_at - clock.now())
        if number == 4:
            stop.set()

    await Cycles(deps, let_time_pass).run(stop)

    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.EXPIRED


async def test_an_account_that_is_refused_does_not_keep_the_loop_awake() -> None:
    locks, stop = CountedLocks(), asyncio.Event()
    deps = make_deps(locks=locks)
    desks = {name: desk for name, desk in deps.desks.items() if name != "ALPHA"}
    deps = replace(deps, desks=desks, refused_accounts={"ALPHA": "its key is another account's"})

    async def until_the_tenth(number: int) -> None:
        if number == 10:
            stop.set()

    await Cycles(deps, until_the_tenth).run(stop)

    assert len(locks.asked) == len(desks)


@pytest.mark.parametrize(("has_work", "outcome"), [(True, "settled"), (False, "idle")])
async def test_that_a_venue_was_away_is_forgotten_once_it_answers(
    has_work: bool, outcome: str
) -> None:
    class Mending(VirtualClock):
        async def sleep(self, duration: timedelta) -> None:
            venue_of(deps).failure = None
            await super().sleep(duration)

    deps = make_deps(clock=Mending(NOW))
    if has_work:
        await approved(deps)
    venue_of(deps).failure = VenueUnreachable("The venue is away.")

    (report,) = await run_until_settled(deps, [ACCOUNT], timeout=timedelta(seconds=5))

    assert report.outcome == outcome
    assert "The venue is away." not in report.notes


async def test_a_venue_that_stays_away_is_told_once() -> None:
    deps = make_deps(clock=VirtualClock(NOW))
    await approved(deps)
    venue_of(deps).failure = VenueUnreachable("The venue is away.")

    (report,) = await run_until_settled(deps, [ACCOUNT], timeout=timedelta(seconds=5))

    assert (report.outcome, report.notes) == ("unreachable", ("The venue is away.",))


async def test_the_loop_outlives_a_failing_store_and_stops_when_told() -> None:
    deps = make_deps()
    await approved(deps)
    stop = asyncio.Event()
    calls = 0
    rows = deps.store.rows

    async def flaky_rows(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("something nobody expected")
        if venue_of(deps).orders:
            stop.set()
        return await rows(*args, **kwargs)

    object.__setattr__(deps.store, "rows", flaky_rows)
    with capture_logs() as logged:
        async with asyncio.timeout(10):
            await executor_loop(deps, stop, timedelta(milliseconds=5))

    assert len(venue_of(deps).orders) == 1
    assert [line["event"] for line in logged if line.get("exc_info")] == ["executor.cycle_failed"]


async def test_a_store_that_is_away_is_told_once_and_without_a_traceback() -> None:
    deps = make_deps()
    await approved(deps)
    stop = asyncio.Event()
    calls = 0
    rows = deps.store.rows

    async def rows_later(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls <= 3:
            raise UnreachableError("The database does not answer.")
        if venue_of(deps).orders:
            stop.set()
        return await rows(*args, **kwargs)

    object.__setattr__(deps.store, "rows", rows_later)
    with capture_logs() as logged:
        async with asyncio.timeout(10):
            await executor_loop(deps, stop, timedelta(milliseconds=5))

    told = [line for line in logged if line["log_level"] in {"warning", "error"}]
    assert [(line["event"], line.get("reason")) for line in told] == [
        ("executor.waits", "The database does not answer.")
    ]
