"""TradingClient on what is the same for every account: assets, calendar, clock."""

from datetime import date, datetime
from typing import Any

import pytest
from alpaca.trading.enums import AssetClass, AssetExchange, AssetStatus
from alpaca.trading.requests import GetAssetsRequest, GetCalendarRequest
from pydantic import ValidationError

from config.clock import NEW_YORK
from tests.broker.exchange.builders import SATURDAY
from tests.broker.exchange.client import Desk, running_desk


async def test_assets_are_filtered(desk: Desk) -> None:
    async def listed(**wanted: Any) -> list[str]:
        assets = await desk.call(desk.trading.get_all_assets, GetAssetsRequest(**wanted))
        return [asset.symbol for asset in assets]

    assert await listed(exchange=AssetExchange.NASDAQ) == ["IEF", "QQQ", "TLT"]
    assert len(await listed(status=AssetStatus.ACTIVE, asset_class=AssetClass.US_EQUITY)) == 13
    assert await listed(status=AssetStatus.INACTIVE) == []
    assert await listed(asset_class=AssetClass.CRYPTO) == []
    assert await listed(attributes="ipo,has_options") == []


async def test_an_asset_is_found_by_symbol_and_by_id(desk: Desk) -> None:
    by_symbol = await desk.call(desk.trading.get_asset, "SPY")
    by_id = await desk.call(desk.trading.get_asset, by_symbol.id)
    missing = await desk.refused(desk.trading.get_asset, "ZZZZ")

    assert by_id == by_symbol
    assert (missing.status_code, missing.code) == (404, 40410000)
    assert missing.message == "asset not found for ZZZZ"


async def test_an_asset_says_what_it_binds(desk: Desk) -> None:
    spy = await desk.call(desk.trading.get, "/assets/SPY")

    assert (spy["margin_requirement_long"], spy["margin_requirement_short"]) == ("30", "30")
    assert (spy["attributes"], spy["fractionable"], spy["marginable"]) == ([], True, True)


async def test_without_the_old_word_for_borrowing_the_sdk_fails_as_with_alpaca(
    pool: Any, prices: Any, desk: Desk
) -> None:
    async with running_desk(pool, prices, desk.clock, sends_easy_to_borrow=False) as newer:
        raw = await newer.call(newer.trading.get, "/assets/SPY")
        with pytest.raises(ValidationError, match="easy_to_borrow"):
            await newer.call(newer.trading.get_asset, "SPY")

    assert raw["borrow_status"] == "easy_to_borrow"


async def test_the_calendar_has_hours_and_settlement_of_every_session(desk: Desk) -> None:
    query = {"start": "2026-11-25", "end": "2026-11-27"}

    whole, half = await desk.call(desk.trading.get, "/calendar", query)

    assert whole == {
        "date": "2026-11-25",
        "open": "09:30",
        "close": "16:00",
        "session_open": "0400",
        "session_close": "2000",
        "settlement_date": "2026-11-27",
    }
    assert (half["close"], half["session_close"]) == ("13:00", "1700")
    assert half["settlement_date"] == "2026-11-30"


async def test_the_calendar_may_be_asked_by_the_day_of_settlement(desk: Desk) -> None:
    query = {"start": "2026-11-27", "end": "2026-11-27", "date_type": "SETTLEMENT"}

    (row,) = await desk.call(desk.trading.get, "/calendar", query)

    assert row["date"] == "2026-11-25"


async def test_the_sdk_reads_a_year_of_the_calendar(desk: Desk) -> None:
    wanted = GetCalendarRequest(start=date(2026, 1, 1), end=date(2026, 12, 31))

    sessions = await desk.call(desk.trading.get_calendar, wanted)
    (last, *_) = await desk.call(desk.trading.get, "/calendar", {"start": "2040-12-28"})

    assert (len(sessions), sessions[0].date) == (251, date(2026, 1, 2))
    assert last["settlement_date"] == "2040-12-31"


async def test_on_a_saturday_the_clock_knows_monday(desk: Desk) -> None:
    desk.clock.advance_to(SATURDAY)

    clock = await desk.call(desk.trading.get_clock)

    assert (clock.is_open, clock.timestamp) == (False, SATURDAY)
    assert clock.next_open == datetime(2026, 11, 23, 9, 30, tzinfo=NEW_YORK)
    assert clock.next_close == datetime(2026, 11, 23, 16, tzinfo=NEW_YORK)
