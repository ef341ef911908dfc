"""The simulated exchange at real prices: Alpaca's market data, read with one data key.

What is over is told by minute bars, as with a file of bars; the minute that runs is told by quotes
and trades as they were seen. Nothing is fetched while prices are read: what is missing is said by
`PricesAwaited`. Fetches are few: the newest prices every other second at most and only while
somebody asks, today's minutes once a minute, earlier ones by the week, days once a day.
"""

import asyncio
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from broker.exchange.fetching import FETCH_FAILURES, PricesAwaited
from broker.exchange.prices import HISTORY_START_ON, SYNTHETIC_SYMBOLS
from broker.exchange.session_prices import LastTrade, SessionPrices, added_up, midnight
from broker.models import Bar, Quote
from config.clock import NEW_YORK, Clock
from config.errors import CouncilError
from config.market_calendar import MarketCalendar, Session

if TYPE_CHECKING:
    from broker.alpaca.price_reader import Newest
    from broker.exchange.paths import MinuteBars, Ohlcv

FRESH_FOR = timedelta(seconds=2)
"""So long after it was seen a quote is the quote that stands."""
PUBLISHED_AFTER = timedelta(seconds=5)
"""A minute's bar is asked for when the minute has been over for so long."""
PATIENCE = timedelta(seconds=5)
"""So long after a failed fetch nobody is asked again, and the failure stands."""
_KEPT_SESSIONS = 40
_KEPT_SIGHTINGS = 256
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


class Reader(Protocol):
    """What is asked of Alpaca's market data; `broker.alpaca.price_reader` is the real one."""

    async def minutes(
        self, symbols: Sequence[str], start_at: datetime, end_at: datetime
    ) -> tuple[Bar, ...]:
        """Return the minutes that start from `start_at` to `end_at`."""
        ...

    async def days(
        self, symbols: Sequence[str], start_at: datetime, end_at: datetime
    ) -> tuple[Bar, ...]:
        """Return the days that start from `start_at` to `end_at`."""
        ...

    async def newest(self, symbols: Sequence[str]) -> "Mapping[str, Newest]":
        """Return the newest quote and trade of each symbol that has any."""
        ...


@dataclass(frozen=True, slots=True)
class _Sighting:
    """What the market said when it was looked at."""

    seen_at: datetime
    newest: "Mapping[str, Newest]"


@dataclass(frozen=True, slots=True)
class _Minutes:
    """The minutes of one session by symbol, complete up to `until`."""

    until: datetime
    by_symbol: "Mapping[str, MinuteBars]"


