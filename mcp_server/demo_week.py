"""Which week a demonstration plays, and what its prices do not cover."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from broker.exchange.prices import PriceSource
from config.clock import NEW_YORK
from config.errors import UsageError
from config.market_calendar import FIRST_DAY, LAST_DAY, xnys
from config.schema import ScheduleFile
from config.weeks import current_week, parse_week_id

_WEEK = timedelta(days=7)
_WEDNESDAY = 2


def chosen_week(
    asked: str | None, prices: PriceSource, *, now: datetime, schedule: ScheduleFile
) -> str:
    """Return the week asked for, else the one in force, or the last full one of a file of bars.

    Raises:
        UsageError: no Wednesday, or a week that the prices do not cover to its end.
    """
    if not prices.source.startswith("file:"):
        return _synthetic_week(asked, prices, now=now, schedule=schedule)
    covered = weeks_covered(prices)
    if asked is None:
        return best_week(covered, prices.source)
    parse_week_id(asked)
    if asked not in covered:
        first_on, last_on = min(covered, default="no"), max(covered, default="full week")
        raise UsageError(
            f"The prices ({prices.source}) hold full weeks from {first_on} to {last_on}, but not "
            f"{asked}: choose another, such as {best_week(covered, prices.source)}."
        )
    return asked


def _synthetic_week(
    asked: str | None, prices: PriceSource, *, now: datetime, schedule: ScheduleFile
) -> str:
    if asked is None:
        return current_week(now, xnys(), schedule).week_id
    sessions = _sessions_of(parse_week_id(asked))
    if len(prices.daily_bars(prices.symbols[0], sessions[0], sessions[-1])) < len(sessions):
        raise UsageError(
            f"Synthetic prices do not reach the week {asked}: choose one from 2017 on."
        )
    return asked


def weeks_covered(prices: PriceSource) -> dict[str, int]:
    """Return, by week, how many symbols have prices in every session of it; others are absent."""
    counts: Counter[str] = Counter()
    for symbol in prices.symbols:
        bars = prices.daily_bars(symbol, FIRST_DAY, LAST_DAY)
        days = {bar.start_at.astimezone(NEW_YORK).date() for bar in bars}
        wednesdays = {day - timedelta(days=(day.weekday() - _WEDNESDAY) % 7) for day in days}
        counts.update(w.isoformat() for w in wednesdays if days.issuperset(_sessions_of(w)))
    return dict(counts)


def best_week(covered: Mapping[str, int], source: str) -> str:
    """Return the last of the weeks in which most symbols have prices."""
    if not covered:
        raise UsageError(f"{source} holds no full week of sessions: bring more bars.")
    return max(covered, key=lambda week_id: (covered[week_id], week_id))


def _sessions_of(wednesday: date) -> list[date]:
    days = xnys().between(wednesday, wednesday + _WEEK - timedelta(days=1))
    return [session.session_on for session in days]


def symbols_with_bars(prices: PriceSource, week_id: str, symbols: Iterable[str]) -> tuple[str, ...]:
    """Return those of `symbols` that have a price in every session of the week."""
    sessions = _sessions_of(parse_week_id(week_id))
    return tuple(
        symbol
        for symbol in symbols
        if len(prices.daily_bars(symbol, sessions[0], sessions[-1])) == len(sessions)
    )
