"""Told once all the same: where a process dies, the store is away, or a sender breaks."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from config.clock import VirtualClock
from config.errors import UnreachableError
from council.alerts.ports import Attempt
from council.alerts.teller import tell_for_ever
from council.projections import project
from store.events import StoredEvent, StreamWrite
from store.memory import MemoryEventStore
from tests.council.alerts.scenes import (
    HALTS,
    HOOK,
    MAIL,
    MINUTE,
    PERHAPS,
    WAITS,
    FakeCarrier,
    begun,
    halted,
    looks,
    pass_time,
    proposal,
    said,
    store,
    teller_of,
)
from tests.council.trading.faults import Killed, dying_at
from tests.council.trading.scenes import kinds_of
from tests.fakes import make_deps

POINTS = (
    "alerts.before_gathered",
    "alerts.after_gathered",
    "alerts.after_begun",
    "alerts.after_sent",
    "alerts.after_recorded",
)


@pytest.mark.parametrize("addresses", [(HOOK,), (HOOK, MAIL)])
@pytest.mark.parametrize("point", POINTS)
async def test_a_process_that_dies_anywhere_tells_nobody_twice(
    point: str, addresses: tuple[str, ...]
) -> None:
    carrier = FakeCarrier(addresses)
    deps, _ = await begun(carrier)
    await store(deps, proposal())
    pass_time(deps, MINUTE)

    with pytest.raises(Killed):
        await teller_of(deps, carrier, failpoint=dying_at(point)).look()
    after_death = teller_of(deps, carrier)
    await looks(after_death, deps)
    await store(deps, halted())
    await looks(after_death, deps)

    for address in addresses:
        own = [(title, text) for where, title, text in carrier.sent if where == address]
        named = [text for _, text in own if f"“{WAITS}” of" in text and f"to {address}" in text]
        arrived = [title for title, _ in own].count(WAITS)
        assert arrived <= 1
        # Whoever did not surely get it reads of it in the next message, once.
        assert arrived + len(named) >= 1
        assert len(named) <= 1
    assert HALTS in carrier.titles
    assert await said(deps) == []


@pytest.mark.parametrize("point", POINTS[2:4])
async def test_what_may_have_arrived_is_not_sent_again_and_named_once(point: str) -> None:
    carrier = FakeCarrier()
    deps, _ = await begun(carrier)
    await store(deps, proposal())
    pass_time(deps, MINUTE)
    with pytest.raises(Killed):
        await teller_of(deps, carrier, failpoint=dying_at(point)).look()
    teller = teller_of(deps, carrier)
    before = len(carrier.sent)

    await looks(teller, deps)
    sentence = await said(deps)
    for number in (1, 2):
        await store(deps, halted(number))
        await looks(teller, deps)

    assert sentence == [f"An alert may not have arrived at {HOOK}: “{WAITS}”."]
    assert carrier.titles[before:] == [HALTS, HALTS]
    assert [WAITS in text for _, _, text in carrier.sent[before:]] == [True, False]
    assert await said(deps) == []


async def test_an_address_that_does_not_answer_in_time_is_not_asked_again() -> None:
    carrier = FakeCarrier(answers={HOOK: [PERHAPS]})
    deps, teller = await begun(carrier)
    await store(deps, proposal())

    await looks(teller, deps)

    assert carrier.titles == [WAITS]
    assert await said(deps) == [f"An alert may not have arrived at {HOOK}: “{WAITS}”."]


async def test_what_named_a_lost_message_may_be_lost_too() -> None:
    carrier = FakeCarrier(answers={HOOK: [PERHAPS, PERHAPS]})
    deps, teller = await begun(carrier)
    for fact in (proposal(), halted(1), halted(2)):
        await store(deps, fact)
        await looks(teller, deps)

    assert carrier.sent[-1][2].count("- “Council") == 2


async def test_without_any_lock_two_processes_still_tell_once() -> None:
    class NoLocks:
        def exclusive(self, name: str) -> "NoLocks":
            return self

        async def __aenter__(self) -> bool:
            return True

        async def __aexit__(self, *_: object) -> None:
            return None

    carrier = FakeCarrier()
    deps, _ = await begun(carrier)
    ticking = replace(deps, locks=NoLocks(), clock=Ticking(deps.clock.now()))
    tellers = [teller_of(ticking, carrier) for _ in range(4)]
    for fact in (proposal(), halted()):
        await store(ticking, fact)
        pass_time(ticking, MINUTE)
        await asyncio.gather(*(teller.look() for teller in tellers))

    assert carrier.titles == [WAITS, HALTS]


class Ticking(VirtualClock):
    """A clock that never shows the same instant twice, as real ones."""

    def now(self) -> datetime:
        self.advance_to(super().now() + timedelta(microseconds=1))
        return super().now()


class FlakyStore(MemoryEventStore):
    """A store that is away for the writes of one kind, or takes them and falls silent, once."""

    away_for = ""
    silent_for = ""

    async def append_many(self, writes: Sequence[StreamWrite]) -> tuple[StoredEvent, ...]:
        kinds = {event.event_type for write in writes for event in write.events}
        if self.away_for in kinds:
            self.away_for = ""
            raise UnreachableError("The database does not answer.")
        stored = await super().append_many(writes)
        if self.silent_for in kinds:
            self.silent_for = ""
            raise UnreachableError("The database does not answer.")
        return stored


@pytest.mark.parametrize("addresses", [(HOOK,), (HOOK, MAIL)])
@pytest.mark.parametrize("kind", ["AlertGathered", "AlertBegun", "AlertSent"])
async def test_a_store_that_goes_away_in_between_costs_nothing(
    kind: str, addresses: tuple[str, ...]
) -> None:
    carrier, flaky = FakeCarrier(addresses), FlakyStore(project)
    deps = make_deps(store=flaky)
    teller = teller_of(deps, carrier)
    await teller.look()
    await store(deps, proposal())
    pass_time(deps, MINUTE)
    flaky.away_for = kind

    with pytest.raises(UnreachableError):
        await teller.look()
    await looks(teller, deps)

    assert sorted(carrier.sent) == sorted(set(carrier.sent))
    assert carrier.titles == [WAITS] * len(addresses)
    assert await said(deps) == []


async def test_a_store_that_loses_its_answer_does_not_stop_the_telling() -> None:
    carrier, flaky = FakeCarrier(), FlakyStore(project)
    deps = make_deps(store=flaky)
    teller = teller_of(deps, carrier)
    await teller.look()
    await store(deps, proposal())
    pass_time(deps, MINUTE)
    flaky.silent_for = "AlertSent"

    with pytest.raises(UnreachableError):
        await teller.look()
    await store(deps, halted())
    await looks(teller, deps)

    assert carrier.titles == [WAITS, HALTS]


async def test_a_sender_that_breaks_does_not_cut_another_short() -> None:
    class Slow(FakeCarrier):
        async def send(self, address: str, title: str, text: str) -> Attempt:
            for _ in range(20 if address == MAIL else 0):
                await asyncio.sleep(0)
            return await super().send(address, title, text)

    carrier = Slow((HOOK, MAIL), answers={HOOK: [RuntimeError("a bug")]})
    deps, teller = await begun(carrier)
    await store(deps, proposal())
    pass_time(deps, MINUTE)

    with pytest.raises(RuntimeError):
        await teller.look()

    assert [address for address, _, _ in carrier.sent] == [MAIL]
    assert (await kinds_of(deps, "alerts"))[-1] == "AlertSent"


async def test_what_happens_as_another_begins_to_tell_is_no_history() -> None:
    """The other began, and died, between two reads of this one."""

    class Interrupted(MemoryEventStore):
        is_first = True

        async def head(self) -> int:
            if self.is_first:
                self.is_first = False
                await teller_of(deps, FakeCarrier()).look()
                await store(deps, halted())
            return await super().head()

    carrier = FakeCarrier()
    deps = make_deps(store=Interrupted(project))

    await looks(teller_of(deps, carrier), deps)

    assert carrier.titles == [HALTS]


async def until(condition: Callable[[], bool]) -> None:
    """Let the background work until `condition` holds."""
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise TimeoutError("it never happened")


async def test_an_error_never_ends_the_telling() -> None:
    carrier = FakeCarrier(answers={HOOK: [RuntimeError("a bug")]})
    deps, teller = await begun(carrier)
    await store(deps, proposal())
    pass_time(deps, MINUTE)
    stop = asyncio.Event()
    telling = asyncio.create_task(tell_for_ever(teller, stop, timedelta(milliseconds=1)))

    await until(lambda: not carrier.answers[HOOK])
    await store(deps, halted())
    pass_time(deps, MINUTE)
    await until(lambda: bool(carrier.sent))
    stop.set()
    await telling

    assert carrier.titles == [HALTS]
