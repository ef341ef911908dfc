"""Whatever way an order fills and ends, the record has the venue's fills and nothing is chased."""

import asyncio
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.models import OrderStatus
from council.model.base import Direction
from council.trading.account_guard import load_guard
from council.trading.executor import execute_once
from council.trading.lifecycle import TradeStatus, load_trade
from tests.council.trading.faults import SlowVenue, run, slow_deps
from tests.council.trading.invariants import check_invariants
from tests.council.trading.scenes import ACCOUNT, approved, kinds_of, venue_of

ENDS = (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED)


@st.composite
def lives(draw: st.DrawFn, quantity: int) -> list[tuple[int, OrderStatus]]:
    """Draw growing fills of an order of `quantity` shares, the last one with how it ended."""
    fills = sorted(draw(st.lists(st.integers(1, quantity - 1), max_size=4)))
    end = draw(st.sampled_from(ENDS))
    last = quantity if end is OrderStatus.FILLED else (fills[-1] if fills else 0)
    steps = [(filled, OrderStatus.PARTIALLY_FILLED) for filled in fills]
    return [*steps, (last, end)]


@settings(deadline=None, max_examples=40)
@given(lives(500))
def test_an_opening_order_keeps_what_filled_and_chases_nothing(
    steps: list[tuple[int, OrderStatus]],
) -> None:
    asyncio.run(_opening(steps))


async def _opening(steps: list[tuple[int, OrderStatus]]) -> None:
    deps = slow_deps(*steps)
    ticket = await approved(deps)

    for _ in range(3):
        await run(deps)

    filled = steps[-1][0]
    status = (await load_trade(deps.store, ticket.trade_id)).status
    assert status is (TradeStatus.COMPLETED if filled == 500 else TradeStatus.INCOMPLETE)
    assert len(venue_of(deps).submitted) == 1
    assert venue_of(deps).held.get("SPY", 0) == filled
    assert (await load_guard(deps.store, ACCOUNT)).expected.get("SPY", 0) == filled
    await check_invariants(deps, ticket)


@settings(deadline=None, max_examples=40)
@given(lives(120), st.data())
def test_a_flip_never_opens_before_its_close_is_whole(
    steps: list[tuple[int, OrderStatus]], further: st.DataObject
) -> None:
    left = 120 - steps[-1][0]
    again = further.draw(lives(left)) if left > 1 else [(left, OrderStatus.FILLED)] * (left == 1)
    asyncio.run(_flip([*steps, *again, (500, OrderStatus.FILLED)]))


async def _flip(steps: list[tuple[int, OrderStatus]]) -> None:
    deps = slow_deps(*steps)
    venue = venue_of(deps)
    assert isinstance(venue, SlowVenue)
    venue.held["SPY"] = 120
    ticket = await approved(deps, direction=Direction.SHORT, equity_share=Decimal("0.5"))

    for _ in range(3):
        await run(deps)
    before = await kinds_of(deps, f"account-{ACCOUNT}")
    await execute_once(deps, [ACCOUNT])

    assert -500 <= venue.held.get("SPY", 0) <= 120
    assert await kinds_of(deps, f"account-{ACCOUNT}") == before
    assert (await load_trade(deps.store, ticket.trade_id)).is_over
    await check_invariants(deps, ticket)
