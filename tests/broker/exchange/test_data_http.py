from datetime import UTC, datetime, timedelta

import pytest
from alpaca.common.enums import Sort
from alpaca.common.exceptions import APIError
from alpaca.data.requests import (
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockSnapshotRequest,
)
from alpaca.data.timeframe import TimeFrame

from broker.exchange.prices import SyntheticPrices
from tests.broker.exchange.builders import SATURDAY, WEDNESDAY_NOON
from tests.broker.exchange.client import Desk

NOON_AND_HALF = WEDNESDAY_NOON + timedelta(seconds=30)
TODAY = datetime(2026, 11, 18, 5, tzinfo=UTC)


async def bars_of(desk: Desk, symbol: str, **wanted: object) -> list[datetime]:
    request = StockBarsRequest(symbol_or_symbols=symbol, **wanted)
    answer = await desk.call(desk.market.get_stock_bars, request)
    return [bar.timestamp for bar in answer.data.get(symbol, [])]


async def test_no_minute_is_served_before_it_is_over(desk: Desk) -> None:
    desk.clock.advance_to(NOON_AND_HALF)

    started = await bars_of(desk, "SPY", timeframe=TimeFrame.Minute, start=TODAY)

    assert len(started) == 150
    assert started[-1] == WEDNESDAY_NOON - timedelta(minutes=1)


async def test_today_s_bar_is_the_sum_of_its_finished_minutes(
    desk: Desk, prices: SyntheticPrices
) -> None:
    minutes = prices.minute_bars("SPY", TODAY, WEDNESDAY_NOON - timedelta(minutes=1))
    request = StockBarsRequest(symbol_or_symbols="SPY", timeframe=TimeFrame.Day, start=TODAY)

    answer = await desk.call(desk.market.get_stock_bars, request)

    (today,) = answer["SPY"]
    assert today.timestamp == TODAY
    assert today.close == float(minutes[-1].close)
    assert today.high == max(float(bar.high) for bar in minutes)
    assert today.volume == sum(bar.volume for bar in minutes)


async def test_tomorrow_is_not_served_whatever_is_asked(desk: Desk) -> None:
    wanted = {"timeframe": TimeFrame.Day, "start": TODAY, "end": TODAY + timedelta(days=30)}

    assert await bars_of(desk, "SPY", **wanted) == [TODAY]


async def test_before_the_open_today_has_no_bar(desk: Desk) -> None:
    desk.clock.advance_to(datetime(2026, 11, 19, 13, 0, tzinfo=UTC))

    started = await bars_of(desk, "SPY", timeframe=TimeFrame.Day, start=TODAY)

    assert started == [TODAY]


async def test_pages_join_to_the_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def paged(**more: object) -> list[tuple[str, str]]:
        found, token = [], None
        for _ in range(100):
            query = {"symbols": "TLT,SPY", "timeframe": "1Day", "start": "2026-11-02", **more}
            page = await desk.call(
                desk.market.get, "/stocks/bars", query | ({"page_token": token} if token else {})
            )
            found += [(symbol, bar["t"]) for symbol, bars in page["bars"].items() for bar in bars]
            token = page["next_page_token"]
            if token is None:
                return found
        raise AssertionError("the pages never end")

    whole = await paged()

    assert len(whole) == 26
    assert await paged(limit=7) == whole
    assert await paged(limit=13) == whole
    assert sorted(await paged(limit=4, sort="desc")) == sorted(whole)


async def test_the_sdk_walks_all_pages_of_minutes(desk: Desk) -> None:
    start = WEDNESDAY_NOON - timedelta(days=40)

    started = await bars_of(desk, "SPY", timeframe=TimeFrame.Minute, start=start)

    assert len(started) > 10_000
    assert started == sorted(set(started))


async def test_the_newest_bars_come_first_when_asked(desk: Desk) -> None:
    wanted = {"timeframe": TimeFrame.Day, "start": TODAY - timedelta(days=10), "limit": 2}

    started = await bars_of(desk, "SPY", sort=Sort.DESC, **wanted)

    assert started == [TODAY, TODAY - timedelta(days=1)]


async def test_latest_prices_agree_with_each_other(desk: Desk) -> None:
    desk.clock.advance_to(NOON_AND_HALF)
    market, symbols = desk.market, ["SPY", "ZZZZ"]
    quotes = await desk.call(
        market.get_stock_latest_quote, StockLatestQuoteRequest(symbol_or_symbols=symbols)
    )
    trades = await desk.call(
        market.get_stock_latest_trade, StockLatestTradeRequest(symbol_or_symbols=symbols)
    )
    bars = await desk.call(
        market.get_stock_latest_bar, StockLatestBarRequest(symbol_or_symbols=symbols)
    )

    assert set(quotes) == set(trades) == set(bars) == {"SPY"}
    assert quotes["SPY"].bid_price <= trades["SPY"].price <= quotes["SPY"].ask_price
    assert quotes["SPY"].timestamp == trades["SPY"].timestamp == NOON_AND_HALF
    assert bars["SPY"].timestamp == WEDNESDAY_NOON - timedelta(minutes=1)


async def test_a_snapshot_on_a_saturday_shows_friday_s_close(desk: Desk) -> None:
    desk.clock.advance_to(SATURDAY)

    request = StockSnapshotRequest(symbol_or_symbols="SPY")
    snapshot = (await desk.call(desk.market.get_stock_snapshot, request))["SPY"]

    closed_at = datetime(2026, 11, 20, 21, tzinfo=UTC)
    assert snapshot.latest_quote.timestamp == closed_at
    assert snapshot.latest_trade.price == snapshot.daily_bar.close == snapshot.minute_bar.close
    assert snapshot.minute_bar.timestamp == closed_at - timedelta(minutes=1)
    assert snapshot.previous_daily_bar.timestamp == datetime(2026, 11, 19, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "query",
    [
        {"symbols": "SPY", "timeframe": "60Min"},
        {"symbols": "SPY", "timeframe": "1Day", "feed": "rumours"},
        {"symbols": "SPY", "timeframe": "1Day", "adjustment": "raw,wishful"},
        {"symbols": "SPY", "timeframe": "1Day", "sort": "sideways"},
        {"symbols": "SPY", "timeframe": "1Day", "limit": 0},
        {"symbols": "SPY", "timeframe": "1Day", "start": "2026-11-10", "end": "2026-11-09"},
        {"timeframe": "1Day"},
        {"symbols": "SPY", "timeframe": "1Day", "limit": 10_001},
        {"symbols": "SPY", "timeframe": "1Day", "start": "yesterday"},
        {"symbols": "SPY", "timeframe": "1Day", "page_token": "rubbish"},
    ],
)
async def test_an_unusable_query_is_refused(desk: Desk, query: dict[str, object]) -> None:
    with pytest.raises(APIError) as refused:
        await desk.call(desk.market.get, "/stocks/bars", query)

    assert refused.value.status_code in {400, 422}
