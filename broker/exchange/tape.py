"""Market data up to now and not a moment further: the exchange's guard against look-ahead.

A minute is served once it is over. The day of the running session is served as the sum of its
finished minutes, and not at all before the first of them has ended.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Literal

from broker.exchange.hours import TradingHours
from broker.exchange.prices import LastTrade, PriceSource
from broker.models import Bar, Quote
from config.clock import NEW_YORK, Clock
from config.market_calendar import Session

Timeframe = Literal["1Min", "1Day"]

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class BarRange:
    """Which bars: those that start from `start_at` to `end_at`, both included."""

    timeframe: Timeframe
    start_at: datetime
    end_at: datetime
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The newest of everything for one symbol; what does not exist yet is None."""

    trade: LastTrade
    quote: Quote
    minute: Bar | None
    day: Bar | None
    previous_day: Bar | None


class Tape:
    """What anybody may know at the clock's now."""

    def __init__(self, *, prices: PriceSource, clock: Clock, hours: TradingHours) -> None:
        self._prices = prices
        self._clock = clock
        self._hours = hours

    def now(self) -> datetime:
        """Return the clock's instant."""
        return self._clock.now()

    def quote(self, symbol: str) -> Quote | None:
        """Return the newest quote; where the market is always open it is as of now."""
        now = self.now()
        quote = self._prices.quote_at(symbol, now)
        return replace(quote, at=now) if quote and self._hours.mode == "always" else quote

    def trade(self, symbol: str) -> LastTrade | None:
        """Return the last trade."""
        return self._prices.trade_at(symbol, self.now())

    def bars(self, symbol: str, wanted: BarRange) -> Iterator[Bar]:
        """Yield the wanted bars that are over by now, session by session."""
        now = self.now()
        first_on = wanted.start_at.astimezone(NEW_YORK).date()
        last_on = min(wanted.end_at, now).astimezone(NEW_YORK).date()
        sessions = self._hours.calendar.between(first_on, last_on)
        chunks = (
            self._session_bars(symbol, session, timeframe=wanted.timeframe, now=now)
            for session in (reversed(sessions) if wanted.newest_first else sessions)
        )
        ordered = (reversed(chunk) if wanted.newest_first else chunk for chunk in chunks)
        flat = chain.from_iterable(ordered)
        return (bar for bar in flat if wanted.start_at <= bar.start_at <= wanted.end_at)

    def latest_minute(self, symbol: str) -> Bar | None:
        """Return the last minute that is over, of this session or of the last one with prices."""
        now = self.now()
        return next(
            self.bars(symbol, BarRange("1Min", now - _RECENT, now, newest_first=True)), None
        )

    def snapshot(self, symbol: str) -> Snapshot | None:
        """Return the newest of everything, or None for a symbol without prices."""
        now, quote, trade = self.now(), self.quote(symbol), self.trade(symbol)
        if quote is None or trade is None:
            return None
        days = self.bars(symbol, BarRange("1Day", now - _RECENT, now, newest_first=True))
        minute, day, previous_day = self.latest_minute(symbol), next(days, None), next(days, None)
        return Snapshot(trade, quote, minute, day=day, previous_day=previous_day)

    def _session_bars(
        self, symbol: str, session: Session, *, timeframe: Timeframe, now: datetime
    ) -> tuple[Bar, ...]:
        if timeframe == "1Min":
            return self._finished_minutes(symbol, session, now)
        days = self._prices.daily_bars(symbol, session.session_on, session.session_on)
        if session.close_at <= now:
            return days
        minutes = self._finished_minutes(symbol, session, now)
        return (_added_up(days[0], minutes),) if days and minutes else ()

    def _finished_minutes(self, symbol: str, session: Session, now: datetime) -> tuple[Bar, ...]:
        last_start_at = min(now, session.close_at) - _MINUTE
        return self._prices.minute_bars(symbol, session.open_at, last_start_at)


_RECENT = timedelta(days=14)
"""How far back the newest bars are looked for, about as far as prices stay prices."""


def _added_up(day: Bar, minutes: tuple[Bar, ...]) -> Bar:
    return replace(
        day,
        open=minutes[0].open,
        high=max(minute.high for minute in minutes),
        low=min(minute.low for minute in minutes),
        close=minutes[-1].close,
        volume=sum(minute.volume for minute in minutes),
    )
