"""The New York Stock Exchange's days of 2026 and 2027, written down by hand from its rules.

Closed on New Year, Martin Luther King's and Washington's days, Good Friday, Memorial Day,
Juneteenth, Independence Day, Labor Day, Thanksgiving and Christmas; one that falls on a Saturday is
kept on the Friday before (but never on the last day of a year), on a Sunday on the Monday after.
Times are counted from UTC by hand too, so that no time zone database answers for itself.
"""

from datetime import UTC, date, datetime, time, timedelta

FIRST_ON, LAST_ON = date(2025, 12, 31), date(2028, 1, 4)
"""The days that the table speaks of: all weeks with a session in 2026 or 2027."""

HOLIDAYS = frozenset(
    date.fromisoformat(day)
    for day in (
        *("2026-01-01", "2026-01-19", "2026-02-16", "2026-04-03", "2026-05-25", "2026-06-19"),
        *("2026-07-03", "2026-09-07", "2026-11-26", "2026-12-25"),
        *("2027-01-01", "2027-01-18", "2027-02-15", "2027-03-26", "2027-05-31", "2027-06-18"),
        *("2027-07-05", "2027-09-06", "2027-11-25", "2027-12-24"),
    )
)
HALF_DAYS = frozenset((date(2026, 11, 27), date(2026, 12, 24), date(2027, 11, 26)))
"""The exchange closes at 13:00."""

SUMMERS = ((date(2026, 3, 8), date(2026, 11, 1)), (date(2027, 3, 14), date(2027, 11, 7)))
"""The Sundays on which New York sets its clocks forward to UTC-4, and back to UTC-5."""


def sessions(first_on: date, last_on: date) -> tuple[date, ...]:
    """Return the days of trading from `first_on` to `last_on`, both included."""
    assert FIRST_ON <= first_on <= last_on <= LAST_ON
    days = (first_on + timedelta(days=n) for n in range((last_on - first_on).days + 1))
    return tuple(day for day in days if day.weekday() < 5 and day not in HOLIDAYS)


def at(day: date, wall: str) -> datetime:
    """Return the instant of `wall` (HH:MM in New York, by day) on `day`."""
    is_summer = any(begins <= day < ends for begins, ends in SUMMERS)
    naive = datetime.combine(day, time.fromisoformat(wall))
    return (naive + timedelta(hours=4 if is_summer else 5)).replace(tzinfo=UTC)


def close_at(day: date) -> datetime:
    """Return when the session of `day` ends."""
    return at(day, "13:00" if day in HALF_DAYS else "16:00")
