"""Prices from Alpaca's market data; a second exchange, with synthetic prices, stands for Alpaca."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import asyncpg
import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.requests import StockBarsRequest, StockLatestQuoteRequest
from alpaca.data.timeframe import TimeFrame
from pydantic import SecretStr

from broker.alpaca.price_reader import Newest, PriceReader
from broker.errors import BadCredentials, VenueUnreachable
from broker.exchange.fetching import with_prices
from broker.exchange.prices import SyntheticPrices
from broker.exchange.prices_alpaca import PATIENCE, AlpacaPrices
from broker.models import Bar, Quote
from config.clock import VirtualClock
from config.settings import AlpacaCredentials
from tests.broker.exchange.builders import SATURDAY, WEDNESDAY_NOON, whole_fill_id
from tests.broker.exchange.client import ACCOUNTS, Desk, running_desk

SYMBOLS = ("SPY", "TLT")
OPEN = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
TODAY = date(2026, 11, 18)
MINUTE = timedelta(minutes=1)

Read = TypeVar("Read")


class CountingReader:
    """Reads from the exchange that stands for Alpaca, counts, and fails where it is told to."""

    def __init__(self, reader: PriceReader) -> None:
        self.counts: Counter[str] = Counter()
        self.is_away = False
        self.quotes_at: datetime | None = None
        self._reader = reader

    async def minutes(
        self, symbols: Sequence[str], start_at: datetime, end_at: datetime
    ) -> tuple[Bar, ...]:
        self._count("minutes")
        return await self._reader.minutes(symbols, start_at, end_at)

    async def days(
        self, symbols: Sequence[str], start_at: datetime, end_at: datetime
    ) -> tuple[Bar, ...]:
        self._count("days")
        return await self._reader.days(symbols, start_at, end_at)

    async def newest(self, symbols: Sequence[str]) -> Mapping[str, Newest]:
        self._count("newest")
        found = await self._reader.newest(symbols)
        if self.quotes_at is None:
            return found
        return {symbol: _dated(one, self.quotes_at) for symbol, one in found.items()}

    def _count(self, word: str) -> None:
        self.counts[word] += 1
        if self.is_away:
            raise VenueUnreachable("Market data cannot be reached: try again later.")


@dataclass(frozen=True)
class Scene:
    """The prices under test, the truth behind them, and the clock of both."""

    prices: AlpacaPrices
    truth: SyntheticPrices
    reader: CountingReader
    clock: VirtualClock

    async def read(self, reading: Callable[[AlpacaPrices], Read]) -> Read:
        async def work() -> Read:
            return reading(self.prices)

        return await with_prices(work)

    def pass_time(self, **duration: float) -> datetime:
        self.clock.advance_to(self.clock.now() + timedelta(**duration))
        return self.clock.now()


@asynccontextmanager
async def scene_at(
    at: datetime, pool: asyncpg.Pool, truth: SyntheticPrices, symbols: Sequence[str] = SYMBOLS
) -> AsyncIterator[Scene]:
    clock = VirtualClock(at)
    async with running_desk(pool, truth, clock) as alpaca:
        reader = PriceReader(_key("secret-1"), alpaca.origin)
        counting = CountingReader(reader)
        yield Scene(AlpacaPrices(counting, symbols, clock=clock), truth, counting, clock)
        await reader.aclose()


@pytest.fixture
async def scene(pool: asyncpg.Pool, prices: SyntheticPrices) -> AsyncIterator[Scene]:
    async with scene_at(WEDNESDAY_NOON + timedelta(seconds=20), pool, prices) as opened:
        yield opened


async def test_the_quote_and_the_trade_are_alpaca_s_of_now(scene: Scene) -> None:
    now = scene.clock.now()

    assert await scene.read(lambda p: p.quote_at("SPY", now)) == scene.truth.quote_at("SPY", now)
    assert await scene.read(lambda p: p.trade_at("SPY", now)) == scene.truth.trade_at("SPY", now)


async def test_many_readings_are_few_requests(scene: Scene) -> None:
    for _ in range(50):
        now = scene.pass_time(milliseconds=100)
        for symbol in SYMBOLS:
            await scene.read(lambda p, s=symbol, at=now: p.quote_at(s, at))  # type: ignore[misc]  # bound at once

    assert scene.reader.counts == {"newest": 3}


async def test_an_earlier_moment_of_this_minute_is_what_was_seen_then(scene: Scene) -> None:
    first_at = scene.clock.now()
    first = await scene.read(lambda p: p.quote_at("SPY", first_at))
    scene.pass_time(seconds=30)
    later_at = scene.clock.now()
    later = await scene.read(lambda p: p.quote_at("SPY", later_at))

    again = await scene.read(lambda p: p.quote_at("SPY", first_at + timedelta(seconds=1)))

    assert later == scene.truth.quote_at("SPY", later_at)
    assert again == first == scene.truth.quote_at("SPY", first_at)


async def test_what_is_over_is_told_by_minute_bars(scene: Scene) -> None:
    at = WEDNESDAY_NOON - timedelta(minutes=7, seconds=30)

    assert await scene.read(lambda p: p.quote_at("SPY", at)) == scene.truth.quote_at("SPY", at)
    assert scene.reader.counts == {"minutes": 1}


async def test_bars_are_alpaca_s_and_today_is_the_sum_of_its_minutes(scene: Scene) -> None:
    start_at, end_at = OPEN - timedelta(days=2), WEDNESDAY_NOON - MINUTE
    days = (date(2026, 11, 2), TODAY)

    minutes = await scene.read(lambda p: p.minute_bars("TLT", start_at, end_at))
    bars = await scene.read(lambda p: p.daily_bars("TLT", *days))

    assert minutes == scene.truth.minute_bars("TLT", start_at, end_at)
    assert bars[:-1] == scene.truth.daily_bars("TLT", days[0], TODAY - timedelta(days=1))
    today = [bar for bar in minutes if bar.start_at >= OPEN]
    assert (bars[-1].open, bars[-1].close) == (today[0].open, today[-1].close)
    assert bars[-1].volume == sum(bar.volume for bar in today)
    assert scene.reader.counts == {"minutes": 2, "days": 1}


async def test_minutes_are_fetched_once_and_then_only_what_is_new(scene: Scene) -> None:
    for _ in range(3):
        for _ in range(4):
            now = scene.pass_time(seconds=15)
            await scene.read(lambda p, at=now: p.minute_bars("SPY", OPEN, at))  # type: ignore[misc]  # bound at once

    minutes = await scene.read(lambda p: p.minute_bars("SPY", OPEN, scene.clock.now()))
    assert minutes == scene.truth.minute_bars("SPY", OPEN, WEDNESDAY_NOON + 2 * MINUTE)
    assert scene.reader.counts == {"minutes": 4}


async def test_the_future_is_neither_known_nor_asked_for(scene: Scene) -> None:
    tomorrow = OPEN + timedelta(days=1)

    assert await scene.read(lambda p: p.minute_bars("SPY", tomorrow, tomorrow + MINUTE)) == ()
    assert await scene.read(lambda p: p.daily_bars("SPY", tomorrow.date(), date.max)) == ()
    assert scene.reader.counts == {}


async def test_over_a_weekend_friday_s_close_stands(
    pool: asyncpg.Pool, prices: SyntheticPrices
) -> None:
    async with scene_at(SATURDAY, pool, prices) as scene:
        quote = await scene.read(lambda p: p.quote_at("SPY", SATURDAY))
        trade = await scene.read(lambda p: p.trade_at("SPY", SATURDAY))

    assert quote == prices.quote_at("SPY", SATURDAY)
    assert trade == prices.trade_at("SPY", SATURDAY)
    assert scene.reader.counts == {"minutes": 1}


async def test_in_the_first_minute_a_quote_of_yesterday_is_no_quote(scene: Scene) -> None:
    opened_at = scene.clock.now() + timedelta(days=1, hours=-2, minutes=-30)
    scene.clock.advance_to(opened_at)
    scene.reader.quotes_at = opened_at - timedelta(hours=10)

    quote = await scene.read(lambda p: p.quote_at("SPY", opened_at))

    assert quote == scene.truth.quote_at("SPY", OPEN + timedelta(hours=8))


async def test_a_live_quote_keeps_its_own_time(scene: Scene) -> None:
    now = scene.clock.now()
    scene.reader.quotes_at = now - timedelta(seconds=40)

    quote = await scene.read(lambda p: p.quote_at("SPY", now))

    assert quote is not None
    assert quote.at == now - timedelta(seconds=40)


async def test_who_has_no_prices_is_noted_and_no_symbol(
    pool: asyncpg.Pool, prices: SyntheticPrices
) -> None:
    async with scene_at(WEDNESDAY_NOON, pool, prices, ("SPY", "ZZZZ")) as scene:
        scene.reader.quotes_at = datetime(2026, 11, 10, 15, tzinfo=UTC)
        await scene.prices.open()

    assert scene.prices.symbols == ("SPY",)
    assert scene.prices.notices == (
        "No prices for ZZZZ in Alpaca's market data.",
        "Alpaca's market data: the newest trade of SPY is of 2026-11-10.",
    )


async def test_a_key_that_alpaca_does_not_take_is_said_at_the_start(
    pool: asyncpg.Pool, prices: SyntheticPrices
) -> None:
    clock = VirtualClock(WEDNESDAY_NOON)
    async with running_desk(pool, prices, clock) as alpaca:
        reader = PriceReader(_key("wrong"), alpaca.origin)

        with pytest.raises(BadCredentials, match="Market data does not accept the key"):
            await AlpacaPrices(reader, clock=clock).open()

        await reader.aclose()


async def test_a_source_that_is_away_is_not_asked_all_the_time(scene: Scene) -> None:
    scene.reader.is_away = True
    for _ in range(10):
        now = scene.pass_time(milliseconds=100)
        with pytest.raises(VenueUnreachable):
            await scene.read(lambda p, at=now: p.quote_at("SPY", at))  # type: ignore[misc]  # bound at once
    asked = scene.reader.counts["newest"]

    scene.reader.is_away = False
    now = scene.pass_time(seconds=PATIENCE.total_seconds())

    assert asked == 1
    assert await scene.read(lambda p: p.quote_at("SPY", now)) == scene.truth.quote_at("SPY", now)


async def test_orders_trade_at_alpaca_s_prices(scene: Scene, pool: asyncpg.Pool) -> None:
    order_id = whole_fill_id()
    async with running_desk(pool, scene.prices, scene.clock) as desk:
        await desk.submit(order_id)
        submitted_at = scene.clock.now()
        scene.pass_time(seconds=1)
        order = await desk.order(order_id)
        quote = await _latest_quote(desk)
        days = StockBarsRequest(
            symbol_or_symbols="SPY",
            timeframe=TimeFrame.Day,
            start=datetime(2026, 11, 2),  # noqa: DTZ001 - as users write it
        )
        bars = await desk.call(desk.market.get_stock_bars, days)

    seen = scene.truth.quote_at("SPY", submitted_at)
    assert seen
    assert (order.status.value, float(order.filled_avg_price)) == ("filled", float(seen.ask))
    assert quote.ask_price > 0
    assert len(bars["SPY"]) == 13


async def test_a_resting_order_trades_in_the_minute_that_reached_it(
    scene: Scene, pool: asyncpg.Pool
) -> None:
    now = scene.clock.now()
    later = [now.replace(second=0) + n * MINUTE for n in range(30, 3000)]
    quotes = {at: scene.truth.quote_at("SPY", at) for at in later if _is_open(at)}
    lowest_at, limit = _lowest(quotes)
    async with running_desk(pool, scene.prices, scene.clock) as desk:
        await desk.submit(whole_fill_id(), limit_price=float(limit), time_in_force="gtc")
        scene.clock.advance_to(lowest_at + timedelta(days=3))
        order = await desk.order(whole_fill_id())

    assert order.status.value == "filled"
    assert order.filled_at <= lowest_at
    reached = scene.truth.quote_at("SPY", order.filled_at)
    assert reached
    assert reached.ask <= limit


async def test_without_prices_the_exchange_answers_503_and_takes_no_order(
    scene: Scene, pool: asyncpg.Pool
) -> None:
    async with running_desk(pool, scene.prices, scene.clock) as desk:
        desk.trading._retry = 0
        scene.reader.is_away = True
        with pytest.raises(APIError) as refused:
            await desk.submit("order-1")
        scene.reader.is_away = False
        scene.pass_time(seconds=6)
        orders = await desk.call(desk.trading.get_orders)
        again = await desk.submit("order-1")

    assert refused.value.status_code == 503
    assert "Market data cannot be reached" in str(refused.value)
    assert orders == []
    assert again.client_order_id == "order-1"


def _key(secret: str) -> AlpacaCredentials:
    return AlpacaCredentials(ACCOUNTS[0].key_id, SecretStr(secret))


def _dated(newest: Newest, at: datetime) -> Newest:
    quote = newest.quote and replace(newest.quote, at=at)
    return replace(newest, quote=quote, traded_at=at)


async def _latest_quote(desk: Desk) -> Any:
    request = StockLatestQuoteRequest(symbol_or_symbols="SPY")
    return (await desk.call(desk.market.get_stock_latest_quote, request))["SPY"]


def _is_open(at: datetime) -> bool:
    return OPEN.time() < at.time() < datetime(2026, 11, 18, 20, 59, tzinfo=UTC).time()


def _lowest(quotes: Mapping[datetime, Quote | None]) -> tuple[datetime, Decimal]:
    asks = {at: quote.ask for at, quote in quotes.items() if quote and quote.at == at}
    lowest_at = min(asks, key=lambda at: asks[at])
    return lowest_at, asks[lowest_at]
