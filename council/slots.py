"""The times at which a session is looked at and marked: whose a slot is, and when it is over.

A slot is a checkpoint's HH:MM in New York, "open" (while a session lasts) or "close" (from a
session's close until the next one opens, half days like any other).
"""

from datetime import date, datetime, time, timedelta
from typing import Final

from config.clock import NEW_YORK
from config.weeks import week_id_at
from council.ports import Deps

OPEN: Final = "open"
CLOSE: Final = "close"

LATE_AFTER: Final = timedelta(minutes=15)
"""A slot that was taken later than this after its time is told as late: models take minutes."""

_NOON = time(12)


def passed_over(slot: str, deps: Deps) -> str | None:
    """Return why nothing can be looked at or marked in `slot` now, or None.

    A half day ends before its last slots; and after the close, in whatever slot, nothing that a
    look asks for could be carried out that day.
    """
    now = deps.clock.now()
    if slot == CLOSE:
        return _before_close(deps, now)
    if deps.always_open:
        return None
    if slot == OPEN:
        return None if deps.calendar.open_session(now) else "no session is open"
    return _after_close(slot, deps, now)


def session_date(slot: str, deps: Deps) -> date:
    """Return the New York date of the session that `slot` is of at this moment.

    Where no hours bind, it is today's for every slot but the close.
    """
    now = deps.clock.now()
    if slot == CLOSE:
        return deps.calendar.last_closed(now).session_on
    return now.astimezone(NEW_YORK).date()


def week_of(session_on: date) -> str:
    """Return the id of the week that a session belongs to."""
    return week_id_at(datetime.combine(session_on, _NOON, tzinfo=NEW_YORK))


def slot_at(slot: str, session_on: date, deps: Deps) -> datetime:
    """Return the instant of `slot` on a day; a day without a session opens and closes at noon."""
    session = deps.calendar.session_on(session_on)
    if slot in (OPEN, CLOSE):
        if session is None:
            return datetime.combine(session_on, _NOON, tzinfo=NEW_YORK)
        return session.open_at if slot == OPEN else session.close_at
    return datetime.combine(session_on, time.fromisoformat(slot), tzinfo=NEW_YORK)


def lateness(slot: str, session_on: date, at: datetime, deps: Deps) -> str | None:
    """Return how late a slot was taken that was taken `at`, or None where it was in time."""
    due_at = slot_at(slot, session_on, deps)
    if at - due_at <= LATE_AFTER:
        return None
    taken_at = at.astimezone(NEW_YORK)
    day = "" if taken_at.date() == session_on else f"{taken_at:%a %d %b} "
    return f"late, at {day}{taken_at:%H:%M} New York"


def missing_session(slot: str, day: date, deps: Deps) -> str | None:
    """Return why `slot` is not a time of the session of `day`, or None."""
    session = deps.calendar.session_on(day)
    if session is not None and slot_at(slot, day, deps) < session.close_at:
        return None
    today = deps.clock.now().astimezone(NEW_YORK).date()
    return f"{'today' if day == today else day} has no session at {slot}"


def _after_close(slot: str, deps: Deps, now: datetime) -> str | None:
    today = now.astimezone(NEW_YORK).date()
    if missing := missing_session(slot, today, deps):
        return missing
    session = deps.calendar.last_closed(now)
    if session.session_on != today:
        return None
    closed_at = session.close_at.astimezone(NEW_YORK)
    return f"the look at {slot} is too late, today's session closed at {closed_at:%H:%M}"


def _before_close(deps: Deps, now: datetime) -> str | None:
    session = deps.calendar.open_session(now)
    if session is None:
        return None
    closes_at = session.close_at.astimezone(NEW_YORK)
    return f"today's session is open until {closes_at:%H:%M} New York"
