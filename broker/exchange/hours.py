"""When orders can trade and when they lapse: the sessions of XNYS, or always for trying things."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from config.market_calendar import MarketCalendar

HoursMode = Literal["xnys", "always"]

GOOD_TILL_CANCELED_DAYS = 90
_AGED_OUT_AT = time(16, 15, tzinfo=ZoneInfo("America/New_York"))
_MINUTE = timedelta(minutes=1)


class TimeInForce(StrEnum):
    """How long an order works: this session, or ninety days."""

    DAY = "day"
    GTC = "gtc"


@dataclass(frozen=True, slots=True)
class TradingHours:
    """Hours over a calendar; in the mode "always" the market never closes.

    Even then a DAY order lapses at a session's close: the one open now, else the next.
    """

    calendar: MarketCalendar
    mode: HoursMode = "xnys"

    def is_open(self, at: datetime) -> bool:
        """Return whether orders trade at `at`."""
        return self.mode == "always" or self.calendar.open_session(at) is not None

    def open_from(self, at: datetime) -> datetime:
        """Return `at` while the market is open, else the next open."""
        return at if self.is_open(at) else self.calendar.next_to_open(at).open_at

    def expiry(self, submitted_at: datetime, time_in_force: TimeInForce) -> datetime:
        """Return when an order lapses: its session's close, or 16:15 New York 90 days later."""
        if time_in_force is TimeInForce.DAY:
            return self.calendar.next_to_close(submitted_at).close_at
        aged_on = submitted_at.astimezone(_AGED_OUT_AT.tzinfo) + timedelta(
            days=GOOD_TILL_CANCELED_DAYS
        )
        return datetime.combine(aged_on.date(), _AGED_OUT_AT).astimezone(UTC)

    def next_minute(self, after: datetime) -> datetime:
        """Return the next whole minute of a session: prices stand still outside sessions."""
        minute = after.replace(second=0, microsecond=0) + _MINUTE
        inside = self.calendar.open_session(minute) is not None
        return minute if inside else self.calendar.next_to_open(after).open_at + _MINUTE
