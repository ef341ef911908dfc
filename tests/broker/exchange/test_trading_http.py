import asyncio
import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    OrderSide,
    OrderStatus,
    PositionIntent,
    PositionSide,
    QueryOrderStatus,
)
from alpaca.trading.requests import GetAssetsRequest, GetCalendarRequest, GetOrdersRequest

from broker.exchange.app import ExchangeAccount, create_exchange
from broker.exchange.prices import SyntheticPrices
from config.clock import NEW_YORK, VirtualClock
from config.errors import ConfigError
from tests.broker.exchange.builders import SATURDAY, WEDNESDAY_NOON, whole_fill_id
from tests.broker.exchange.client import ACCOUNTS, Desk, running_desk, trading_client

ID = whole_fill_id()
OTHER_ID = whole_fill_id("other")


async def test_a_fresh_account_has_its_cash_and_no_day_trader_fields(desk: Desk) -> None:
    account = await desk.call(desk.trading.get_account)
    raw = await desk.call(desk.trading.get, "/account")

    assert (account.account_number, account.status.value) == ("PASIM1", "ACTIVE")
    assert (account.cash, account.equity, account.buying_power) == ("100000", "100000", "200000")
    assert not [name for name in raw if "daytrad" in name or "pattern" in name]


async def test_a_market_order_goes_from_pending_to_filled_to_a_position(desk: Desk) -> None:
    sent = await desk.submit(ID)
    desk.pass_time(seconds=1)
    filled = await desk.order(ID)
    (position,) = await desk.call(desk.trading.get_all_positions)
    account = await desk.call(desk.trading.get_account)

    assert (sent.status, sent.qty) == (OrderStatus.PENDING_NEW, "10")
    assert (filled.status, filled.filled_qty) == (OrderStatus.FILLED, "10")
    assert (position.symbol, position.qty, position.side) == ("SPY", "10", PositionSide.LONG)
    assert float(account.cash) == pytest.approx(100_000 - 10 * float(filled.filled_avg_price))
    assert float(account.equity) == pytest.approx(100_000, abs=5)


async def test_a_short_position_is_negative_and_its_proceeds_are_cash(desk: Desk) -> None:
    await desk.submit(ID, side=OrderSide.SELL, position_intent=PositionIntent.SELL_TO_OPEN)
    desk.pass_time(seconds=1)
    position = await desk.call(desk.trading.get_open_position, "SPY")
    account = await desk.call(desk.trading.get_account)

    assert (position.qty, position.side) == ("-10", PositionSide.SHORT)
    assert float(position.market_value) < 0 < float(position.avg_entry_price)
    assert float(account.cash) > 100_000
    assert float(account.short_market_value) < 0


async def test_a_position_closes_to_nothing(desk: Desk) -> None:
    await desk.submit(ID)
    desk.pass_time(seconds=1)
    await desk.submit(OTHER_ID, side=OrderSide.SELL, position_intent=PositionIntent.SELL_TO_CLOSE)
    desk.pass_time(seconds=1)

    assert await desk.call(desk.trading.get_all_positions) == []
    with pytest.raises(APIError) as missing:
        await desk.call(desk.trading.get_open_position, "SPY")
    assert (missing.value.status_code, missing.value.code) == (404, 40410000)


async def test_a_refused_order_leaves_its_client_order_id_free(desk: Desk) -> None:
    refused = await desk.refusal(ID, 100_000)
    accepted = await desk.submit(ID)
    again = await desk.refusal(ID)

    assert (refused.status_code, refused.code) == (403, 40310000)
    assert accepted.client_order_id == ID
    assert (again.status_code, again.message) == (422, "client_order_id must be unique")


