"""Market data up to now and not a moment further: the exchange's guard against look-ahead.

A minute is served once it is over. The day of the running session is served as the sum of its
finished minutes, and not at all before the first of them has ended. Longer bars are sums of these.
Of past quotes and trades there is one a minute, as they stood when the minute began.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, groupby

from broker.exchange.hours import TradingHours
from broker.exchange.prices import LastTrade, PriceSource
from broker.exchange.timeframes import Timeframe
from broker.models import Bar, Quote
from config.clock import NEW_YORK, Clock
from config.market_calendar import Session

MINUTES = Timeframe(1, "Min")
DAYS = Timeframe(1, "Day")
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class TapeRange:
    """Which part of the tape: what starts from `start_at` to `end_at`, both included."""

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

    def bars(self, symbol: str, timeframe: Timeframe, wanted: TapeRange) -> Iterator[Bar]:
        """Yield the wanted bars as far as they are over by now, session by session."""
        if timeframe.is_base:
            return self._base_bars(symbol, timeframe, wanted)
        # The first and the last bar may reach beyond the range: they are added up whole.
        reach = replace(
            wanted,
            start_at=timeframe.start_of(wanted.start_at),
            end_at=wanted.end_at + timeframe.longest,
        )
        whole = _longer(self._base_bars(symbol, timeframe, reach), timeframe, wanted.newest_first)
        return (bar for bar in whole if wanted.start_at <= bar.start_at <= wanted.end_at)

    def quotes(self, symbol: str, wanted: TapeRange) -> Iterator[Quote]:
        """Yield the wanted quotes, one for each minute with prices that has begun by now."""
        for at in self._minutes(wanted):
            quote = self._prices.quote_at(symbol, at)
            if quote and quote.at == at:
                yield quote

    def trades(self, symbol: str, wanted: TapeRange) -> Iterator[LastTrade]:
        """Yield the wanted trades, one for each minute with prices that has begun by now."""
        for at in self._minutes(wanted):
            trade = self._prices.trade_at(symbol, at)
            if trade and trade.at == at:
                yield trade

    def latest_minute(self, symbol: str) -> Bar | None:
        """Return the last minute that is over, of this session or of the last one with prices."""
        now = self.now()
        return next(
            self.bars(symbol, MINUTES, TapeRange(now - _RECENT, now, newest_first=True)), None
        )

    def snapshot(self, symbol: str) -> Snapshot | None:
        """Return the newest of everything, or None for a symbol without prices."""
        now, quote, trade = self.now(), self.quote(symbol), self.trade(symbol)
        if quote is None or trade is None:
            return None
        days = self.bars(symbol, DAYS, TapeRange(now - _RECENT, now, newest_first=True))
        minute, day, previous_day = self.latest_minute(symbol), next(days, None), next(days, None)
        return Snapshot(trade, quote, minute, day=day, previous_day=previous_day)

    def _base_bars(self, symbol: str, timeframe: Timeframe, wanted: TapeRange) -> Iterator[Bar]:
        """Yield the minutes or days of which bars of this length are made."""
        chunks = self._chunks(symbol, timeframe, wanted)
        ordered = (reversed(chunk) if wanted.newest_first else chunk for chunk in chunks)
        flat = chain.from_iterable(ordered)
        return (bar for bar in flat if wanted.start_at <= bar.start_at <= wanted.end_at)

    def _minutes(self, wanted: TapeRange) -> Iterator[datetime]:
        """Yield the beginnings of the session minutes in the range, none after now."""
        until = min(wanted.end_at, self.now())
        for session in self._sessions(wanted):
            count = int((session.close_at - session.open_at) / _MINUTE)
            numbers = range(count)
            for number in reversed(numbers) if wanted.newest_first else numbers:
                at = session.open_at + number * _MINUTE
                if wanted.start_at <= at <= until:
                    yield at

    def _sessions(self, wanted: TapeRange) -> Sequence[Session]:
        """Return the sessions in the range, none after now, in its order."""
        first_on = wanted.start_at.astimezone(NEW_YORK).date()
        last_on = min(wanted.end_at, self.now()).astimezone(NEW_YORK).date()
        sessions = self._hours.calendar.between(first_on, last_on)
        return sessions[::-1] if wanted.newest_first else sessions

    def _chunks(
        self, symbol: str, timeframe: Timeframe, wanted: TapeRange
    ) -> Iterator[tuple[Bar, ...]]:
        """Yield minutes or days by session: days that are over in one piece, as they are many."""
        now, sessions = self.now(), self._sessions(wanted)
        if timeframe.is_of_minutes:
            yield from (self._finished_minutes(symbol, session, now) for session in sessions)
            return
        for is_over, run in groupby(sessions, key=lambda session: session.close_at <= now):
            chosen = tuple(run)
            if is_over:
                days = [session.session_on for session in chosen]
                yield self._prices.daily_bars(symbol, min(days), max(days))
            else:
                yield from (self._running_day(symbol, session, now) for session in chosen)

    def _running_day(self, symbol: str, session: Session, now: datetime) -> tuple[Bar, ...]:
        days = self._prices.daily_bars(symbol, session.session_on, session.session_on)
        minutes = self._finished_minutes(symbol, session, now)
        return (_added_up(days[0], minutes),) if days and minutes else ()

    def _finished_minutes(self, symbol: str, session: Session, now: datetime) -> tuple[Bar, ...]:
        last_start_at = min(now, session.close_at) - _MINUTE
        return self._prices.minute_bars(symbol, session.open_at, last_start_at)


_RECENT = timedelta(days=14)
"""How far back the newest bars are looked for, about as far as prices stay prices."""


def _longer(bars: Iterator[Bar], timeframe: Timeframe, newest_first: bool) -> Iterator[Bar]:
    """Yield the sums of neighbours that belong to one longer bar."""
    for start_at, group in groupby(bars, key=lambda bar: timeframe.start_of(bar.start_at)):
        parts = tuple(group)
        yield replace(
            _added_up(parts[0], parts[::-1] if newest_first else parts), start_at=start_at
        )


def _added_up(day: Bar, minutes: tuple[Bar, ...]) -> Bar:
    return replace(
        day,
        open=minutes[0].open,
        high=max(minute.high for minute in minutes),
        low=min(minute.low for minute in minutes),
        close=minutes[-1].close,
        volume=sum(minute.volume for minute in minutes),
    )
