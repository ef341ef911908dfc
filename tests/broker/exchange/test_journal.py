"""The journal of order events: what a stream of updates is told from."""

import json
from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest

from broker.exchange.desk import ClosePart, TradingDesk
from broker.exchange.errors import RequestRefused
from broker.exchange.orders import OrderChange, TradeUpdate, UpdateKind
from broker.exchange.prices import SyntheticPrices
from broker.exchange.rules import AssetRules
from broker.exchange.wire import trade_update_json
from broker.models import OrderStatus, Side
from config.clock import VirtualClock
from tests.broker.exchange.builders import (
    SATURDAY,
    WEDNESDAY_NOON,
    make_draft,
    partial_fill_id,
    whole_fill_id,
)
from tests.broker.exchange.client import ACCOUNTS, open_desk

ACCOUNT, NEIGHBOUR = ACCOUNTS
ID = whole_fill_id()
RESTING = make_draft(client_order_id="rests", limit_price=Decimal(10))


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(WEDNESDAY_NOON)


@pytest.fixture
def desk(pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock) -> TradingDesk:
    return open_desk(pool, prices, clock)


async def told(desk: TradingDesk, after: int = 0) -> list[TradeUpdate]:
    return list(await desk.trade_updates(ACCOUNT, after=after))


def kinds(updates: list[TradeUpdate]) -> list[str]:
    return [update.event.value for update in updates]


def pass_time(clock: VirtualClock, **duration: float) -> None:
    clock.advance_to(clock.now() + timedelta(**duration))


async def test_one_look_tells_all_that_happened_each_with_its_time_and_order(
    desk: TradingDesk, clock: VirtualClock
) -> None:
    await desk.submit(ACCOUNT, make_draft(client_order_id=partial_fill_id(), quantity=Decimal(100)))
    pass_time(clock, seconds=5)

    begun, new, first, second = await told(desk)

    assert kinds([begun, new, first, second]) == ["pending_new", "new", "partial_fill", "fill"]
    milliseconds = [(one.at - WEDNESDAY_NOON) / timedelta(milliseconds=1) for one in (new, first)]
    assert milliseconds == [50, 150]
    assert begun.order.status is OrderStatus.PENDING_NEW
    assert begun.order.filled_quantity == 0
    assert new.order.status is OrderStatus.NEW
    assert first.order.status is OrderStatus.PARTIALLY_FILLED
    assert first.order.filled_quantity == first.quantity == first.position_quantity
    assert second.order.status is OrderStatus.FILLED
    assert second.position_quantity == 100
    assert first.execution_id != second.execution_id


async def test_updates_go_on_where_the_last_look_ended(
    desk: TradingDesk, clock: VirtualClock
) -> None:
    await desk.submit(ACCOUNT, make_draft(client_order_id=ID))
    seen = await desk.last_update(ACCOUNT)
    pass_time(clock, seconds=1)

    fresh = await told(desk, after=seen)

    assert kinds(fresh) == ["new", "fill"]
    assert await desk.last_update(ACCOUNT) == fresh[-1].sequence
    assert await told(desk, after=fresh[-1].sequence) == []


async def test_events_of_several_orders_come_in_the_order_of_their_times(
    desk: TradingDesk, clock: VirtualClock
) -> None:
    for number, name in enumerate((whole_fill_id("one"), whole_fill_id("two"))):
        await desk.submit(ACCOUNT, make_draft(client_order_id=name, quantity=Decimal(number + 1)))
    pass_time(clock, seconds=1)

    updates = await told(desk)

    assert kinds(updates) == ["pending_new", "pending_new", "new", "new", "fill", "fill"]
    assert [one.position_quantity for one in updates[-2:]] == [1, 3]
    assert [one.at for one in updates] == sorted(one.at for one in updates)
    assert [one.sequence for one in updates] == sorted(one.sequence for one in updates)


async def test_a_short_position_is_told_below_zero(desk: TradingDesk, clock: VirtualClock) -> None:
    await desk.submit(ACCOUNT, make_draft(client_order_id=ID, side=Side.SELL))
    pass_time(clock, seconds=1)

    assert (await told(desk))[-1].position_quantity == -10


async def test_cancel_replace_and_expiry_are_told(desk: TradingDesk, clock: VirtualClock) -> None:
    first = await desk.submit(ACCOUNT, RESTING)
    pass_time(clock, seconds=1)
    change = OrderChange("replacement", limit_price=Decimal(11))
    second = await desk.replace(ACCOUNT, first.order_id, change)
    pass_time(clock, seconds=1)
    await desk.cancel(ACCOUNT, second.order_id)
    await desk.submit(ACCOUNT, make_draft(client_order_id="lapses", limit_price=Decimal(10)))
    pass_time(clock, hours=6)

    updates = await told(desk)

    assert kinds(updates) == [
        *("pending_new", "new", "replaced", "pending_new", "new", "canceled"),
        *("pending_new", "new", "expired"),
    ]
    assert updates[2].order.replaced_by == second.order_id
    assert updates[3].order.replaces == first.order_id
    assert updates[3].order.limit_price == 11
    assert all(one.execution_id is None for one in updates)


