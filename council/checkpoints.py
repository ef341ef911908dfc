"""Runs one checkpoint of a week and stores it the way every stage is stored."""

from collections.abc import Sequence
from datetime import datetime, time

from config.clock import NEW_YORK
from config.errors import UsageError
from config.weeks import council_week
from council.codec import event_id_of
from council.context import WeekContext
from council.errors import UnknownWeek, WeekBusy, WeekClosed
from council.events import CheckpointAbstained
from council.fact import Fact
from council.pipeline import append_facts, load_stages
from council.ports import Deps, Progress
from council.stages.checkpoint import checkpoint


async def run_checkpoint(week_id: str, deps: Deps, *, slot: str) -> tuple[Fact, ...]:
    """Look at the open trades of the week in `slot` (HH:MM, New York) and return what was stored.

    Empty where nothing is open or the slot was looked at before, on a day without a session, after
    the close, and in a slot after the close of a half day.

    Raises:
        UsageError: the schedule has no such slot.
        UnknownWeek: nothing is stored of the week.
        WeekClosed: the week is over.
        WeekBusy: another process works on the week.
        UnreachableError: no venue answers.
    """
    _check_slot(slot, deps)
    _check_time(week_id, deps)
    async with deps.locks.exclusive(f"week-{week_id}") as held:
        if not held:
            raise WeekBusy(f"Another process works on week {week_id}: try again in a moment.")
        context = await load_stages(week_id, deps)
        if context.started is None:
            raise UnknownWeek(f"Nothing is stored of week {week_id}: run `council run-weekly`.")
        passed_over = _passed_over(slot, deps)
        if passed_over:
            deps.tell(Progress("checkpoint", passed_over, 1, 1))
            return ()
        facts = await _new(await checkpoint(context, deps, slot=slot), context, deps)
        if facts:
            await append_facts(context, facts, deps)
        return facts


def _check_slot(slot: str, deps: Deps) -> None:
    slots = [f"{time:%H:%M}" for time in deps.config.schedule.checkpoints]
    if slot not in slots:
        raise UsageError(f"There is no checkpoint at {slot}: choose from {', '.join(slots)}.")


def _check_time(week_id: str, deps: Deps) -> None:
    week = council_week(week_id, deps.calendar, deps.config.schedule)
    if deps.clock.now() > week.ends_at:
        raise WeekClosed(f"Week {week_id} ended at {week.ends_at:%Y-%m-%d %H:%M} UTC.")


def _passed_over(slot: str, deps: Deps) -> str | None:
    """Return why there is nothing to look at in `slot` today, or None.

    A half day ends before its last slots; and after the close, in whatever slot, nothing that a
    look asks for could be carried out that day.
    """
    if deps.always_open:
        return None
    now = deps.clock.now()
    today = now.astimezone(NEW_YORK).date()
    session = deps.calendar.session_on(today)
    slot_at = datetime.combine(today, time.fromisoformat(slot), tzinfo=NEW_YORK)
    if session is None or slot_at >= session.close_at:
        return f"today has no session at {slot}"
    if now >= session.close_at:
        closed_at = session.close_at.astimezone(NEW_YORK)
        return f"the look at {slot} is too late, today's session closed at {closed_at:%H:%M}"
    return None


async def _new(facts: Sequence[Fact], context: WeekContext, deps: Deps) -> tuple[Fact, ...]:
    """Leave out abstentions that are known from an earlier try in the same slot."""
    if not any(isinstance(fact, CheckpointAbstained) for fact in facts):
        return tuple(facts)
    stored = await deps.store.read_stream(f"week-{context.week_id}")
    known = {event.event_id for event in stored}
    return tuple(
        fact
        for fact in facts
        if not (isinstance(fact, CheckpointAbstained) and event_id_of(fact) in known)
    )
