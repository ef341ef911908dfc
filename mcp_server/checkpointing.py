"""What commands and tools do with a day's slots: which are due, taking them, and what was taken.

As in `operations`, nothing is decided here.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date

from config.clock import NEW_YORK
from config.errors import UsageError
from council.checkpoints import run_checkpoint
from council.errors import UnknownWeek
from council.slots import CLOSE, passed_over, session_date, week_of
from mcp_server.readings import list_trades, read_checkpoints
from mcp_server.shapes import CheckpointsShape
from mcp_server.slot_notices import slot_notices, slot_problems
from mcp_server.wiring import App


async def checkpoint(app: App, slot: str | None) -> CheckpointsShape:
    """Take the checkpoint of `slot` (HH:MM in New York, or "close"), or of every slot that is due.

    One that was taken before is shown as it is stored.
    """
    due = due_slots(app, slot)
    await take_checkpoints(app, due)
    return await taken_checkpoints(app, due, taken_on=today(app))


async def take_checkpoints(app: App, slots: Sequence[str]) -> None:
    """Take the checkpoints of `slots`, as long as they are wanted.

    Each is of the week whose trades are open, also after its last entry. What cannot be looked at
    any more is left to the notices: it may have been taken in time.
    """
    for slot in slots:
        if passed_over(slot, app.deps):
            continue
        if not await app.deps.still_wanted():
            return
        week_id = week_of(session_date(slot, app.deps))
        # One close among other slots may be that of the day before the very first week.
        beside = slot == CLOSE and len(slots) > 1
        with suppress(*((UnknownWeek,) if beside else ())):
            await run_checkpoint(week_id, app.deps, slot=slot)


async def taken_checkpoints(app: App, slots: Sequence[str], *, taken_on: date) -> CheckpointsShape:
    """Return what is stored of the checkpoints of `slots` on a New York date."""
    week_id = week_of(taken_on)
    looks = await read_checkpoints(app.deps.store, week_id, slots=slots, taken_on=taken_on)
    asked = {look.trade_id for look in looks}
    trades = await list_trades(app, status="pending", week_id=week_id)
    return CheckpointsShape(
        week_id=week_id,
        mode=app.standing.mode,
        venue=app.standing.venue,
        degraded=(*slot_problems(slots, taken_on, app.deps), *app.standing.degraded),
        notices=await slot_notices(slots, taken_on, app.deps),
        checkpoints=looks,
        trades=tuple(trade for trade in trades if trade.trade_id in asked),
    )


def today(app: App) -> date:
    """Return the date in New York."""
    return app.deps.clock.now().astimezone(NEW_YORK).date()


def due_slots(app: App, slot: str | None) -> tuple[str, ...]:
    """Return the one slot asked for, or those whose time has come, in the order of their times.

    They are those of today and, while no session is open, the close of the last one.

    Raises:
        UsageError: schedule.yaml has no such slot, or its time has not come.
    """
    if slot is not None:
        return (_due_slot(app, checked_slot(app, slot)),)
    slots = tuple(at for at in _slots(app) if at <= _time(app))
    if passed_over(CLOSE, app.deps):
        return slots
    return (*slots, CLOSE) if session_date(CLOSE, app.deps) == today(app) else (CLOSE, *slots)


def checked_slot(app: App, slot: str) -> str:
    """Return `slot`; raises UsageError where it is neither "close" nor one of schedule.yaml."""
    slots = (*_slots(app), CLOSE)
    if slot not in slots:
        raise UsageError(f"{slot!r} is no checkpoint of schedule.yaml: use {', '.join(slots)}.")
    return slot


def _due_slot(app: App, slot: str) -> str:
    if slot == CLOSE:
        if open_still := passed_over(CLOSE, app.deps):
            raise UsageError(f"The close has not come: {open_still}. Take it then.")
    elif slot > _time(app):
        raise UsageError(
            f"The checkpoint of {slot} has not come: it is {_time(app)} in New York. Take it then."
        )
    return slot


def _time(app: App) -> str:
    return f"{app.deps.clock.now().astimezone(NEW_YORK):%H:%M}"


def _slots(app: App) -> tuple[str, ...]:
    return tuple(f"{at:%H:%M}" for at in app.deps.config.schedule.checkpoints)
