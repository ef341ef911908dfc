"""TradingClient on the account itself: settings, worth, history, activities."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from alpaca.trading.enums import OrderSide
from alpaca.trading.models import AccountConfiguration, TradeActivity
from alpaca.trading.requests import GetPortfolioHistoryRequest

from config.clock import NEW_YORK
from tests.broker.exchange.builders import WEDNESDAY_NOON, partial_fill_id, whole_fill_id
from tests.broker.exchange.client import ACCOUNTS, Desk, running_desk, trading_client

ID = whole_fill_id()
OTHER_ID = whole_fill_id("other")
_DAY = timedelta(days=1)


async def configured(desk: Desk, **changes: Any) -> AccountConfiguration:
    settings = await desk.call(desk.trading.get_account_configurations)
    wanted = settings.model_copy(update=changes)
    answer = await desk.call(desk.trading.set_account_configurations, wanted)
    assert isinstance(answer, AccountConfiguration)
    return answer


async def history(desk: Desk, **wanted: Any) -> Any:
    request = GetPortfolioHistoryRequest(**wanted)
    return await desk.call(desk.trading.get_portfolio_history, request)


async def activities(desk: Desk, path: str = "", **query: object) -> list[dict[str, Any]]:
    rows = await desk.call(desk.trading.get, f"/account/activities{path}", query)
    assert isinstance(rows, list)
    return rows


async def test_the_settings_of_a_new_account_are_alpaca_s(desk: Desk) -> None:
    settings = await desk.call(desk.trading.get_account_configurations)
    raw = await desk.call(desk.trading.get, "/account/configurations")

    assert (settings.suspend_trade, settings.no_shorting) == (False, False)
    assert (settings.max_margin_multiplier, settings.fractional_trading) == ("2", True)
    assert not {"pdt_check", "dtbp_check"} & set(raw)


async def test_settings_are_kept_for_the_next_process_and_for_one_account(
    pool: Any, prices: Any, desk: Desk
) -> None:
    await configured(desk, no_shorting=True)

    async with running_desk(pool, prices, desk.clock) as other:
        kept = await other.call(other.trading.get_account_configurations)
    neighbour = trading_client(desk.origin, ACCOUNTS[1])
    theirs = await desk.call(neighbour.get_account_configurations)
    neighbour._session.close()

    assert (kept.no_shorting, theirs.no_shorting) == (True, False)


async def test_a_suspended_account_takes_no_orders(desk: Desk) -> None:
    await configured(desk, suspend_trade=True)

    refused = await desk.refusal(ID)
    account = await desk.call(desk.trading.get_account)
    await configured(desk, suspend_trade=False)

    assert (refused.status_code, refused.code) == (403, 40310000)
    assert refused.message == "new orders are rejected by user request"
    assert account.trade_suspended_by_user
    assert (await desk.submit(ID)).client_order_id == ID


async def test_an_account_that_may_not_short_sells_only_what_it_has(desk: Desk) -> None:
    await configured(desk, no_shorting=True)

    refused = await desk.refusal(OTHER_ID, side=OrderSide.SELL)
    account = await desk.call(desk.trading.get_account)

    assert (refused.status_code, refused.message) == (403, "account is not allowed to short")
    assert account.shorting_enabled is False


@pytest.mark.parametrize(
    ("multiplier", "power"), [("1", "100000"), ("2", "200000"), ("4", "400000")]
)
async def test_the_multiplier_sets_the_buying_power(
    desk: Desk, multiplier: str, power: str
) -> None:
    await configured(desk, max_margin_multiplier=multiplier)

    account = await desk.call(desk.trading.get_account)

    assert (account.multiplier, account.buying_power) == (multiplier, power)


async def test_without_fractional_trading_shares_are_whole(desk: Desk) -> None:
    await configured(desk, fractional_trading=False)

    refused = await desk.refusal(ID, 1.5)

    assert refused.status_code == 403


@pytest.mark.parametrize(
    "settings",
    [{"max_margin_multiplier": "3"}, {"suspend_trade": "maybe"}, {"trade_confirm_email": "some"}],
)
async def test_a_setting_that_means_nothing_is_refused(
    desk: Desk, settings: dict[str, object]
) -> None:
    refused = await desk.refused(desk.trading.patch, "/account/configurations", settings)

    assert (refused.status_code, refused.code) == (422, 40010001)
    assert refused.message == f"invalid {next(iter(settings))}"


async def test_margins_follow_what_is_held(desk: Desk) -> None:
    await desk.submit(ID)
    await desk.submit(OTHER_ID, symbol="TLT", side=OrderSide.SELL)
    desk.pass_time(seconds=1)
    account = await desk.call(desk.trading.get_account)

    gross = Decimal(account.long_market_value) - Decimal(account.short_market_value)
    assert Decimal(account.initial_margin) == round(gross / 2, 2)
    assert Decimal(account.maintenance_margin) == round(gross * Decimal("0.3"), 2)
    assert Decimal(account.last_maintenance_margin) == 0
    assert account.last_equity == "100000"


async def test_the_last_equity_is_that_of_yesterday_s_close(desk: Desk) -> None:
    await desk.submit(ID, 100)
    desk.pass_time(hours=6)
    after_close = await desk.call(desk.trading.get_account)
    desk.pass_time(hours=16)
    next_morning = await desk.call(desk.trading.get_account)

    assert after_close.equity == next_morning.last_equity
    assert after_close.last_equity == after_close.equity


async def test_the_history_of_days_has_one_equity_for_each_close(desk: Desk) -> None:
    await desk.submit(ID, 100)
    desk.pass_time(days=8)
    account = await desk.call(desk.trading.get_account)

    days = await history(desk, period="1M", timeframe="1D")

    closes = [datetime.fromtimestamp(stamp, NEW_YORK) for stamp in days.timestamp]
    # Thursday the 26th is Thanksgiving: at noon of that day the account has seen six closes.
    assert [close.day for close in closes] == [18, 19, 20, 23, 24, 25]
    assert {close.hour for close in closes} == {16}
    assert days.equity[-1] == float(account.equity)
    assert days.profit_loss[0] == pytest.approx(days.equity[0] - 100_000, abs=0.01)
    assert sum(days.profit_loss) == pytest.approx(days.equity[-1] - 100_000, abs=0.05)
    assert (days.base_value, days.timeframe) == (100_000, "1D")


async def test_the_history_inside_a_day_ends_now(desk: Desk) -> None:
    await desk.submit(ID, 100)
    desk.pass_time(minutes=47)
    account = await desk.call(desk.trading.get_account)

    parts = await history(desk, period="1D", timeframe="15Min")

    assert [datetime.fromtimestamp(one, NEW_YORK).strftime("%H:%M") for one in parts.timestamp] == [
        *("12:00", "12:15", "12:30", "12:45"),
    ]
    assert parts.equity[-1] == float(account.equity)
    assert parts.profit_loss_pct[-1] == pytest.approx(parts.equity[-1] / 100_000 - 1, abs=1e-6)


async def test_the_history_counts_from_yesterday_s_close_or_from_its_beginning(desk: Desk) -> None:
    await desk.submit(ID, 100)
    desk.pass_time(days=1)
    start, end = WEDNESDAY_NOON, WEDNESDAY_NOON + _DAY

    daily = await history(desk, start=start, end=end, timeframe="1H")
    whole = await history(desk, start=start, end=end, timeframe="1H", pnl_reset="no_reset")

    assert daily.equity == whole.equity
    assert whole.profit_loss[-1] == pytest.approx(whole.equity[-1] - 100_000, abs=0.01)
    assert daily.profit_loss[-1] == pytest.approx(daily.equity[-1] - daily.equity[3], abs=0.01)


@pytest.mark.parametrize(
    ("reporting", "first", "last"),
    [("market_hours", "11:30", "15:30"), ("extended_hours", "12:00", "19:00")],
)
async def test_the_history_shows_the_hours_that_are_asked_for(
    desk: Desk, reporting: str, first: str, last: str
) -> None:
    await desk.call(desk.trading.get_account)
    desk.pass_time(hours=10)

    parts = await history(desk, period="1D", timeframe="1H", intraday_reporting=reporting)

    shown = [datetime.fromtimestamp(one, NEW_YORK).strftime("%H:%M") for one in parts.timestamp]
    assert (shown[0], shown[-1]) == (first, last)
    assert set(parts.equity) == {100_000}


@pytest.mark.parametrize(
    "query",
    [
        {"period": "1Y"},
        {"period": "0D"},
        {"timeframe": "2Min"},
        {"period": "2M", "timeframe": "1H"},
        {"period": "1D", "start": "2026-11-01", "end": "2026-11-02"},
        {"start": "2026-11-02", "end": "2026-11-01"},
        {"pnl_reset": "never"},
    ],
)
async def test_a_history_that_means_nothing_is_refused(
    desk: Desk, query: dict[str, object]
) -> None:
    refused = await desk.refused(desk.trading.get, "/account/portfolio/history", query)

    assert (refused.status_code, refused.code) == (422, 40010001)


async def test_a_fill_is_an_activity(desk: Desk) -> None:
    sent = await desk.submit(partial_fill_id(), 100)
    desk.pass_time(seconds=2)

    second, first = await activities(desk, "/FILL")

    assert (first["type"], second["type"]) == ("partial_fill", "fill")
    assert (first["order_status"], second["order_status"]) == ("partially_filled", "filled")
    assert Decimal(first["cum_qty"]) + Decimal(second["qty"]) == Decimal(second["cum_qty"]) == 100
    assert (first["leaves_qty"], second["leaves_qty"]) == (second["qty"], "0")
    assert (first["order_id"], first["side"], first["symbol"]) == (str(sent.id), "buy", "SPY")
    assert first["id"].startswith("20261118120000150::")
    assert not {"account_id", "client_order_id"} & set(first)
    TradeActivity(**first, account_id="6f6b1f0e-3f0c-5d5e-9a57-6c6c6d636f75")


async def test_activities_come_in_pages_and_by_their_order_and_day(desk: Desk) -> None:
    for name in (ID, OTHER_ID):
        sent = await desk.submit(name, 1)
        desk.pass_time(days=1)
    newest, oldest = await activities(desk)

    assert await activities(desk, page_size=1) == [newest]
    assert await activities(desk, page_size=1, page_token=newest["id"]) == [oldest]
    assert await activities(desk, direction="asc", page_token=oldest["id"]) == [newest]
    assert await activities(desk, page_token=oldest["id"]) == []
    assert await activities(desk, order_id=str(sent.id)) == [newest]
    assert await activities(desk, date="2026-11-18") == [oldest]
    assert await activities(desk, after="2026-11-19") == [newest]
    assert await activities(desk, until="2026-11-19T00:00:00Z") == [oldest]
    assert await activities(desk, until=newest["transaction_time"]) == [oldest]
    assert await activities(desk, after=oldest["transaction_time"]) == [newest]


async def test_there_are_no_activities_but_fills(desk: Desk) -> None:
    await desk.submit(ID)
    desk.pass_time(seconds=1)

    assert await activities(desk, "/DIV") == []
    assert await activities(desk, category="non_trade_activity") == []
    assert len(await activities(desk, category="trade_activity")) == 1
    assert len(await activities(desk, activity_types="DIV,FILL")) == 1


@pytest.mark.parametrize(
    "query",
    [
        {"page_size": 101},
        {"page_token": "next"},
        {"direction": "up"},
        {"activity_types": "FILL", "category": "trade_activity"},
        {"activity_types": "everything"},
        {"order_id": "first"},
        {"date": "2026-11-18", "after": "2026-11-18"},
    ],
)
async def test_activities_by_a_filter_that_means_nothing_are_refused(
    desk: Desk, query: dict[str, object]
) -> None:
    refused = await desk.refused(desk.trading.get, "/account/activities", query)

    assert (refused.status_code, refused.code) == (422, 40010001)
