"""The sessions of XNYS, half days and holidays included, and the council's weeks on top of them."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2040, 12, 31)


@dataclass(frozen=True, slots=True)
class Session:
    """One trading session: its New York date and its aware instants in UTC."""

    session_on: date
    open_at: datetime
    close_at: datetime


class MarketCalendar:
    """Look-ups over a sorted run of sessions."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._sessions = tuple(sessions)
        self._days = [session.session_on for session in self._sessions]
        self._closes = [session.close_at for session in self._sessions]

    def session_on(self, day: date) -> Session | None:
        """Return the session of `day`, or None where the market is closed all day."""
        index = bisect_left(self._days, day)
        found = self._sessions[index : index + 1]
        return found[0] if found and found[0].session_on == day else None

    def open_session(self, instant: datetime) -> Session | None:
        """Return the session that is open at `instant` (open included, close excluded)."""
        session = self.next_to_close(instant)
        return session if session.open_at <= instant else None

    def next_to_close(self, instant: datetime) -> Session:
        """Return the session open at `instant`, else the next one to open."""
        return self._sessions[bisect_right(self._closes, instant)]

    def next_to_open(self, instant: datetime) -> Session:
        """Return the first session that opens after `instant`."""
        session = self.next_to_close(instant)
        return session if session.open_at > instant else self.next_to_close(session.close_at)

    def last_closed(self, instant: datetime) -> Session:
        """Return the last session that closed at or before `instant`."""
        return self._sessions[bisect_right(self._closes, instant) - 1]

    def between(self, start_on: date, end_on: date) -> tuple[Session, ...]:
        """Return the sessions from `start_on` to `end_on`, both included, oldest first."""
        low, high = bisect_left(self._days, start_on), bisect_right(self._days, end_on)
        return self._sessions[low:high]

    def on_or_after(self, day: date) -> Session:
        """Return the first session on or after `day`."""
        return self._sessions[bisect_left(self._days, day)]


@cache
def xnys() -> MarketCalendar:
    """Build the calendar of the New York Stock Exchange from 2000 to 2040 (once, then kept)."""
    # Imports pandas, which a server that only lists its tools should not pay for.
    from exchange_calendars import get_calendar  # noqa: PLC0415

    schedule = get_calendar("XNYS", start=FIRST_DAY.isoformat(), end=LAST_DAY.isoformat()).schedule
    days = [stamp.date() for stamp in schedule.index]
    opens = [stamp.to_pydatetime().astimezone(UTC) for stamp in schedule["open"]]
    closes = [stamp.to_pydatetime().astimezone(UTC) for stamp in schedule["close"]]
    return MarketCalendar([Session(*row) for row in zip(days, opens, closes, strict=True)])
