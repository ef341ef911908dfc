"""What comes in between: a verdict, a halt or a takeover between two steps of one turn."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from broker.models import OrderStatus
from config.ids import meaning_id
from council.model.base import Direction
from council.ports import Deps
from council.projections import project
from council.trade_facts import SubmitAttempted, TradingHalted
from council.trading.approvals import revoke
from council.trading.executor import execute_once
from council.trading.leg_runner import QUARANTINE
from council.trading.lifecycle import TradeStatus, load_trade
from store.events import StoredEvent, StreamWrite
from store.memory import MemoryEventStore
from tests.builders import EXPIRES_AT
from tests.council.trading.faults import Killed, dying_at, ending_of, run, slow_deps
from tests.council.trading.invariants import check_invariants
from tests.council.trading.scenes import ACCOUNT, ANNA, approved, facts_of, kinds_of, venue_of
from tests.council.trading.test_executor import NoLocks
from tests.fakes import make_deps

STREAM = f"account-{ACCOUNT}"
EXIT_ID = meaning_id("trade", "an exit")
Deed = Callable[[], Awaitable[Any]]


class InterruptedStore(MemoryEventStore):
    """A store in which others get their turn once: after an event is stored, or a stream read."""

    def __init__(self) -> None:
        super().__init__(project)
        self._deeds: dict[str, Deed] = {}

    def after(self, name: str, deed: Deed) -> None:
        """Do `deed` right after the first event of the kind `name`, or read of that stream."""
        self._deeds[name] = deed

    async def append_many(self, writes: Sequence[StreamWrite]) -> tuple[StoredEvent, ...]:
        """Append, then let others."""
        stored = await super().append_many(writes)
        for event in stored:
            await self._interrupt(event.event_type)
        return stored

    async def read_stream(self, stream: str, after_version: int = 0) -> tuple[StoredEvent, ...]:
        """Read, then let others."""
        events = await super().read_stream(stream, after_version)
        await self._interrupt(stream)
        return events

    async def _interrupt(self, name: str) -> None:
        deed = self._deeds.pop(name, None)
        if deed is not None:
            await deed()


def interrupted(deps: Deps) -> tuple[Deps, InterruptedStore]:
    store = InterruptedStore()
    return replace(deps, store=store), store


async def intended_and_died(deps: Deps) -> None:
    """Let an executor die between an intent and its order."""
    with pytest.raises(Killed):
        await execute_once(replace(deps, failpoint=dying_at("exec.after_intent")), [ACCOUNT])


@pytest.mark.parametrize("direction", [Direction.FLAT, Direction.LONG])
async def test_a_trade_revoked_while_a_turn_takes_it_up_stays_revoked(
    direction: Direction,
) -> None:
    deps, store = interrupted(make_deps())
    ticket = await approved(deps, direction=direction)

    async def revoked() -> None:
        await revoke(ticket.trade_id, "wait", deps, decider=ANNA)

    async def taken_up() -> None:
        store.after(f"trade-{ticket.trade_id}", revoked)

    store.after("AccountObserved", taken_up)
    await run(deps)

    state = await load_trade(deps.store, ticket.trade_id)
    kinds = await kinds_of(deps, f"trade-{ticket.trade_id}")
    assert (state.status, state.proposal.round) == (TradeStatus.PENDING, 2)
    assert kinds[-2:] == ["ApprovalRevoked", "TradeProposed"]
    assert venue_of(deps).submitted == []


async def test_an_executor_that_slept_over_its_order_does_not_send_it_any_more() -> None:
    deps, store = interrupted(make_deps(locks=NoLocks()))
    ticket = await approved(deps)

    async def another_takes_over_and_gives_up() -> None:
        await deps.clock.sleep(EXPIRES_AT - deps.clock.now() + QUARANTINE)
        await run(deps)

    store.after("SubmitAttempted", another_takes_over_and_gives_up)
    await run(deps)

    assert (await ending_of(deps, ticket.trade_id)).reason.startswith("not_sent")
    assert venue_of(deps).submitted == []
    await check_invariants(deps, ticket)


async def test_two_executors_at_one_order_announce_two_sends_and_one_leaves() -> None:
    deps, store = interrupted(make_deps(locks=NoLocks()))
    ticket = await approved(deps)

    async def another() -> None:
        await execute_once(deps, [ACCOUNT])

    store.after("SubmitAttempted", another)
    await run(deps)

    attempts = [f for f in await facts_of(deps, STREAM) if isinstance(f, SubmitAttempted)]
    assert len(venue_of(deps).submitted) == 1
    assert [fact.number for fact in attempts] == [1, 2]
    await check_invariants(deps, ticket)


@pytest.mark.parametrize("name", ["exec.after_intent", "exec.before_post", "exec.between_legs"])
async def test_nothing_leaves_once_the_halt_file_lies_there(name: str) -> None:
    wanted: list[str] = []
    deps = make_deps(halt_wanted=lambda: wanted[0] if wanted else None)
    venue_of(deps).held["SPY"] = 120
    await approved(deps, direction=Direction.SHORT)
    sent: list[int] = []

    def lay_down(reached: str) -> None:
        if reached == name and not wanted:
            sent.append(len(venue_of(deps).submitted))
            wanted.append("stop")

    await run(replace(deps, failpoint=lay_down))

    halts = [fact for fact in await facts_of(deps, STREAM) if isinstance(fact, TradingHalted)]
    assert [halt.channel for halt in halts] == ["file"]
    assert len(venue_of(deps).submitted) == sent[0]


async def test_of_two_approved_trades_the_first_is_carried_out_before_the_second() -> None:
    deps = slow_deps((0, OrderStatus.NEW), (500, OrderStatus.FILLED))
    first = await approved(deps)
    await deps.clock.sleep(timedelta(seconds=1))
    await approved(deps, direction=Direction.FLAT, trade_id=EXIT_ID)

    await run(deps)

    assert (await load_trade(deps.store, first.trade_id)).status is TradeStatus.COMPLETED
    assert "CancelRequested" not in await kinds_of(deps, STREAM)


async def test_an_order_that_a_newer_trade_overtakes_before_it_is_sent_never_leaves() -> None:
    deps = make_deps()
    first = await approved(deps)
    await intended_and_died(deps)
    await deps.clock.sleep(timedelta(seconds=1))
    newer = await approved(deps, direction=Direction.FLAT, trade_id=EXIT_ID)

    assert await run(deps) == "settled"

    reason = (await ending_of(deps, first.trade_id)).reason
    assert reason == f"not_sent: buy 500 SPY: trade {newer.trade_id} was approved since"
    assert (await load_trade(deps.store, EXIT_ID)).status is TradeStatus.COMPLETED
    assert venue_of(deps).submitted == []


async def test_a_flip_that_a_newer_trade_overtakes_between_its_legs_ends_flat() -> None:
    deps, store = interrupted(make_deps())
    venue_of(deps).held["SPY"] = 120
    flip = await approved(deps, direction=Direction.SHORT)

    async def another_is_approved() -> None:
        await deps.clock.sleep(timedelta(seconds=1))
        await approved(deps, direction=Direction.FLAT, trade_id=EXIT_ID)

    store.after("LegClosed", another_is_approved)
    await run(deps)

    assert (await ending_of(deps, flip.trade_id)).reason == f"trade {EXIT_ID} was approved since"
    assert (await load_trade(deps.store, EXIT_ID)).status is TradeStatus.COMPLETED
    assert (venue_of(deps).held["SPY"], len(venue_of(deps).submitted)) == (0, 1)
