"""The daily bars of closed sessions, the history fetched once and then only what is new.

Bars come adjusted: a dividend or a split rewrites all that came before it. So on every new day the
last known bars are fetched again with the new ones, and only where they are unchanged are the older
ones still good. So they are too while the newest is missing or may still change.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from broker.models import Bar
from config.clock import new_york_date
from config.market_calendar import Session
from council.ports import Deps
from council.remembered import KnownBars

OVERLAP_BARS: Final = 3
"""So many of the newest known bars must come back unchanged before the older ones are believed."""

FINAL_AFTER: Final = timedelta(hours=1)
"""So long after the close, late trades and delayed sources may still change the day's bar."""

BarsBySymbol = Mapping[str, tuple[Bar, ...]]


async def closed_bars(
    symbols: Sequence[str], sessions: Sequence[Session], deps: Deps
) -> BarsBySymbol:
    """Return one bar a session of `sessions` at most, oldest first, whatever else is sent.

    Raises:
        VenueUnreachable: the source of prices does not answer.
    """
    reader = _Reader(sessions, deps)
    missing = [symbol for symbol in symbols if not reader.is_fresh(symbol)]
    begun = [symbol for symbol in missing if reader.can_grow(symbol)]
    if begun:
        grown = await reader.grow(begun)
        missing = [symbol for symbol in missing if symbol not in grown]
    if missing:
        await reader.fetch(missing)
    return reader.kept(symbols)


def session_date(bar: Bar) -> date:
    """Return the New York date of the session that `bar` belongs to."""
    return new_york_date(bar.start_at)


class _Reader:
    """Reads the bars of `sessions` as of now, from what was remembered when it began.

    It works on a copy, so that several may read at once.
    """

    def __init__(self, sessions: Sequence[Session], deps: Deps) -> None:
        self._deps = deps
        self._closed = frozenset(session.session_on for session in sessions)
        self._first, self._last = sessions[0].session_on, sessions[-1].session_on
        self._final_at = sessions[-1].close_at + FINAL_AFTER
        self._now = deps.clock.now()
        self._known = dict(deps.remembered.bars)

    def is_fresh(self, symbol: str) -> bool:
        """Whether the bars were read today, when they were final, up to the last session's."""
        known = self._known.get(symbol)
        if known is None or known.first_on > self._first or known.last_on != self._last:
            return False
        is_whole = bool(known.bars) and session_date(known.bars[-1]) == self._last
        return is_whole and known.read_at >= self._final_at and _is_same_day(known, self._now)

    def can_grow(self, symbol: str) -> bool:
        """Whether there is enough to compare new bars with."""
        known = self._known.get(symbol)
        if known is None or known.first_on > self._first or known.last_on > self._last:
            return False
        return len(known.bars) > OVERLAP_BARS

    async def grow(self, symbols: Sequence[str]) -> frozenset[str]:
        """Fetch the newest bars again with those that came since; return whose history stands."""
        first = min(session_date(self._known[symbol].bars[-OVERLAP_BARS]) for symbol in symbols)
        received = await self._deps.market_data.daily_bars(symbols, first, self._last)
        return frozenset(
            symbol for symbol in symbols if self._joins(symbol, received.get(symbol, ()), first)
        )

    async def fetch(self, symbols: Sequence[str]) -> None:
        """Fetch all of the sessions."""
        received = await self._deps.market_data.daily_bars(symbols, self._first, self._last)
        for symbol in symbols:
            self._keep(symbol, self._of_sessions(received.get(symbol, ())), self._first)

    def kept(self, symbols: Sequence[str]) -> BarsBySymbol:
        """Return and remember the bars of these sessions; older ones are forgotten."""
        for symbol in symbols:
            known = self._known[symbol]
            if known.first_on < self._first:
                later = bisect_left(known.bars, self._first, key=session_date)
                known = replace(known, bars=known.bars[later:], first_on=self._first)
            self._deps.remembered.bars[symbol] = self._known[symbol] = known
        return {symbol: self._known[symbol].bars for symbol in symbols}

    def _joins(self, symbol: str, received: Sequence[Bar], first: date) -> bool:
        """Put the bars since `first` after the older ones, unless what was known has changed."""
        newest, known = self._of_sessions(received), self._known[symbol]
        older = known.bars[: bisect_left(known.bars, first, key=session_date)]
        if newest[: len(known.bars) - len(older)] != known.bars[len(older) :]:
            return False
        self._keep(symbol, (*older, *newest), known.first_on)
        return True

    def _keep(self, symbol: str, bars: tuple[Bar, ...], first_on: date) -> None:
        self._known[symbol] = KnownBars(bars, first_on, self._last, self._now)

    def _of_sessions(self, bars: Sequence[Bar]) -> tuple[Bar, ...]:
        by_day = {session_date(bar): bar for bar in bars}
        return tuple(by_day[day] for day in sorted(by_day) if day in self._closed)


def _is_same_day(known: KnownBars, now: datetime) -> bool:
    return new_york_date(known.read_at) == new_york_date(now)
