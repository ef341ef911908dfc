"""A halt stops every later order, whenever it comes; only cancels still pass."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from broker.models import OrderStatus
from config.clock import VirtualClock
from council.model.base import Direction
from council.ports import Deps
from council.trade_facts import CancelRequested, TradingHalted
from council.trading.account_guard import load_guard
from council.trading.executor import execute_once, run_until_settled
from council.trading.halts import halt, halted_fact, resume
from council.trading.journal import record
from council.trading.lifecycle import TradeStatus, load_trade
from tests.builders import NOW
from tests.council.trading.faults import MINUTE, SlowVenue, ending_of, run, slow_deps
from tests.council.trading.invariants import check_invariants
from tests.council.trading.scenes import ACCOUNT, ANNA, approved, facts_of, venue_of
from tests.fakes import make_deps

FAILPOINTS = (
    "reconcile.before_record",
    "exec.before_intent",
    "exec.after_intent",
    "exec.before_post",
    "exec.after_post",
    "exec.before_record",
    "exec.between_legs",
)


def at_once(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine that never waits: one over the store in memory."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


async def halt_now(deps: Deps) -> None:
    guard = await load_guard(deps.store, ACCOUNT)
    fact = halted_fact(guard, ACCOUNT, reason="stop", by="anna", channel="cli", at=NOW)
    await record(deps, [fact], {fact.stream: guard.version})


def halting_at(name: str, deps: Deps) -> tuple[Callable[[str], None], list[int]]:
    """Return a failpoint that halts at the first `name`, and how many orders had left by then."""
    sent: list[int] = []

    def failpoint(reached: str) -> None:
        if reached == name and not sent:
            sent.append(len(venue_of(deps).submitted))
            at_once(halt_now(deps))

    return failpoint, sent


@pytest.mark.parametrize("name", FAILPOINTS)
async def test_nothing_leaves_after_a_halt_at_any_point_of_a_flip(name: str) -> None:
    deps = make_deps()
    venue_of(deps).held["SPY"] = 120
    ticket = await approved(deps, direction=Direction.SHORT)
    failpoint, sent = halting_at(name, deps)
    halted = replace(deps, failpoint=failpoint)

    for _ in range(3):
        await run_until_settled(halted, [ACCOUNT], timeout=MINUTE)
    sent_after_the_halt = len(venue_of(deps).submitted) - sent[0]
    await resume(deps, [ACCOUNT], decider=ANNA)
    await run(deps)

    assert sent_after_the_halt == 0
    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.COMPLETED
    await check_invariants(deps, ticket)


async def test_a_halt_cancels_the_order_under_way_and_keeps_its_fills() -> None:
    deps = slow_deps((200, OrderStatus.PARTIALLY_FILLED))
    ticket = await approved(deps)
    await execute_once(deps, [ACCOUNT])

    await halt(deps, [ACCOUNT], reason="look", by="anna", channel="cli")
    await run(deps)

    ending = await ending_of(deps, ticket.trade_id)
    assert ending.reason == "open_partly: 200 of 500 SPY filled, then canceled"
    assert venue_of(deps).held["SPY"] == 200
    await check_invariants(deps, ticket)


async def test_a_halt_may_leave_the_order_under_way_alone() -> None:
    deps = slow_deps((200, OrderStatus.PARTIALLY_FILLED))
    await approved(deps)
    await execute_once(deps, [ACCOUNT])

    await halt(deps, [ACCOUNT], reason="look", by="anna", channel="cli", cancel_orders=False)
    await execute_once(deps, [ACCOUNT])

    facts = await facts_of(deps, f"account-{ACCOUNT}")
    assert not [fact for fact in facts if isinstance(fact, CancelRequested)]


async def test_a_lost_cancel_is_asked_for_again() -> None:
    deps = slow_deps((200, OrderStatus.PARTIALLY_FILLED))
    venue = venue_of(deps)
    assert isinstance(venue, SlowVenue)
    ticket = await approved(deps)
    await execute_once(deps, [ACCOUNT])
    await halt(deps, [ACCOUNT], reason="look", by="anna", channel="cli")

    class Died(BaseException):
        pass

    def die(name: str) -> None:
        if name == "exec.after_cancel":
            raise Died

    with pytest.raises(Died):
        await execute_once(replace(deps, failpoint=die), [ACCOUNT])
    await run(deps)

    assert (await ending_of(deps, ticket.trade_id)).reason.endswith("then canceled")


async def test_the_halt_file_halts_every_account_until_a_person_resumes() -> None:
    deps = make_deps()
    ticket = await approved(deps)
    asked = replace(deps, halt_wanted=lambda: "the market is mad")

    (report,) = await execute_once(asked, [ACCOUNT])
    await execute_once(deps, [ACCOUNT])
    sent_while_halted = len(venue_of(deps).submitted)
    await resume(deps, [ACCOUNT], decider=ANNA)
    await run(deps)

    halts = await facts_of(deps, f"account-{ACCOUNT}")
    (told,) = [fact for fact in halts if isinstance(fact, TradingHalted)]
    assert (told.channel, told.reason) == ("file", "the market is mad")
    assert (report.outcome, sent_while_halted) == ("blocked", 0)
    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.COMPLETED


async def test_what_a_halt_held_back_too_long_expires() -> None:
    deps = make_deps()
    ticket = await approved(deps)
    await halt(deps, [ACCOUNT], reason="look", by="anna", channel="cli")
    assert isinstance(deps.clock, VirtualClock)
    deps.clock.advance_to(ticket.expires_at)
    await resume(deps, [ACCOUNT], decider=ANNA)

    await run(deps)

    assert (await load_trade(deps.store, ticket.trade_id)).status is TradeStatus.EXPIRED
    assert venue_of(deps).submitted == []