class AlpacaPrices(SessionPrices):
    """Prices from Alpaca's market data up to the clock's now, which must be the real one.

    Days are adjusted for splits and dividends as of today, minutes are what was paid. A minute in
    which IEX printed nothing has no bar, and the one before it stands; such gaps are many and are
    not noted.
    """

    source = "alpaca"

    def __init__(
        self,
        reader: Reader,
        symbols: Collection[str] = SYNTHETIC_SYMBOLS,
        *,
        clock: Clock,
        calendar: MarketCalendar | None = None,
    ) -> None:
        super().__init__(calendar)
        self.symbols = tuple(sorted(symbols))
        self.notices: tuple[str, ...] = ()
        self._reader = reader
        self._clock = clock
        self._sightings: deque[_Sighting] = deque(maxlen=_KEPT_SIGHTINGS)
        self._minutes_on: OrderedDict[date, _Minutes] = OrderedDict()
        self._days: dict[tuple[str, date], Ohlcv] = {}
        self._days_fetched_on: date | None = None
        self._fetching = asyncio.Lock()
        self._failure: tuple[datetime, CouncilError] | None = None

    async def open(self) -> None:
        """Look at the market once: whoever has no price is no symbol, and is noted.

        Raises:
            VenueUnreachable: No usable answer.
            BadCredentials: Alpaca does not accept the key.
        """
        await self._look()
        newest = self._sightings[-1].newest
        self.notices = tuple(_oddities(self.symbols, newest, self._last_open_at()))
        self.symbols = tuple(symbol for symbol in self.symbols if symbol in newest)

    def quote_at(self, symbol: str, at: datetime) -> Quote | None:
        """Return the quote that stood at `at`: as it was seen in the minute that runs."""
        session = self._running(at)
        newest = self._newest(symbol, at) if session else None
        quote = newest.quote if newest else None
        if session is None or quote is None or quote.at < session.open_at:
            return super().quote_at(symbol, at)
        return replace(quote, at=min(quote.at, at))

    def trade_at(self, symbol: str, at: datetime) -> LastTrade | None:
        """Return the last trade at or before `at`: as it was seen in the minute that runs."""
        session = self._running(at)
        newest = self._newest(symbol, at) if session else None
        traded_at, price = (newest.traded_at, newest.trade_price) if newest else (None, None)
        if session is None or price is None or traded_at is None or traded_at < session.open_at:
            return super().trade_at(symbol, at)
        return LastTrade(price, min(traded_at, at))

    def _day(self, symbol: str, session: Session) -> "Ohlcv | None":
        """Return a past day as Alpaca sums it up, today as the sum of its minutes so far."""
        today = self._today()
        if session.session_on >= today:
            minutes = self._minutes(symbol, session)
            return added_up(minutes.bars) if minutes else None
        if self._days_fetched_on != today:
            raise PricesAwaited(self._fetch_days)
        return self._days.get((symbol, session.session_on))

    def _minutes(self, symbol: str, session: Session) -> "MinuteBars | None":
        due = self._due(session)
        if due <= session.open_at:
            return None
        kept = self._minutes_on.get(session.session_on)
        if kept is None or kept.until < due:
            raise PricesAwaited(lambda: self._fetch_minutes(session))
        return kept.by_symbol.get(symbol)

    def _running(self, at: datetime) -> Session | None:
        """Return the session whose minute runs at `at` and has no bar yet."""
        session = self._calendar.open_session(at)
        return session if session and _minute(at) >= self._due(session) else None

    def _due(self, session: Session) -> datetime:
        """Return up to when the bars of `session` must be there by now."""
        return min(session.close_at, _minute(self._clock.now() - PUBLISHED_AFTER))

    def _newest(self, symbol: str, at: datetime) -> "Newest | None":
        """Return what was seen last by `at`, or else first after it."""
        seen = bisect_right(self._sightings, at, key=lambda sighting: sighting.seen_at)
        before = self._sightings[seen - 1] if seen else None
        if before and at - before.seen_at <= FRESH_FOR:
            return before.newest.get(symbol)
        if seen == len(self._sightings):
            raise PricesAwaited(self._look)
        return self._sightings[seen].newest.get(symbol)

    async def _look(self) -> None:
        async def look() -> None:
            newest = await self._reader.newest(self.symbols)
            self._sightings.append(_Sighting(self._clock.now(), newest))

        last = self._sightings[-1].seen_at if self._sightings else None
        await self._once(look, lambda: self._sightings and self._sightings[-1].seen_at != last)

    async def _fetch_minutes(self, session: Session) -> None:
        async def fetch() -> None:
            if session.session_on >= self._today():
                await self._add_minutes(session)
            else:
                await self._fetch_week(session)

        before = self._minutes_on.get(session.session_on)
        await self._once(fetch, lambda: self._minutes_on.get(session.session_on) is not before)

    async def _add_minutes(self, session: Session) -> None:
        """Fetch today's minutes since the last time."""
        kept, due = self._minutes_on.get(session.session_on), self._due(session)
        start_at = kept.until if kept else session.open_at
        bars = await self._reader.minutes(self.symbols, start_at, due - _MINUTE)
        earlier = kept.by_symbol if kept else {}
        self._keep(session, _Minutes(due, _joined(earlier, _by_symbol(bars, session))))

    async def _fetch_week(self, session: Session) -> None:
        """Fetch the minutes of all past sessions in the week of `session`."""
        monday = session.session_on - session.session_on.weekday() * _DAY
        sessions = self._calendar.between(monday, min(monday + 6 * _DAY, self._today() - _DAY))
        bars = await self._reader.minutes(
            self.symbols, sessions[0].open_at, sessions[-1].close_at - _MINUTE
        )
        for one in sessions:
            own = [bar for bar in bars if one.open_at <= bar.start_at < one.close_at]
            self._keep(one, _Minutes(one.close_at, _by_symbol(own, one)))

    async def _fetch_days(self) -> None:
        async def fetch() -> None:
            today = self._today()
            start_at, end_at = midnight(HISTORY_START_ON), midnight(today) - _MINUTE
            bars = await self._reader.days(self.symbols, start_at, end_at)
            self._days = {
                (bar.symbol, bar.start_at.astimezone(NEW_YORK).date()): _ohlcv(bar) for bar in bars
            }
            self._days_fetched_on = today

        await self._once(fetch, lambda: self._days_fetched_on == self._today())

    async def _once(
        self, fetch: Callable[[], Coroutine[Any, Any, None]], is_done: Callable[[], object]
    ) -> None:
        """Run `fetch` unless another task has just done the same; a failure stands for a while."""
        async with self._fetching:
            if is_done():
                return
            if self._failure and self._clock.now() < self._failure[0] + PATIENCE:
                raise self._failure[1]
            try:
                await fetch()
            except FETCH_FAILURES as error:
                self._failure = (self._clock.now(), error)
                raise
            self._failure = None

    def _keep(self, session: Session, minutes: _Minutes) -> None:
        self._minutes_on[session.session_on] = minutes
        self._minutes_on.move_to_end(session.session_on)
        while len(self._minutes_on) > _KEPT_SESSIONS:
            self._minutes_on.popitem(last=False)

    def _today(self) -> date:
        return self._clock.now().astimezone(NEW_YORK).date()

    def _last_open_at(self) -> datetime:
        now = self._clock.now()
        return (self._calendar.open_session(now) or self._calendar.last_closed(now)).open_at


