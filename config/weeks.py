"""Council weeks: from the Wednesday that names them to the last session before the next one."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from config.clock import NEW_YORK
from config.errors import UsageError
from config.market_calendar import FIRST_DAY, LAST_DAY, MarketCalendar, Session
from config.schema import ScheduleFile

WEDNESDAY = 2
"""As `date.weekday()` counts."""

_DAYS = 7
_NORMAL_CLOSE = time(16)


@dataclass(frozen=True, slots=True)
class CouncilWeek:
    """One week; `week_id` is its Wednesday (ISO) and the instants are aware and in UTC.

    `starts_at` lies on the first session on or after the Wednesday; `last_entry_at` and `ends_at`
    (the close) on the last session before the next Wednesday.
    """

    week_id: str
    starts_at: datetime
    last_entry_at: datetime
    ends_at: datetime


def parse_week_id(text: str) -> date:
    """Return the Wednesday that `text` (YYYY-MM-DD) names.

    Raises:
        UsageError: no such date, out of the calendar's range, or no Wednesday.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise UsageError(f'"{text}" is no week: write a Wednesday as YYYY-MM-DD.')
    if not FIRST_DAY <= day <= LAST_DAY - timedelta(days=_DAYS):
        raise UsageError(f"{text} is outside {FIRST_DAY.year} to {LAST_DAY.year}: choose another.")
    if day.weekday() != WEDNESDAY:
        raise UsageError(
            f"{text} is a {day:%A}, and weeks are named by their Wednesday: "
            f"the nearest is {_nearest_wednesday(day)}."
        )
    return day


def council_week(week_id: str, calendar: MarketCalendar, schedule: ScheduleFile) -> CouncilWeek:
    """Return the week `week_id` by the calendar's sessions.

    Raises:
        UsageError: `week_id` is no Wednesday.
    """
    wednesday = parse_week_id(week_id)
    sessions = calendar.between(wednesday, wednesday + timedelta(days=_DAYS - 1))
    first, last = sessions[0], sessions[-1]
    return CouncilWeek(
        week_id=week_id,
        starts_at=_new_york(first.session_on, schedule.week_starts),
        last_entry_at=_last_entry_at(last, schedule),
        ends_at=last.close_at,
    )


def week_id_at(now: datetime) -> str:
    """Return the Wednesday on or before `now` (aware) in New York: under what it is filed."""
    today = now.astimezone(NEW_YORK).date()
    return (today - timedelta(days=(today.weekday() - WEDNESDAY) % _DAYS)).isoformat()


def current_week(now: datetime, calendar: MarketCalendar, schedule: ScheduleFile) -> CouncilWeek:
    """Return the first week that can still be entered at `now` (aware).

    After Tuesday's last entry that is the coming Wednesday's week.
    """
    running = council_week(week_id_at(now), calendar, schedule)
    if now <= running.last_entry_at:
        return running
    following = date.fromisoformat(running.week_id) + timedelta(days=_DAYS)
    return council_week(following.isoformat(), calendar, schedule)


def _last_entry_at(session: Session, schedule: ScheduleFile) -> datetime:
    """Return the last entry, on a half day as long before its close as on any other day."""
    normal_close_at = _new_york(session.session_on, _NORMAL_CLOSE)
    return session.close_at - (normal_close_at - _new_york(session.session_on, schedule.last_entry))


def _new_york(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=NEW_YORK).astimezone(UTC)


def _nearest_wednesday(day: date) -> date:
    return day + timedelta(days=(WEDNESDAY - day.weekday() + 3) % _DAYS - 3)
