"""Past quotes, trades and longer bars, asked for with the SDK's own requests."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from alpaca.common.enums import Sort
from alpaca.data.enums import Adjustment, DataFeed
from alpaca.data.requests import (
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

from broker.exchange.prices import SyntheticPrices
from tests.broker.exchange.builders import WEDNESDAY_NOON
from tests.broker.exchange.client import Desk

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


async def bars(desk: Desk, timeframe: TimeFrame, start: datetime, **wanted: Any) -> list[Any]:
    request = StockBarsRequest(symbol_or_symbols="SPY", timeframe=timeframe, start=start, **wanted)
    answer = await desk.call(desk.market.get_stock_bars, request)
    found: list[Any] = answer.data.get("SPY", [])
    return found


async def test_past_quotes_are_one_a_minute_as_they_stood(
    desk: Desk, prices: SyntheticPrices
) -> None:
    start = WEDNESDAY_NOON - 10 * MINUTE
    request = StockQuotesRequest(symbol_or_symbols=["SPY", "TLT"], start=start, limit=15)

    quotes = await desk.call(desk.market.get_stock_quotes, request)

    assert [len(quotes["SPY"]), len(quotes["TLT"])] == [11, 4]
    for quote in quotes["SPY"]:
        truth = prices.quote_at("SPY", quote.timestamp)
        assert truth
        assert (quote.bid_price, quote.ask_price) == (float(truth.bid), float(truth.ask))


async def test_past_trades_walk_through_all_pages_and_never_past_now(
    desk: Desk, prices: SyntheticPrices
) -> None:
    start, end = WEDNESDAY_NOON - timedelta(days=45), WEDNESDAY_NOON + HOUR
    request = StockTradesRequest(symbol_or_symbols="SPY", start=start, end=end)

    trades = (await desk.call(desk.market.get_stock_trades, request))["SPY"]

    instants = [trade.timestamp for trade in trades]
    assert len(instants) > 10_000
    assert instants == sorted(set(instants))
    assert instants[-1] == WEDNESDAY_NOON
    truth = prices.trade_at("SPY", WEDNESDAY_NOON)
    assert truth
    assert trades[-1].price == float(truth.price)


async def test_the_newest_quotes_come_first_when_asked(desk: Desk) -> None:
    start = WEDNESDAY_NOON - HOUR
    request = StockQuotesRequest(symbol_or_symbols="SPY", start=start, limit=3, sort=Sort.DESC)

    quotes = (await desk.call(desk.market.get_stock_quotes, request))["SPY"]

    assert [quote.timestamp for quote in quotes] == [WEDNESDAY_NOON - n * MINUTE for n in range(3)]


async def test_longer_bars_are_the_sums_of_their_minutes(desk: Desk) -> None:
    start = WEDNESDAY_NOON - 2 * HOUR
    minutes = await bars(desk, TimeFrame.Minute, start)

    fives = await bars(desk, TimeFrame(5, TimeFrameUnit.Minute), start)

    assert [(after.timestamp - one.timestamp) for one, after in pairwise(fives)] == [
        5 * MINUTE
    ] * 23
    own = [one for one in minutes if fives[3].timestamp <= one.timestamp < fives[4].timestamp]
    assert len(own) == 5
    assert (fives[3].open, fives[3].close) == (own[0].open, own[-1].close)
    assert (fives[3].high, fives[3].low) == (max(m.high for m in own), min(m.low for m in own))
    assert sum(five.volume for five in fives) == sum(minute.volume for minute in minutes)


async def test_the_last_bar_of_a_range_is_whole(desk: Desk) -> None:
    start = WEDNESDAY_NOON - HOUR
    fives = await bars(desk, TimeFrame(5, TimeFrameUnit.Minute), start)

    first = await bars(desk, TimeFrame(5, TimeFrameUnit.Minute), start, end=start + 12 * MINUTE)

    assert first == fives[:3]


async def test_hours_weeks_and_months_follow_the_wall_clock(desk: Desk) -> None:
    start = WEDNESDAY_NOON - timedelta(days=62)

    hours = await bars(desk, TimeFrame.Hour, WEDNESDAY_NOON - 4 * HOUR)
    weeks = await bars(desk, TimeFrame.Week, start)
    months = await bars(desk, TimeFrame.Month, start)

    assert [bar.timestamp.hour for bar in hours] == [14, 15, 16]
    assert {bar.timestamp.weekday() for bar in weeks} == {0}
    assert [(bar.timestamp.month, bar.timestamp.day) for bar in months] == [(10, 1), (11, 1)]


@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_longer_bars_are_the_same_in_pages_and_in_either_order(
    desk: Desk, limit: int
) -> None:
    query = {"symbols": "SPY", "timeframe": "2Hour", "start": "2026-11-11", "end": "2026-11-17"}
    whole = await _paged(desk, query)

    assert len(whole) == 16
    assert await _paged(desk, query | {"limit": limit}) == whole
    assert await _paged(desk, query | {"limit": limit, "sort": "desc"}) == whole[::-1]


async def test_every_feed_and_adjustment_says_the_same(desk: Desk) -> None:
    start = WEDNESDAY_NOON - timedelta(days=5)
    plain = await bars(desk, TimeFrame.Day, start)

    asked = [
        await bars(desk, TimeFrame.Day, start, feed=feed, adjustment=adjustment)
        for feed in (DataFeed.IEX, DataFeed.SIP)
        for adjustment in Adjustment
    ]

    assert all(answer == plain for answer in asked)


async def test_the_newest_of_everything_may_name_a_feed(desk: Desk) -> None:
    market, wanted = desk.market, {"symbol_or_symbols": "SPY", "feed": DataFeed.IEX}
    bar = await desk.call(market.get_stock_latest_bar, StockLatestBarRequest(**wanted))
    quote = await desk.call(market.get_stock_latest_quote, StockLatestQuoteRequest(**wanted))
    trade = await desk.call(market.get_stock_latest_trade, StockLatestTradeRequest(**wanted))
    snapshot = await desk.call(market.get_stock_snapshot, StockSnapshotRequest(**wanted))

    assert snapshot["SPY"].minute_bar == bar["SPY"]
    assert snapshot["SPY"].latest_quote == quote["SPY"]
    assert snapshot["SPY"].latest_trade == trade["SPY"]


async def _paged(desk: Desk, query: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: str | None = ""
    while token is not None:
        more = {"page_token": token} if token else {}
        page = await desk.call(desk.market.get, "/stocks/bars", query | more)
        found += page["bars"].get("SPY", [])
        token = page["next_page_token"]
    return found