def _oddities(
    symbols: Iterable[str], newest: "Mapping[str, Newest]", open_at: datetime
) -> Iterable[str]:
    lacking = [symbol for symbol in symbols if symbol not in newest]
    if lacking:
        yield f"No prices for {', '.join(lacking)} in Alpaca's market data."
    for symbol, one in newest.items():
        if one.traded_at is None or one.traded_at < open_at:
            since = f"is of {one.traded_at.date()}" if one.traded_at else "is unknown"
            yield f"Alpaca's market data: the newest trade of {symbol} {since}."


def _by_symbol(bars: Iterable[Bar], session: Session) -> "dict[str, MinuteBars]":
    # numpy is paid for by those who ask for prices.
    from broker.exchange.paths import MinuteBars  # noqa: PLC0415

    found: dict[str, dict[int, Ohlcv]] = {}
    for bar in bars:
        minute = int((bar.start_at - session.open_at) / _MINUTE)
        found.setdefault(bar.symbol, {})[minute] = _ohlcv(bar)
    return {
        symbol: MinuteBars(tuple(sorted(own)), tuple(own[start] for start in sorted(own)))
        for symbol, own in found.items()
    }


def _joined(
    earlier: "Mapping[str, MinuteBars]", later: "Mapping[str, MinuteBars]"
) -> "dict[str, MinuteBars]":
    # numpy is paid for by those who ask for prices.
    from broker.exchange.paths import MinuteBars  # noqa: PLC0415

    joined = dict(earlier)
    for symbol, own in later.items():
        old = earlier.get(symbol)
        joined[symbol] = (
            MinuteBars((*old.starts, *own.starts), (*old.bars, *own.bars)) if old else own
        )
    return joined


def _ohlcv(bar: Bar) -> "Ohlcv":
    # numpy is paid for by those who ask for prices.
    from broker.exchange.paths import Ohlcv  # noqa: PLC0415

    prices: tuple[Decimal, ...] = (bar.open, bar.high, bar.low, bar.close)
    first, high, low, last = map(float, prices)
    return Ohlcv(first, high, low, last, bar.volume)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
