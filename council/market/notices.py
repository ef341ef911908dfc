"""Says in one sentence each what the week's bars lack: symbols, recent sessions, history."""

from collections.abc import Mapping, Sequence
from datetime import date

from broker.models import Bar
from config.clock import new_york_date
from config.market_calendar import Session

GAP_WINDOW_SESSIONS = 60


def quality_notices(
    bars: Mapping[str, Sequence[Bar]],
    sessions: Sequence[Session],
    indicators: Mapping[str, Mapping[str, float | None]],
) -> tuple[str, ...]:
    """Return the shortcomings of `bars`, which should hold every one of `sessions`.

    `indicators` are those after the last bar, of each symbol that has any bars.
    """
    days = {symbol: _days(series) for symbol, series in bars.items() if series}
    last_on = sessions[-1].session_on
    recent = [session.session_on for session in sessions[-GAP_WINDOW_SESSIONS:]]
    found = (
        _missing([symbol for symbol, series in bars.items() if not series]),
        _stale({symbol: max(own) for symbol, own in days.items()}, last_on),
        _gaps(days, recent),
        _short(indicators),
    )
    return tuple(notice for notice in found if notice)


def _days(series: Sequence[Bar]) -> frozenset[date]:
    """Return the newest days: at least those of recent sessions."""
    newest = series[-GAP_WINDOW_SESSIONS:]
    return frozenset(new_york_date(bar.start_at) for bar in newest)


def _missing(symbols: Sequence[str]) -> str | None:
    return f"There are no prices for {', '.join(symbols)}." if symbols else None


def _stale(last_by_symbol: Mapping[str, date], last_on: date) -> str | None:
    stale = [f"{s} (of {day})" for s, day in last_by_symbol.items() if day < last_on]
    if not stale:
        return None
    return f"The last prices are older than the session of {last_on} for {', '.join(stale)}."


def _gaps(days: Mapping[str, frozenset[date]], recent: Sequence[date]) -> str | None:
    counts = {symbol: _holes(own, recent) for symbol, own in days.items()}
    holed = [f"{symbol} ({count})" for symbol, count in counts.items() if count]
    if not holed:
        return None
    return f"Of the last {len(recent)} sessions some are missing for {', '.join(holed)}."


def _holes(own: frozenset[date], recent: Sequence[date]) -> int:
    """Count the sessions missing between the first and the last known one."""
    first, last = min(own), max(own)
    return sum(first < day < last and day not in own for day in recent)


def _short(indicators: Mapping[str, Mapping[str, float | None]]) -> str | None:
    """Name the unknown indicators, symbols that lack the same ones together."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for symbol, values in indicators.items():
        unknown = tuple(name for name, value in values.items() if value is None)
        if unknown:
            lacking.setdefault(unknown, []).append(symbol)
    if not lacking:
        return None
    listed = "; ".join(f"{', '.join(s)}: {', '.join(names)}" for names, s in lacking.items())
    return f"The history is too short for some indicators ({listed})."
