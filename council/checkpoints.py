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
from council.pipeline import load_week, store_facts
from council.ports import Deps, Progress
from council.stages.checkpoint import checkpoint


async def run_checkpoint(week_id: str, deps: Deps, *, slot: str) -> tuple[Fact, ...]:
    """Look at the open trades of the week in `slot` (HH:MM, New York) and return what was stored.

    Empty where nothing is open or the slot was looked at before, on a day without a session, and
    in a slot after the close of a half day.

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
        context = await load_week(week_id, deps.store)
        if context.started is None:
            raise UnknownWeek(f"Nothing is stored of week {week_id}: run `council run-weekly`.")
        if not _has_session(slot, deps):
            deps.tell(Progress("checkpoint", f"today has no session at {slot}", 1, 1))
            return ()
        facts = await _new(await checkpoint(context, deps, slot=slot), context, deps)
        if facts:
            await store_facts(context, facts, deps)
        return facts


def _check_slot(slot: str, deps: Deps) -> None:
    slots = [f"{time:%H:%M}" for time in deps.config.schedule.checkpoints]
    if slot not in slots:
        raise UsageError(f"There is no checkpoint at {slot}: choose from {', '.join(slots)}.")


def _check_time(week_id: str, deps: Deps) -> None:
    week = council_week(week_id, deps.calendar, deps.config.schedule)
    if deps.clock.now() > week.ends_at:
        raise WeekClosed(f"Week {week_id} ended at {week.ends_at:%Y-%m-%d %H:%M} UTC.")


def _has_session(slot: str, deps: Deps) -> bool:
    """Whether today has a session that ends after `slot`: a half day ends before its last ones."""
    if deps.always_open:
        return True
    today = deps.clock.now().astimezone(NEW_YORK).date()
    session = deps.calendar.session_on(today)
    slot_at = datetime.combine(today, time.fromisoformat(slot), tzinfo=NEW_YORK)
    return session is not None and slot_at < session.close_at


async def _new(facts: Sequence[Fact], context: WeekContext, deps: Deps) -> tuple[Fact, ...]:
    """Leave out abstentions that are known from an earlier try in the same slot."""
    stored = await deps.store.read_stream(f"week-{context.week_id}")
    known = {event.event_id for event in stored}
    return tuple(
        fact
        for fact in facts
        if not (isinstance(fact, CheckpointAbstained) and event_id_of(fact) in known)
    )
