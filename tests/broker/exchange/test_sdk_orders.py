"""TradingClient's methods for orders, beyond the plain market order."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from alpaca.trading.enums import OrderSide, OrderStatus, OrderType, TimeInForce
from alpaca.trading.requests import GetOrderByIdRequest, GetOrdersRequest, ReplaceOrderRequest

from config.clock import NEW_YORK
from tests.broker.exchange.builders import SATURDAY, whole_fill_id
from tests.broker.exchange.client import Desk

ID = whole_fill_id()
FRIDAY_AT_FIVE = datetime(2026, 11, 20, 5, tzinfo=NEW_YORK)


async def resting(desk: Desk, client_order_id: str = "rests", **fields: Any) -> Any:
    """Send an order that does not trade, and let the exchange acknowledge it."""
    sent = await desk.submit(client_order_id, **{"limit_price": 10, **fields})
    desk.pass_time(milliseconds=60)
    return sent


async def replaced(desk: Desk, order_id: UUID, **changes: Any) -> Any:
    wanted = ReplaceOrderRequest(**changes)
    return await desk.call(desk.trading.replace_order_by_id, order_id, wanted)


async def replace_refusal(desk: Desk, order_id: UUID, **changes: Any) -> tuple[int, int, str]:
    wanted = ReplaceOrderRequest(**changes)
    error = await desk.refused(desk.trading.replace_order_by_id, order_id, wanted)
    return error.status_code, error.code, error.message


async def test_a_stop_waits_for_its_price_and_then_trades(desk: Desk) -> None:
    await desk.submit("far", stop_price=9000)
    await desk.submit(ID, symbol="TLT", stop_price=1)
    desk.pass_time(seconds=1)
    far, reached = await desk.order("far"), await desk.order(ID)

    assert (far.type, far.status, far.stop_price) == (OrderType.STOP, OrderStatus.NEW, "9000")
    assert (reached.status, reached.filled_qty) == (OrderStatus.FILLED, "10")


async def test_a_stop_that_is_reached_keeps_its_limit(desk: Desk) -> None:
    await desk.submit(ID, stop_price=1, limit_price=2)
    desk.pass_time(minutes=5)
    order = await desk.order(ID)

    assert (order.type, order.status) == (OrderType.STOP_LIMIT, OrderStatus.NEW)
    assert (order.stop_price, order.limit_price) == ("1", "2")


async def test_an_order_by_notional_buys_a_fraction_and_has_no_quantity(desk: Desk) -> None:
    sent = await desk.submit(ID, qty=None, notional=1000)
    desk.pass_time(seconds=1)
    filled = await desk.order(ID)
    quantity, price = Decimal(filled.filled_qty), Decimal(filled.filled_avg_price)

    assert (sent.qty, sent.notional) == (None, "1000")
    assert (filled.status, filled.qty) == (OrderStatus.FILLED, None)
    assert quantity % 1 != 0
    assert 0 <= 1000 - quantity * price < price / 10**8


async def test_a_limit_order_may_trade_before_the_open(desk: Desk) -> None:
    desk.clock.advance_to(FRIDAY_AT_FIVE)
    early = await desk.submit(ID, limit_price=9000, extended_hours=True)
    await desk.submit("waits", symbol="TLT", limit_price=9000)
    desk.pass_time(seconds=1)

    assert (early.status, early.extended_hours) == (OrderStatus.PENDING_NEW, True)
    assert (await desk.order(ID)).status is OrderStatus.FILLED
    assert (await desk.order("waits")).status is OrderStatus.ACCEPTED


@pytest.mark.parametrize("quantity", [10, 10.0, "10", "10.000"])
async def test_a_quantity_is_a_number_or_text_and_answered_plainly(
    desk: Desk, quantity: object
) -> None:
    body = {"symbol": "SPY", "qty": quantity, "side": "buy", "type": "market"}

    answer = await desk.call(desk.trading.post, "/orders", body | {"time_in_force": "day"})

    assert answer["qty"] == "10"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"type": "stop"}, "stop orders require a stop price"),
        (
            {"type": "stop_limit", "stop_price": "1"},
            "stop limit orders require both a stop and a limit price",
        ),
        ({"type": "limit"}, "limit orders require a limit price"),
        ({"limit_price": "1"}, "market orders require no stop or limit price"),
        ({"qty": None, "notional": "0.5"}, "notional must be >= 1.00"),
        (
            {"qty": None, "notional": "50", "time_in_force": "gtc"},
            "notional orders must be market orders with time_in_force day",
        ),
        ({"extended_hours": True}, "extended hours orders must be limit orders"),
        (
            {"type": "trailing_stop", "trail_price": "1"},
            "trailing_stop orders not supported by the simulated exchange",
        ),
        ({"time_in_force": "opg"}, "time_in_force opg not supported by the simulated exchange"),
        ({"order_class": "bracket"}, "bracket orders not supported by the simulated exchange"),
        ({"order_class": "oco"}, "oco orders not supported by the simulated exchange"),
        ({"qty": "0.0000000001"}, "invalid qty"),
        ({"type": "limit", "limit_price": "0"}, "invalid limit_price"),
    ],
)
async def test_fields_that_do_not_go_together_are_refused(
    desk: Desk, fields: dict[str, object], message: str
) -> None:
    body = {"symbol": "SPY", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}

    refused = await desk.refused(desk.trading.post, "/orders", body | fields)

    assert (refused.status_code, refused.code, refused.message) == (422, 40010001, message)


async def test_a_replacement_is_a_new_order_that_names_the_old_one(desk: Desk) -> None:
    sent = await resting(desk)

    new = await replaced(desk, sent.id, qty=4, limit_price=11, client_order_id="renamed")
    old = await desk.call(desk.trading.get_order_by_id, sent.id, GetOrderByIdRequest(nested=True))

    assert (new.client_order_id, new.qty, new.limit_price) == ("renamed", "4", "11")
    assert new.id != sent.id
    assert (new.replaces, new.status) == (sent.id, OrderStatus.PENDING_NEW)
    assert (old.replaced_by, old.status) == (new.id, OrderStatus.REPLACED)
    assert old.replaced_at is not None


async def test_a_replacement_may_keep_all_but_the_time_in_force(desk: Desk) -> None:
    sent = await resting(desk)

    new = await replaced(desk, sent.id, time_in_force=TimeInForce.GTC)

    assert (new.time_in_force, new.qty, new.limit_price) == (TimeInForce.GTC, "10", "10")
    assert len(new.client_order_id) == 36


async def test_an_order_that_is_not_at_the_market_cannot_be_replaced(desk: Desk) -> None:
    pending = await desk.submit("pending", limit_price=10)
    too_early = await replace_refusal(desk, pending.id, qty=4)
    desk.clock.advance_to(SATURDAY)
    queued = await desk.submit("queued", limit_price=10)
    on_saturday = await replace_refusal(desk, queued.id, qty=4)

    wording = "replace not allowed: order is in"
    assert too_early == (422, 42210000, f'{wording} "pending_new" state')
    assert on_saturday == (422, 42210000, f'{wording} "accepted" state')


async def test_what_a_replacement_cannot_change_is_refused_and_the_order_goes_on(
    desk: Desk,
) -> None:
    sent = await resting(desk)
    fraction = await resting(desk, "fraction", quantity=1.5)

    same = await replace_refusal(desk, sent.id, qty=10)
    stop = await replace_refusal(desk, sent.id, stop_price=5)
    taken = await replace_refusal(desk, sent.id, qty=4, client_order_id="fraction")
    dear = await replace_refusal(desk, sent.id, qty=4_000_000)
    part = await replace_refusal(desk, fraction.id, qty=2)
    no_order = await replace_refusal(desk, UUID(int=1), qty=2)

    assert same == (422, 40010001, "order parameters are not changed")
    assert stop == (422, 40010001, "limit orders require no stop_price")
    assert taken == (422, 42210000, "client_order_id must be unique")
    assert dear == (403, 40310000, "insufficient buying power")
    assert part[:2] == (422, 42210000)
    assert no_order == (404, 40410000, f"order not found for {UUID(int=1)}")
    assert (await desk.order("rests")).status is OrderStatus.NEW


async def test_a_replaced_exit_may_use_the_shares_of_the_old_one(desk: Desk) -> None:
    await desk.submit(ID)
    desk.pass_time(seconds=1)
    way_out = await resting(desk, "out", side=OrderSide.SELL, limit_price=90_000)

    new = await replaced(desk, way_out.id, limit_price=80_000)

    assert (new.qty, new.limit_price) == ("10", "80000")


async def test_all_orders_are_canceled_at_once(desk: Desk) -> None:
    sent = [await resting(desk, name) for name in ("one", "two")]

    outcomes = await desk.call(desk.trading.cancel_orders)
    open_orders = await desk.call(desk.trading.get_orders)

    assert [(one.id, one.status) for one in outcomes] == [(one.id, 200) for one in sent]
    assert open_orders == []
    assert await desk.call(desk.trading.cancel_orders) == []


async def test_orders_are_listed_from_one_order_on(desk: Desk) -> None:
    sent = [await resting(desk, name) for name in ("one", "two", "three")]

    async def listed(**query: object) -> list[str]:
        rows = await desk.call(desk.trading.get, "/orders", {"status": "all", **query})
        return [row["client_order_id"] for row in rows]

    assert await listed(after_order_id=str(sent[0].id), direction="asc") == ["two", "three"]
    assert await listed(before_order_id=str(sent[2].id)) == ["two", "one"]
    assert await listed(before_order_id=str(sent[0].id)) == []
    assert await listed(asset_class="us_equity,crypto", limit=1) == ["three"]
    assert await listed(asset_class="crypto") == []
    assert await listed(side="sell") == []


async def test_orders_are_listed_with_the_sdk_s_own_filters(desk: Desk) -> None:
    await resting(desk)
    wanted = GetOrdersRequest(nested=True, side=OrderSide.BUY, symbols=["SPY", "TLT"], limit=500)

    (order,) = await desk.call(desk.trading.get_orders, wanted)

    assert order.client_order_id == "rests"


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 501},
        {"status": "new"},
        {"direction": "up"},
        {"side": "hold"},
        {"nested": "maybe"},
        {"after": "yesterday"},
        {"after_order_id": "first"},
        {"after_order_id": str(UUID(int=1)), "after": "2026-01-01"},
    ],
)
async def test_a_filter_that_means_nothing_is_refused(desk: Desk, query: dict[str, object]) -> None:
    refused = await desk.refused(desk.trading.get, "/orders", query)

    assert (refused.status_code, refused.code) == (422, 40010001)


async def test_a_working_order_holds_its_value_back_until_it_ends(desk: Desk) -> None:
    order = await resting(desk, qty=1000, limit_price=150)

    held_back = await desk.call(desk.trading.get_account)
    refused = await desk.refusal("too-much", 1000, limit_price=150)
    await desk.call(desk.trading.cancel_order_by_id, order.id)
    free = await desk.call(desk.trading.get_account)

    assert (held_back.buying_power, free.buying_power) == ("50000", "200000")
    assert (refused.status_code, refused.message) == (403, "insufficient buying power")
