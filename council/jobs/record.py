"""What is recorded of slots, read and written: a slot is settled once, whoever tries."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final, TypeVar

from config.weeks import week_id_at
from council.codec import to_fact
from council.errors import Overtaken
from council.fact import Fact
from council.jobs.planning import LOOK_BACK
from council.jobs.timetable import Slot
from council.ports import Deps
from council.slot_facts import SLOTS_STREAM, JobName, SlotDone, SlotFact, SlotFailed, SlotSkipped
from council.trading.journal import record
from store.events import EventFilter, Page
from store.ports import EventStore

_MOST_TRIES: Final = 20
"""Other jobs write to the same stream, a few facts each."""
_LATER_WEEKS: Final = 1
"""The slot of this moment may be of a week whose Wednesday is still to come."""
_EVER: Final = 500
"""The newest facts among which a job that ever ran has some: more than ten weeks have."""

Settled = SlotDone | SlotSkipped
_FactType = TypeVar("_FactType", bound=SlotFact)


async def slot_facts_of(week_id: str, store: EventStore) -> tuple[SlotFact, ...]:
    """Return what is recorded of the slots of a week, in order."""
    events = await store.read_stream(SLOTS_STREAM.format(week_id=week_id))
    return _slot_facts(to_fact(event) for event in events)


async def recent_slot_facts(now: datetime, store: EventStore) -> tuple[SlotFact, ...]:
    """Return what is recorded of the slots of the last `LOOK_BACK`, oldest week first."""
    facts: list[SlotFact] = []
    first = date.fromisoformat(week_id_at(now - LOOK_BACK))
    for number in range(LOOK_BACK.days // 7 + 1 + _LATER_WEEKS):
        facts += await slot_facts_of(f"{first + timedelta(weeks=number)}", store)
    return tuple(facts)


async def ever_ran(job: JobName, store: EventStore) -> bool:
    """Return whether anything was ever recorded of `job`, also long ago."""
    wanted = EventFilter(event_types=(SlotDone.__name__, SlotSkipped.__name__))
    events = await store.read_page(wanted, Page(_EVER, descending=True))
    return any(fact.job == job for fact in _slot_facts(to_fact(event) for event in events))


async def settled(slot: Slot, store: EventStore) -> Settled | None:
    """Return what became of `slot`, None where nothing did yet."""
    return _settling(slot, await slot_facts_of(slot.week_id, store))


async def settle(fact: Settled, slot: Slot, deps: Deps) -> Settled:
    """Store `fact` as what became of `slot`; return it, or what became of it before.

    Raises:
        Overtaken: others kept writing to the week's slots.
    """
    for _ in range(_MOST_TRIES):
        known = await slot_facts_of(slot.week_id, deps.store)
        if (before := _settling(slot, known)) is not None:
            return before
        if await _stored(fact, len(known), deps):
            return fact
    raise Overtaken(f"Others kept writing to the slots of week {slot.week_id}: try again.")


async def note_failure(slot: Slot, reason: str, deps: Deps) -> SlotFailed:
    """Store that a start of `slot` failed, with the number of such starts.

    Raises:
        Overtaken: others kept writing to the week's slots.
    """
    for _ in range(_MOST_TRIES):
        known = await slot_facts_of(slot.week_id, deps.store)
        before = failures_of(slot, known)
        fact = SlotFailed(
            **slot_fields(slot),
            number=len(before) + 1,
            failed_at=deps.clock.now(),
            reason=reason,
        )
        if await _stored(fact, len(known), deps):
            return fact
    raise Overtaken(f"Others kept writing to the slots of week {slot.week_id}: try again.")


def failures_of(slot: Slot, facts: Iterable[SlotFact]) -> tuple[SlotFailed, ...]:
    """Return the starts of `slot` that failed, in order."""
    return tuple(fact for fact in _of(slot, facts) if isinstance(fact, SlotFailed))


def slot_fields(slot: Slot) -> dict[str, object]:
    """Return what every fact about `slot` says."""
    return {
        "week_id": slot.week_id,
        "job": slot.job,
        "slot": slot.name,
        "due_at": slot.due_at,
    }


async def _stored(fact: SlotFact, version: int, deps: Deps) -> bool:
    """Store `fact` where nobody wrote to the week's slots meanwhile; return whether it is."""
    try:
        await record(deps, (fact,), {fact.stream: version})
    except Overtaken:
        return False
    return True


def _settling(slot: Slot, facts: Iterable[SlotFact]) -> Settled | None:
    found = (fact for fact in _of(slot, facts) if isinstance(fact, SlotDone | SlotSkipped))
    return next(found, None)


def _of(slot: Slot, facts: Iterable[SlotFact]) -> Iterable[SlotFact]:
    return (fact for fact in facts if (fact.job, fact.slot) == (slot.job, slot.name))


def _slot_facts(facts: Iterable[Fact]) -> tuple[SlotFact, ...]:
    return tuple(fact for fact in facts if isinstance(fact, SlotFact))
