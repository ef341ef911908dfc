"""Quotes and bars out of sessions: what a source need only say is a session's day and minutes.

A quote is a narrow spread around the way that a price takes inside its minute. Outside sessions the
last close stands, and the quote's time says since when.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from broker.models import Bar, Quote
from config.clock import NEW_YORK
from config.market_calendar import MarketCalendar, Session, xnys

if TYPE_CHECKING:
    from broker.exchange.paths import MinuteBars, Ohlcv

MAX_STALE_SESSIONS = 10
"""A price older than this many sessions is no price any more."""
_CENT = Decimal("0.01")
_LEAST_HALF_SPREAD = Decimal("0.005")
_HALF_SPREAD_SHARE = Decimal("0.00005")
_MINUTE = timedelta(minutes=1)
_KEPT_MIDNIGHTS = 8192
"""More days than any history has; every symbol asks for the same ones."""


@dataclass(frozen=True, slots=True)
class LastTrade:
    """The newest trade of a symbol, and when it printed."""

    price: Decimal
    at: datetime


class SessionPrices(ABC):
    """Quotes and bars over sessions; a subclass says what a session's day and minutes were."""

    def __init__(self, calendar: MarketCalendar | None) -> None:
        self._calendar = calendar or xnys()

    def quote_at(self, symbol: str, at: datetime) -> Quote | None:
        """Return the quote that stood at `at`: a spread around the last trade, inside its bar."""
        found = self._minute_at(symbol, at)
        if found is None:
            return None
        bar, elapsed, quoted_at = found
        bid, ask = _spread_around(bar, elapsed)
        return Quote(symbol=symbol, bid=bid, ask=ask, at=quoted_at)

    def trade_at(self, symbol: str, at: datetime) -> LastTrade | None:
        """Return the last trade at or before `at`."""
        found = self._minute_at(symbol, at)
        return LastTrade(_price(found[0], found[1]), found[2]) if found else None

    def daily_bars(self, symbol: str, start_on: date, end_on: date) -> tuple[Bar, ...]:
        """Return the whole days from `start_on` to `end_on`."""
        sessions = self._calendar.between(start_on, end_on)
        days = zip(sessions, self._days_of(symbol, sessions), strict=True)
        return tuple(
            _as_bar(symbol, midnight(session.session_on), day) for session, day in days if day
        )

    def minute_bars(self, symbol: str, start_at: datetime, end_at: datetime) -> tuple[Bar, ...]:
        """Return the minutes that start from `start_at` to `end_at`."""
        days = (start_at.astimezone(NEW_YORK).date(), end_at.astimezone(NEW_YORK).date())
        return tuple(
            bar
            for session in self._calendar.between(*days)
            for bar in self._bars_of(symbol, session)
            if start_at <= bar.start_at <= end_at
        )

    @abstractmethod
    def _day(self, symbol: str, session: Session) -> "Ohlcv | None":
        """Return what `session` was as a whole."""

    def _days_of(self, symbol: str, sessions: Sequence[Session]) -> "Iterable[Ohlcv | None]":
        """Return what each of `sessions`, which follow each other, was as a whole."""
        return (self._day(symbol, session) for session in sessions)

    @abstractmethod
    def _minutes(self, symbol: str, session: Session) -> "MinuteBars | None":
        """Return the minutes of `session` that have prices."""

    def _bars_of(self, symbol: str, session: Session) -> Iterator[Bar]:
        minutes = self._minutes(symbol, session)
        rows = zip(minutes.starts, minutes.bars, strict=True) if minutes else ()
        return (_as_bar(symbol, session.open_at + start * _MINUTE, bar) for start, bar in rows)

    def _minute_at(self, symbol: str, at: datetime) -> "tuple[Ohlcv, float, datetime] | None":
        """Return the minute that last traded by `at`, how much of it had passed, and since when."""
        for session in self._sessions_back_from(at):
            minutes = self._minutes(symbol, session)
            passed = (at - session.open_at) / _MINUTE
            row = bisect_right(minutes.starts, passed) - 1 if minutes else -1
            if minutes and row >= 0:
                elapsed = min(1.0, passed - minutes.starts[row])
                ended_at = session.open_at + (minutes.starts[row] + 1) * _MINUTE
                return minutes.bars[row], elapsed, min(at, ended_at)
        return None

    def _sessions_back_from(self, at: datetime) -> Iterator[Session]:
        session = self._calendar.open_session(at) or self._calendar.last_closed(at)
        for _ in range(MAX_STALE_SESSIONS):
            yield session
            session = self._calendar.last_closed(session.open_at)


def added_up(bars: "Sequence[Ohlcv]") -> "Ohlcv":
    """Return what the bars, of which there is one at least, are as one."""
    return type(bars[0])(
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=sum(bar.volume for bar in bars),
    )


def _spread_around(bar: "Ohlcv", elapsed: float) -> tuple[Decimal, Decimal]:
    """Return bid and ask: one basis point or one cent apart, but never outside the bar."""
    middle, low, high = _price(bar, elapsed), _exact(bar.low), _exact(bar.high)
    half = max(_LEAST_HALF_SPREAD, middle * _HALF_SPREAD_SHARE)
    bid = (middle - half).quantize(_CENT, ROUND_FLOOR)
    ask = (middle + half).quantize(_CENT, ROUND_CEILING)
    return max(low, bid), min(high, ask)


def _price(bar: "Ohlcv", elapsed: float) -> Decimal:
    """Return the trade price inside `bar`: whole cents unless the bar's own prices are finer."""
    # numpy is paid for by those who ask for prices.
    from broker.exchange.paths import price_within  # noqa: PLC0415

    if elapsed >= 1.0:
        return _exact(bar.close)
    cents = Decimal(price_within(bar, elapsed)).quantize(_CENT)
    return min(_exact(bar.high), max(_exact(bar.low), cents))


def _as_bar(symbol: str, start_at: datetime, bar: "Ohlcv") -> Bar:
    first, high, low, last, volume = bar
    return Bar(symbol, start_at, _exact(first), _exact(high), _exact(low), _exact(last), volume)


def _exact(price: float) -> Decimal:
    """Return the decimal that was written in the file, not its binary neighbour."""
    return Decimal(repr(price))


@lru_cache(_KEPT_MIDNIGHTS)
def midnight(day: date) -> datetime:
    """Return the instant at which `day` begins in New York."""
    return datetime.combine(day, time(), NEW_YORK).astimezone(UTC)
