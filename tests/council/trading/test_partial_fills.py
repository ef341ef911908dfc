"""What is kept of orders that fill bit by bit, or not to the end."""

from dataclasses import replace

import pytest

from broker.models import (
    OrderStatus,
)
from config.ids import meaning_id
from council.model.base import Direction
from council.trade_facts import LegClosed, OrderProgressed
from council.trading.executor import execute_once
from council.trading.lifecycle import TradeStatus, load_trade
from tests.council.trading.faults import Killed, SlowVenue, dying_at, ending_of, run, slow_deps
from tests.council.trading.invariants import check_invariants
from tests.council.trading.scenes import (
    ACCOUNT,
    approved,
    facts_of,
    kinds_of,
    venue_of,
)


async def test_partial_fills_are_stored_as_running_totals() -> None:
    deps = slow_deps(
        (100, OrderStatus.PARTIALLY_FILLED),
        (100, OrderStatus.PARTIALLY_FILLED),
        (350, OrderStatus.PARTIALLY_FILLED),
        (500, OrderStatus.FILLED),
    )
    ticket = await approved(deps)

    assert await run(deps) == "settled"

    facts = await facts_of(deps, f"account-{ACCOUNT}")
    progress = [fact for fact in facts if isinstance(fact, OrderProgressed)]
    assert [fact.filled_quantity for fact in progress] == [0, 100, 350, 500]
    assert [fact.position_quantity for fact in progress] == [0, 100, 350, 500]
    await check_invariants(deps, ticket)


async def test_a_partial_fill_seen_but_not_stored_is_not_added_twice() -> None:
    deps = slow_deps((100, OrderStatus.PARTIALLY_FILLED), (500, OrderStatus.FILLED))
    ticket = await approved(deps)

    dying = replace(deps, failpoint=dying_at("exec.before_record", time=2))
    with pytest.raises(Killed):
        await execute_once(dying, [ACCOUNT])
    await run(deps)

    (closed,) = [
        fact for fact in await facts_of(deps, f"account-{ACCOUNT}") if isinstance(fact, LegClosed)
    ]
    assert closed.filled_quantity == 500
    await check_invariants(deps, ticket)


async def test_a_view_older_than_the_log_takes_no_fill_back() -> None:
    deps = slow_deps(
        (350, OrderStatus.PARTIALLY_FILLED),
        (100, OrderStatus.PARTIALLY_FILLED),
        (500, OrderStatus.FILLED),
    )
    ticket = await approved(deps)

    await run(deps)

    facts = await facts_of(deps, f"account-{ACCOUNT}")
    progress = [fact for fact in facts if isinstance(fact, OrderProgressed)]
    assert [fact.filled_quantity for fact in progress] == [0, 350, 500]
    await check_invariants(deps, ticket)


async def test_an_opening_that_is_cancelled_half_way_keeps_what_it_filled() -> None:
    deps = slow_deps((100, OrderStatus.PARTIALLY_FILLED), (100, OrderStatus.CANCELED))
    ticket = await approved(deps)

    await run(deps)

    reason = (await ending_of(deps, ticket.trade_id)).reason
    assert reason == "open_partly: 100 of 500 SPY filled, then canceled"
    assert venue_of(deps).held["SPY"] == 100
    assert len(venue_of(deps).submitted) == 1
    await check_invariants(deps, ticket)


async def test_a_close_that_ran_out_of_its_day_is_tried_once_more_for_the_rest() -> None:
    deps = slow_deps((50, OrderStatus.EXPIRED), (70, OrderStatus.FILLED))
    venue_of(deps).held["SPY"] = 120
    ticket = await approved(deps, direction=Direction.FLAT)

    assert await run(deps) == "settled"

    assert [int(request.quantity) for request in venue_of(deps).submitted] == [120, 70]
    assert venue_of(deps).held["SPY"] == 0
    await check_invariants(deps, ticket)


async def test_a_flip_whose_close_expires_twice_never_opens() -> None:
    deps = slow_deps((50, OrderStatus.EXPIRED), (10, OrderStatus.EXPIRED))
    venue_of(deps).held["SPY"] = 120
    ticket = await approved(deps, direction=Direction.SHORT)

    await run(deps)

    assert (await ending_of(deps, ticket.trade_id)).reason.startswith("flip_closed_partly")
    assert venue_of(deps).held["SPY"] == 60
    await check_invariants(deps, ticket)


async def test_a_newer_trade_has_the_order_under_way_cancelled_first() -> None:
    deps = slow_deps()
    venue = venue_of(deps)
    assert isinstance(venue, SlowVenue)
    first = await approved(deps)
    await execute_once(deps, [ACCOUNT])
    exit_id = meaning_id("trade", "an exit")
    await approved(deps, direction=Direction.FLAT, trade_id=exit_id)

    assert await run(deps) == "settled"

    assert "CancelRequested" in await kinds_of(deps, f"account-{ACCOUNT}")
    assert (await ending_of(deps, first.trade_id)).reason.startswith("open_partly")
    assert (await load_trade(deps.store, exit_id)).status is TradeStatus.COMPLETED
    assert len(venue.submitted) == 1


async def test_an_order_stuck_in_its_cancel_stops_the_account_for_a_person_to_look() -> None:
    deps = slow_deps()
    venue = venue_of(deps)
    assert isinstance(venue, SlowVenue)
    venue.is_stuck = True
    await approved(deps)
    await execute_once(deps, [ACCOUNT])
    await approved(deps, direction=Direction.FLAT, trade_id=meaning_id("trade", "an exit"))

    for _ in range(8):
        (report,) = await execute_once(deps, [ACCOUNT])

    assert report.outcome == "blocked"
    assert "has not cancelled" in report.notes[-1]
    assert len(venue.submitted) == 1