async def test_refusals_carry_alpacas_bodies(desk: Desk) -> None:
    await desk.submit(ID)
    desk.pass_time(seconds=1)

    crossing = await desk.refusal(OTHER_ID, 15, side=OrderSide.SELL)
    unknown = await desk.refusal(OTHER_ID, symbol="ZZZZ")
    unshortable = await desk.refusal(OTHER_ID, symbol="LQD", side=OrderSide.SELL)

    assert json.loads(str(crossing)) == {
        "available": "10",
        "code": 40310000,
        "existing_qty": "10",
        "held_for_orders": "0",
        "message": "insufficient qty available for order (requested: 15, available: 10)",
        "symbol": "SPY",
    }
    assert (unknown.code, unknown.message) == (42210000, 'asset "ZZZZ" not found')
    assert (unshortable.status_code, unshortable.code) == (422, 42210000)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"qty": None}, "qty or notional is required"),
        ({"notional": "100"}, "only one of qty or notional is accepted"),
        ({"type": "limit"}, "limit orders require a limit price"),
        ({"side": "hold"}, "invalid side"),
        ({"symbol": None}, "invalid symbol"),
        ({"qty": "-1"}, "invalid qty"),
        ({"qty": "NaN"}, "invalid qty"),
        ({"time_in_force": "ioc"}, "time_in_force ioc not supported by the simulated exchange"),
        ({"client_order_id": "x" * 129}, "invalid client_order_id"),
        ({"client_order_id": "a\0b"}, "invalid client_order_id"),
        ({"client_order_id": "a\ud800"}, "invalid client_order_id"),
    ],
)
async def test_a_malformed_order_is_refused_with_422(
    desk: Desk, changes: dict[str, object], message: str
) -> None:
    body = {"symbol": "SPY", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}

    with pytest.raises(APIError) as refused:
        await desk.call(desk.trading.post, "/orders", body | changes)

    assert (refused.value.status_code, refused.value.code) == (422, 40010001)
    assert refused.value.message == message


async def test_an_order_without_an_id_gets_one(desk: Desk) -> None:
    first = await desk.submit(None)
    second = await desk.submit(None)

    assert len({first.client_order_id, second.client_order_id}) == 2


async def test_orders_are_listed_by_status_symbol_and_time(desk: Desk) -> None:
    await desk.submit(ID)
    desk.pass_time(minutes=1)
    await desk.submit("waits", symbol="TLT", limit_price=10)

    async def listed(**wanted: object) -> list[str]:
        found = await desk.call(desk.trading.get_orders, GetOrdersRequest(**wanted))
        return [order.client_order_id for order in found]

    assert await listed() == ["waits"]
    assert await listed(status=QueryOrderStatus.CLOSED) == [ID]
    assert await listed(status=QueryOrderStatus.ALL) == ["waits", ID]
    assert await listed(status=QueryOrderStatus.ALL, direction="asc", limit=1) == [ID]
    assert await listed(status=QueryOrderStatus.ALL, symbols=["SPY"]) == [ID]
    assert await listed(status=QueryOrderStatus.ALL, after=WEDNESDAY_NOON) == ["waits"]


async def test_a_working_order_is_canceled_once(desk: Desk) -> None:
    sent = await desk.submit("waits", limit_price=10)

    await desk.call(desk.trading.cancel_order_by_id, sent.id)
    canceled = await desk.call(desk.trading.get_order_by_id, sent.id)
    with pytest.raises(APIError) as again:
        await desk.call(desk.trading.cancel_order_by_id, sent.id)

    assert canceled.status is OrderStatus.CANCELED
    assert (again.value.status_code, again.value.code) == (422, 42210000)
    assert again.value.message == 'order is already in "canceled" state'


@pytest.mark.parametrize("client_order_id", ["never-sent", "a\0b"])
async def test_an_unknown_order_is_not_found(desk: Desk, client_order_id: str) -> None:
    with pytest.raises(APIError) as missing:
        await desk.order(client_order_id)

    assert (missing.value.status_code, missing.value.code) == (404, 40410000)


async def test_an_account_sees_nothing_of_another(desk: Desk) -> None:
    await desk.submit(ID)
    desk.pass_time(seconds=1)
    other = trading_client(desk.origin, ACCOUNTS[1])

    account = await desk.call(other.get_account)
    theirs = await desk.call(other.get_all_positions)
    other._session.close()

    assert (account.account_number, account.cash, theirs) == ("PASIM2", "100000", [])


