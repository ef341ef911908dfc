"""What there is to say of slots beside their looks: passed over, late, and marked at the close.

It is read from the calendar and the store, so that every process says the same.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from config.clock import NEW_YORK
from council.marking import mark_problems
from council.ports import Deps
from council.slots import CLOSE, lateness, missing_session, passed_over, week_of

Rows = Sequence[Mapping[str, Any]]


async def slot_notices(slots: Sequence[str], taken_on: date, deps: Deps) -> tuple[str, ...]:
    """Return a sentence for each of `slots` of a New York date of which there is something to say.

    Nothing is said of a slot that was looked at in time, nor of one that is still to come.
    """
    found = [await _notice(slot, taken_on, deps) for slot in slots]
    return tuple(f"{said[:1].upper()}{said[1:]}." for said in found if said)


def slot_problems(slots: Sequence[str], taken_on: date, deps: Deps) -> tuple[str, ...]:
    """Return a sentence for all that could not be marked in `slots`, as far as is known here."""
    return tuple(
        problem
        for slot in slots
        for problem in mark_problems(_session_of(slot, taken_on, deps), slot, deps)
    )


async def _notice(slot: str, taken_on: date, deps: Deps) -> str | None:
    session_on = _session_of(slot, taken_on, deps)
    where = {"week_id": week_of(session_on), "session_on": session_on, "slot": slot}
    rows = await deps.store.rows("equity_marks", where=where)
    if slot == CLOSE:
        return _close_notice(session_on, rows, deps)
    if rows:
        late = lateness(slot, session_on, _marked_at(rows), deps)
        return f"{slot} was taken {late}" if late else None
    if taken_on == deps.clock.now().astimezone(NEW_YORK).date():
        return passed_over(slot, deps)
    return None if deps.always_open else missing_session(slot, taken_on, deps)


def _close_notice(session_on: date, rows: Rows, deps: Deps) -> str | None:
    if not rows:
        return None
    many = "1 account was" if len(rows) == 1 else f"{len(rows)} accounts were"
    late = lateness(CLOSE, session_on, _marked_at(rows), deps)
    return f"{many} marked at the close of {session_on}" + (f", {late}" if late else "")


def _marked_at(rows: Rows) -> datetime:
    """Return when most of a slot was marked: an account that was away may have come later."""
    first: datetime = min(row["marked_at"] for row in rows)
    return first


def _session_of(slot: str, taken_on: date, deps: Deps) -> date:
    """Return the date of the session that `slot` was of, taken on a New York date."""
    if slot != CLOSE:
        return taken_on
    day_over_at = datetime.combine(taken_on + timedelta(days=1), time(), tzinfo=NEW_YORK)
    return deps.calendar.last_closed(min(day_over_at, deps.clock.now())).session_on
