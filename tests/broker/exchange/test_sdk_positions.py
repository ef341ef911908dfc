"""TradingClient's methods for positions: closing them, in part, whole and all at once."""

from decimal import Decimal

import pytest
from alpaca.trading.enums import OrderSide, OrderStatus, OrderType, PositionIntent
from alpaca.trading.models import FailedClosePositionDetails, Order
from alpaca.trading.requests import ClosePositionRequest

from tests.broker.exchange.builders import whole_fill_id
from tests.broker.exchange.client import Desk

ID = whole_fill_id()
OTHER_ID = whole_fill_id("other")


async def bought(desk: Desk, client_order_id: str = ID, quantity: float = 10) -> None:
    await desk.submit(client_order_id, quantity)
    desk.pass_time(seconds=1)


async def quantity_of(desk: Desk, symbol: str = "SPY") -> str:
    # A close has an id of its own, so that it may take two fills.
    desk.pass_time(seconds=5)
    position = await desk.call(desk.trading.get_open_position, symbol)
    return str(position.qty)


async def test_a_position_is_closed_by_a_market_order(desk: Desk) -> None:
    await bought(desk)

    order = await desk.call(desk.trading.close_position, "SPY")
    desk.pass_time(seconds=5)

    assert (order.side, order.qty, order.type) == (OrderSide.SELL, "10", OrderType.MARKET)
    assert order.position_intent is PositionIntent.SELL_TO_CLOSE
    assert await desk.call(desk.trading.get_all_positions) == []


@pytest.mark.parametrize(
    ("part", "left"),
    [
        (ClosePositionRequest(qty="4"), "6"),
        (ClosePositionRequest(percentage="50"), "5"),
        (ClosePositionRequest(percentage="55"), "5"),
        (ClosePositionRequest(qty="2.5"), "7.5"),
    ],
)
async def test_a_part_of_a_position_is_closed(
    desk: Desk, part: ClosePositionRequest, left: str
) -> None:
    await bought(desk)

    await desk.call(desk.trading.close_position, "SPY", part)

    assert await quantity_of(desk) == left


async def test_a_position_with_a_fraction_is_closed_by_the_fraction(desk: Desk) -> None:
    await bought(desk, quantity=1.5)

    await desk.call(desk.trading.close_position, "SPY", ClosePositionRequest(percentage="50"))

    assert await quantity_of(desk) == "0.75"


async def test_a_short_position_is_bought_back_by_its_asset_s_id(desk: Desk) -> None:
    await desk.submit(ID, side=OrderSide.SELL)
    desk.pass_time(seconds=1)
    position = await desk.call(desk.trading.get_open_position, "SPY")

    order = await desk.call(desk.trading.close_position, position.asset_id)

    assert (order.side, order.position_intent) == (OrderSide.BUY, PositionIntent.BUY_TO_CLOSE)


async def test_what_cannot_be_closed_is_refused(desk: Desk) -> None:
    missing = await desk.refused(desk.trading.close_position, "SPY")
    await bought(desk)
    too_much = await desk.refused(
        desk.trading.close_position, "SPY", ClosePositionRequest(qty="11")
    )
    nothing = await desk.refused(
        desk.trading.close_position, "SPY", ClosePositionRequest(percentage="5")
    )
    both = await desk.refused(
        desk.trading.delete, "/positions/SPY", {"qty": "1", "percentage": "1"}
    )
    above = await desk.refused(desk.trading.delete, "/positions/SPY", {"percentage": "101"})

    assert (missing.status_code, missing.code) == (404, 40410000)
    assert missing.message == "position does not exist"
    assert (too_much.status_code, too_much.code) == (403, 40310000)
    assert [one.status_code for one in (nothing, both, above)] == [422, 422, 422]


async def test_all_positions_are_closed_and_their_orders_canceled(desk: Desk) -> None:
    await bought(desk)
    await desk.submit(OTHER_ID, 5, symbol="TLT", side=OrderSide.SELL)
    desk.pass_time(seconds=1)
    await desk.submit("out", side=OrderSide.SELL, limit_price=90_000)

    outcomes = await desk.call(desk.trading.close_all_positions, True)
    desk.pass_time(seconds=5)

    assert [(one.symbol, one.status) for one in outcomes] == [("SPY", 200), ("TLT", 200)]
    assert all(isinstance(one.body, Order) for one in outcomes)
    assert (await desk.order("out")).status is OrderStatus.CANCELED
    assert await desk.call(desk.trading.get_all_positions) == []


async def test_shares_that_an_order_holds_are_not_closed(desk: Desk) -> None:
    await bought(desk)
    await desk.submit("out", 4, side=OrderSide.SELL, limit_price=90_000)

    (outcome,) = await desk.call(desk.trading.close_all_positions)
    position = await desk.call(desk.trading.get_open_position, "SPY")

    assert (outcome.symbol, outcome.status) == ("SPY", 403)
    assert isinstance(outcome.body, FailedClosePositionDetails)
    assert (outcome.body.held_for_orders, outcome.body.available) == (4, 6)
    assert (position.qty, position.qty_available) == ("10", "6")


async def test_closing_nothing_is_no_error(desk: Desk) -> None:
    assert await desk.call(desk.trading.close_all_positions, True) == []


async def test_what_a_closed_position_earned_is_cash(desk: Desk) -> None:
    await bought(desk)
    await desk.call(desk.trading.close_position, "SPY")
    desk.pass_time(seconds=5)

    account = await desk.call(desk.trading.get_account)
    orders = await desk.call(desk.trading.get, "/orders", {"status": "closed"})

    spent = {
        order["side"]: Decimal(order["filled_qty"]) * Decimal(order["filled_avg_price"])
        for order in orders
    }
    assert Decimal(account.cash) == round(100_000 - spent["buy"] + spent["sell"], 2)
    assert account.equity == account.cash


@pytest.mark.parametrize("side", [OrderSide.BUY, OrderSide.SELL])
async def test_today_s_gain_is_a_share_of_what_the_position_was_worth_last_day(
    desk: Desk, side: OrderSide
) -> None:
    await desk.submit(ID, side=side)
    desk.pass_time(hours=2)

    position = await desk.call(desk.trading.get_open_position, "SPY")

    sign = 1 if side is OrderSide.BUY else -1
    moved = Decimal(position.current_price) - Decimal(position.lastday_price)
    share = sign * moved / Decimal(position.lastday_price)
    assert moved
    assert Decimal(position.unrealized_intraday_pl) == sign * 10 * moved
    assert Decimal(position.unrealized_intraday_plpc) == pytest.approx(share, abs=Decimal("1e-6"))
    assert Decimal(position.change_today) == sign * Decimal(position.unrealized_intraday_plpc)


async def test_shares_of_a_short_position_that_an_order_holds_are_not_available(
    desk: Desk,
) -> None:
    await desk.submit(ID, side=OrderSide.SELL)
    desk.pass_time(seconds=1)
    await desk.submit("back", 4, limit_price=1)

    position = await desk.call(desk.trading.get_open_position, "SPY")

    assert (position.qty, position.qty_available) == ("-10", "-6")
