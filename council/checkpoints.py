"""Runs one checkpoint of a week, stores it the way every stage is stored, and marks its slot."""

from collections.abc import Sequence

from config.errors import CouncilError, UsageError
from config.weeks import council_week
from council.codec import event_id_of
from council.context import WeekContext
from council.errors import UnknownWeek, WeekBusy, WeekClosed
from council.events import CheckpointAbstained
from council.fact import Fact
from council.marking import keep_problem, mark
from council.pipeline import append_facts, load_stages
from council.ports import Deps, Progress
from council.slots import CLOSE, passed_over, session_date
from council.stages.checkpoint import checkpoint


async def run_checkpoint(week_id: str, deps: Deps, *, slot: str) -> tuple[Fact, ...]:
    """Look at the open trades of the week in `slot` (HH:MM, New York) and return what was stored.

    Then prices and accounts are marked, which is not returned; at "close" only they are. Empty
    where nothing is open or the slot was looked at before. Nothing is done, and the reason told, on
    a day without a session, after the close, in a slot after the close of a half day, and at
    "close" while a session is open.

    Raises:
        UsageError: the schedule has no such slot.
        UnknownWeek: nothing is stored of the week.
        WeekClosed: the week is over.
        WeekBusy: another process works on the week.
        UnreachableError: no venue answers; what can be marked is.
    """
    _check_slot(slot, deps)
    if why_not := passed_over(slot, deps):
        deps.tell(Progress("checkpoint", why_not, 1, 1))
        return ()
    if slot != CLOSE:
        _check_time(week_id, deps)
    async with deps.locks.exclusive(f"week-{week_id}") as held:
        if not held:
            raise WeekBusy(f"Another process works on week {week_id}: try again in a moment.")
        context = await load_stages(week_id, deps)
        if context.started is None:
            raise UnknownWeek(f"Nothing is stored of week {week_id}: run `council run-weekly`.")
        return await _look_and_mark(context, deps, slot=slot)


def _check_slot(slot: str, deps: Deps) -> None:
    slots = [*(f"{time:%H:%M}" for time in deps.config.schedule.checkpoints), CLOSE]
    if slot not in slots:
        raise UsageError(f"There is no checkpoint at {slot}: choose from {', '.join(slots)}.")


def _check_time(week_id: str, deps: Deps) -> None:
    week = council_week(week_id, deps.calendar, deps.config.schedule)
    if deps.clock.now() > week.ends_at:
        raise WeekClosed(f"Week {week_id} ended at {week.ends_at:%Y-%m-%d %H:%M} UTC.")


async def _look_and_mark(context: WeekContext, deps: Deps, *, slot: str) -> tuple[Fact, ...]:
    """Look, then mark: neither is lost where the other fails."""
    try:
        facts = () if slot == CLOSE else await _looked(context, deps, slot=slot)
    except CouncilError:
        await _marked(context.week_id, deps, slot=slot)
        raise
    await _marked(context.week_id, deps, slot=slot)
    return facts


async def _looked(context: WeekContext, deps: Deps, *, slot: str) -> tuple[Fact, ...]:
    facts = await _new(await checkpoint(context, deps, slot=slot), context, deps)
    if facts:
        await append_facts(context, facts, deps)
    return facts


async def _marked(week_id: str, deps: Deps, *, slot: str) -> None:
    """Mark the slot; a database that is away is told like a venue that is."""
    try:
        await mark(week_id, deps, slot=slot)
    except CouncilError as error:
        key = (session_date(slot, deps), slot, "")
        keep_problem(key, f"{slot} was not marked: {error}", deps)


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
