"""Which stretch of an account's history a request asks for, by Alpaca's rules for its defaults."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import cast

from starlette.requests import Request

from broker.exchange.history import FRAMES, HistoryFrame, HistoryRange, Reporting
from broker.exchange.hours import TradingHours
from broker.exchange.query import bad_field, choice, flag, instant_or_none
from config.clock import NEW_YORK

_PERIOD = re.compile(r"(\d{1,4})([DWMA])")
_DAYS = {"D": 1, "W": 7, "M": 30, "A": 365}
_LONGEST_INTRADAY = timedelta(days=31)
"""Alpaca's thirty days, and one for a start in the middle of a day."""
_LONGEST_PERIOD = timedelta(days=36_500)
_FINEST_BELOW = timedelta(days=7)
_COARSEST_FROM = timedelta(days=30)
_DAY = timedelta(days=1)


def history_range(request: Request, hours: TradingHours, now: datetime) -> HistoryRange:
    """Return the wanted range; raises RequestRefused (422) for what does not fit together."""
    start_at, end_at = _borders(request, hours, now)
    length = end_at - start_at
    frame = cast("HistoryFrame", _frame(request, length))
    if frame != "1D" and length > _LONGEST_INTRADAY:
        raise bad_field("only timeframe 1D is accepted for more than 30 days")
    reports = choice(
        request, "intraday_reporting", ("market_hours", "extended_hours", "continuous")
    )
    if flag(request, "extended_hours"):
        reports = "extended_hours"
    return HistoryRange(
        frame=frame,
        start_at=start_at,
        end_at=end_at,
        reporting=cast("Reporting", reports),
        resets_daily=choice(request, "pnl_reset", ("per_day", "no_reset")) == "per_day",
    )


def _borders(request: Request, hours: TradingHours, now: datetime) -> tuple[datetime, datetime]:
    start_at, end_at = instant_or_none(request, "start"), _end_or_none(request)
    period = request.query_params.get("period")
    if start_at and end_at and period:
        raise bad_field("only two of start, end and period are accepted")
    length = _period(period or "1M")
    if start_at:
        end_at = end_at or start_at + length
    end_at = min(end_at or now, now)
    if start_at is None:
        start_at = _first_of(period or "1M", end_at, hours)
    if start_at > end_at:
        raise bad_field("start must not be after end")
    return start_at, end_at


def _end_or_none(request: Request) -> datetime | None:
    """Return the end, which an older parameter gives as a date."""
    last = instant_or_none(request, "date_end")
    if last is None:
        return instant_or_none(request, "end")
    return datetime.combine(last.date(), time.max, NEW_YORK).astimezone(UTC)


def _first_of(period: str, end_at: datetime, hours: TradingHours) -> datetime:
    """Return where a period begins that ends at `end_at`; days are those of trading.

    The first day counts as a whole, whatever hour of the last one it ends at.
    """
    start_at = end_at - _period(period)
    if period.endswith("D"):
        start_at, sessions = end_at, int(period[:-1])
        for _ in range(min(sessions, _MOST_SESSIONS)):
            start_at = _session_by(start_at, hours)
    return _midnight(start_at)


def _session_by(at: datetime, hours: TradingHours) -> datetime:
    """Return the open of the last session that began before `at`."""
    running = hours.calendar.open_session(at)
    if running and running.open_at < at:
        return running.open_at
    return hours.calendar.last_closed(at).open_at


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(NEW_YORK).date(), time(), NEW_YORK).astimezone(UTC)


def _period(text: str) -> timedelta:
    found = _PERIOD.fullmatch(text)
    if not found or not int(found[1]):
        raise bad_field(f"invalid period: {text}")
    return min(int(found[1]) * _DAYS[found[2]] * _DAY, _LONGEST_PERIOD)


def _frame(request: Request, length: timedelta) -> str:
    if "timeframe" in request.query_params:
        return choice(request, "timeframe", tuple(FRAMES))
    if length < _FINEST_BELOW:
        return "1Min"
    return "15Min" if length < _COARSEST_FROM else "1D"


_MOST_SESSIONS = 2600
"""Ten years of them."""
