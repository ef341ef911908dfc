"""When orders can trade and when they lapse: the sessions of XNYS, or always for trying things."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from config.market_calendar import MarketCalendar, Session

HoursMode = Literal["xnys", "always"]

GOOD_TILL_CANCELED_DAYS = 90
_NEW_YORK = ZoneInfo("America/New_York")
_AGED_OUT_AT = time(16, 15)
_EARLY_OPEN_AT = time(4)
_LATE_CLOSE_AT = time(20)
_HALF_DAY_LATE_CLOSE_AT = time(17)
_LATEST_HALF_DAY_CLOSE_AT = time(14)
_MINUTE = timedelta(minutes=1)


class TimeInForce(StrEnum):
    """How long an order works: this session, or ninety days."""

    DAY = "day"
    GTC = "gtc"


@dataclass(frozen=True, slots=True)
class TradingHours:
    """Hours over a calendar; in the mode "always" the market never closes.

    Even then a DAY order lapses at a session's close: the one open now, else the next. Where a
    method takes `extended`, it may count the hours before and after the session as well.
    """

    calendar: MarketCalendar
    mode: HoursMode = "xnys"

    def is_open(self, at: datetime, *, extended: bool = False) -> bool:
        """Return whether orders trade at `at`."""
        if self.mode == "always":
            return True
        if extended:
            return self._extended_to_close(at).open_at <= at
        return self.calendar.open_session(at) is not None

    def open_from(self, at: datetime, *, extended: bool = False) -> datetime:
        """Return `at` while the market is open, else the next open."""
        if self.is_open(at, extended=extended):
            return at
        session = self._extended_to_close(at) if extended else self.calendar.next_to_open(at)
        return session.open_at

    def expiry(
        self, submitted_at: datetime, time_in_force: TimeInForce, *, extended: bool = False
    ) -> datetime:
        """Return when an order lapses: its session's close, or 16:15 New York 90 days later."""
        if time_in_force is TimeInForce.DAY:
            if extended:
                return self._extended_to_close(submitted_at).close_at
            return self.calendar.next_to_close(submitted_at).close_at
        aged_on = submitted_at.astimezone(_NEW_YORK) + timedelta(days=GOOD_TILL_CANCELED_DAYS)
        return datetime.combine(aged_on.date(), _AGED_OUT_AT, _NEW_YORK).astimezone(UTC)

    def next_minute(self, after: datetime, *, extended: bool = False) -> datetime:
        """Return the next whole minute with a price of its own.

        Prices stand still outside sessions, so that is a minute of a session, and for an order
        that works in extended hours also the one that begins at the close.
        """
        minute = after.replace(second=0, microsecond=0) + _MINUTE
        session = self.calendar.next_to_close(after)
        inside = session.open_at <= minute < session.close_at
        if inside or (extended and minute == session.close_at):
            return minute
        return self.calendar.next_to_open(after).open_at + _MINUTE

    def widened(self, session: Session) -> Session:
        """Return `session` from 04:00 to 20:00 New York time, to 17:00 on a half day."""
        closes_at = session.close_at.astimezone(_NEW_YORK).time()
        is_half = closes_at <= _LATEST_HALF_DAY_CLOSE_AT
        late_at = _HALF_DAY_LATE_CLOSE_AT if is_half else _LATE_CLOSE_AT
        return replace(
            session,
            open_at=datetime.combine(session.session_on, _EARLY_OPEN_AT, _NEW_YORK).astimezone(UTC),
            close_at=datetime.combine(session.session_on, late_at, _NEW_YORK).astimezone(UTC),
        )

    def _extended_to_close(self, at: datetime) -> Session:
        """Return the widened session open at `at`, else the next one to open."""
        today = self.widened(self.calendar.on_or_after(at.astimezone(_NEW_YORK).date()))
        if at < today.close_at:
            return today
        return self.widened(self.calendar.on_or_after(today.session_on + timedelta(days=1)))