async def test_a_wrong_secret_is_unauthorized_without_a_code(desk: Desk) -> None:
    intruder = TradingClient("SIM1", "guess", url_override=desk.origin)
    intruder._session.trust_env = False

    with pytest.raises(APIError) as refused:
        await desk.call(intruder.get_account)
    intruder._session.close()

    assert refused.value.status_code == 401
    assert json.loads(str(refused.value)) == {"message": "unauthorized."}


async def test_the_clock_and_the_calendar_know_the_half_day(desk: Desk) -> None:
    clock = await desk.call(desk.trading.get_clock)
    wanted = GetCalendarRequest(start=date(2026, 11, 26), end=date(2026, 11, 27))
    (half_day,) = await desk.call(desk.trading.get_calendar, wanted)

    assert clock.is_open
    assert clock.timestamp == WEDNESDAY_NOON
    assert clock.next_close == datetime(2026, 11, 18, 16, tzinfo=NEW_YORK)
    assert half_day.close == datetime(2026, 11, 27, 13, 0)  # noqa: DTZ001 - the SDK's are naive


async def test_assets_say_how_they_can_be_borrowed(desk: Desk) -> None:
    assets = await desk.call(desk.trading.get_all_assets, GetAssetsRequest())
    spy = await desk.call(desk.trading.get, "/assets/SPY")
    lqd = await desk.call(desk.trading.get_asset, "LQD")

    assert len(assets) == 13
    assert (spy["borrow_status"], spy["easy_to_borrow"]) == ("easy_to_borrow", True)
    assert (lqd.shortable, lqd.tradable) == (False, True)


async def test_on_a_saturday_orders_queue_unless_the_market_is_always_open(
    pool: Any, prices: SyntheticPrices, desk: Desk
) -> None:
    desk.clock.advance_to(SATURDAY)
    queued = await desk.submit(ID)
    is_open = (await desk.call(desk.trading.get_clock)).is_open
    async with running_desk(pool, prices, desk.clock, hours="always") as always:
        await always.submit(OTHER_ID, symbol="TLT")
        always.pass_time(seconds=1)
        filled = await always.order(OTHER_ID)
        always_open = (await always.call(always.trading.get_clock)).is_open

    assert (queued.status, is_open) == (OrderStatus.ACCEPTED, False)
    assert (filled.status, always_open) == (OrderStatus.FILLED, True)


async def test_the_next_process_finds_the_orders_of_the_last(
    pool: Any, prices: SyntheticPrices, desk: Desk
) -> None:
    await desk.submit(ID)
    desk.pass_time(seconds=1)

    async with running_desk(pool, prices, desk.clock) as other:
        found = await other.order(ID)

    assert found.status is OrderStatus.FILLED
    assert found.filled_at == WEDNESDAY_NOON + timedelta(milliseconds=150)


async def test_of_racing_orders_with_one_id_only_one_is_taken(
    pool: Any, prices: SyntheticPrices, desk: Desk
) -> None:
    async with running_desk(pool, prices, desk.clock) as other:
        calls = [one.submit(ID) for one in (desk, other, desk, other)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)

    refused = [one for one in outcomes if isinstance(one, APIError)]
    assert len(refused) == 3
    assert {one.status_code for one in refused} == {422}


def test_keys_must_be_simulated_and_belong_to_one_account(prices: SyntheticPrices) -> None:
    def create(*accounts: ExchangeAccount) -> None:
        create_exchange(pool=None, prices=prices, clock=VirtualClock(SATURDAY), accounts=accounts)

    with pytest.raises(ConfigError, match="PK1"):
        create(ExchangeAccount("PK1", "s", "PA1"))
    with pytest.raises(ConfigError, match="share one account_number"):
        create(ExchangeAccount("SIM1", "s", "PA1"), ExchangeAccount("SIM2", "s", "PA1"))