async def test_a_queued_order_is_told_as_accepted(desk: TradingDesk, clock: VirtualClock) -> None:
    clock.advance_to(SATURDAY)
    await desk.submit(ACCOUNT, make_draft(client_order_id=ID))
    pass_time(clock, days=2)

    assert kinds(await told(desk)) == ["accepted", "new", "fill"]


async def test_a_refused_order_is_not_told(desk: TradingDesk) -> None:
    with pytest.raises(RequestRefused):
        await desk.submit(ACCOUNT, make_draft(quantity=Decimal(1_000_000)))

    assert await told(desk) == []


async def test_an_account_is_told_nothing_of_another(
    desk: TradingDesk, clock: VirtualClock
) -> None:
    await desk.submit(ACCOUNT, make_draft(client_order_id=ID))
    pass_time(clock, seconds=1)

    assert await desk.trade_updates(NEIGHBOUR, after=0) == ()
    assert await desk.last_update(NEIGHBOUR) == 0


async def test_another_process_tells_the_same(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    desks = [open_desk(pool, prices, clock) for _ in range(2)]
    await desks[0].submit(ACCOUNT, make_draft(client_order_id=ID))
    pass_time(clock, seconds=1)

    assert await told(desks[1]) == await told(desks[0])


async def test_a_stuck_cancel_never_ends_and_its_shares_stay_held(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    desk = open_desk(pool, prices, clock, is_stuck=lambda name: name == "out")
    await desk.submit(ACCOUNT, make_draft(client_order_id=ID))
    pass_time(clock, seconds=1)
    way_out = make_draft(client_order_id="out", side=Side.SELL, limit_price=Decimal(9000))
    order = await desk.submit(ACCOUNT, way_out)

    await desk.cancel(ACCOUNT, order.order_id)
    pass_time(clock, days=100)

    assert (await told(desk))[-1].event is UpdateKind.PENDING_CANCEL
    assert (await desk.order(ACCOUNT, "client_order_id", "out")).is_working
    for refused in (
        desk.cancel(ACCOUNT, order.order_id),
        desk.close(ACCOUNT, "SPY", ClosePart()),
        desk.replace(ACCOUNT, order.order_id, OrderChange("new", quantity=Decimal(1))),
    ):
        with pytest.raises(RequestRefused, match=r"pending_cancel|insufficient qty"):
            await refused
    (outcome,) = await desk.cancel_all(ACCOUNT)
    assert outcome[1] is not None


async def test_the_rules_of_an_instrument_may_change_with_time(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    borrowed_out_at = WEDNESDAY_NOON + timedelta(hours=1)
    desk = open_desk(
        pool,
        prices,
        clock,
        asset_rules=lambda symbol, at: AssetRules(symbol, shortable=at < borrowed_out_at),
    )
    short = make_draft(client_order_id=ID, side=Side.SELL)

    await desk.submit(ACCOUNT, short)
    clock.advance_to(borrowed_out_at)

    with pytest.raises(RequestRefused, match="cannot be sold short"):
        await desk.submit(ACCOUNT, make_draft(client_order_id="later", side=Side.SELL))
    rules = desk.reports.asset("SPY")
    assert rules is not None
    assert not rules.shortable


async def test_a_message_carries_the_order_and_for_a_fill_its_amounts(
    desk: TradingDesk, clock: VirtualClock
) -> None:
    await desk.submit(ACCOUNT, make_draft(client_order_id=ID, quantity=Decimal("10.0")))
    pass_time(clock, seconds=1)

    begun, _, filled = [trade_update_json(update) for update in await told(desk)]

    assert set(begun) == {"event", "order", "timestamp"}
    assert begun["order"]["status"] == "pending_new"
    assert begun["timestamp"] == "2026-11-18T17:00:00Z"
    assert (filled["event"], filled["qty"], filled["position_qty"]) == ("fill", "10", "10")
    assert filled["price"] == filled["order"]["filled_avg_price"]
    assert len(filled["execution_id"]) == 36


async def test_the_pool_may_read_json_as_objects(
    database_dsn: str, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    async def read_objects(connection: asyncpg.Connection) -> None:
        await connection.set_type_codec(
            "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
        )

    async with asyncpg.create_pool(database_dsn, min_size=1, init=read_objects) as pool:
        desk = open_desk(pool, prices, clock)
        await desk.submit(ACCOUNT, make_draft(client_order_id=ID))
        await desk.configure(ACCOUNT, {"suspend_trade": True})

        assert kinds(await told(desk)) == ["pending_new"]
        assert (await desk.configuration(ACCOUNT)).suspend_trade
