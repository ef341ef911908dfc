"""What was missed of scheduled work, in sentences for whoever reads a status or a postmortem."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from config.weeks import week_id_at
from council.jobs.record import slot_facts_of
from council.slot_facts import SlotDone, SlotFact, SlotFailed, SlotSkipped
from store.ports import EventStore

_SHOWN: Final = 4
"""Slots of one week that are named; what is more is counted."""
_NEWS: Final = timedelta(days=3)
"""So long it stands in the status that something was skipped."""


async def skipped_sentences(week_id: str, store: EventStore) -> tuple[str, ...]:
    """Return a sentence on the slots of a week that were skipped, if any were."""
    return _skipped_sentence(await slot_facts_of(week_id, store))


async def missed_lately(now: datetime, store: EventStore) -> tuple[str, ...]:
    """Return sentences on what was skipped in the last days, and on what fails until now."""
    weeks = sorted({week_id_at(now - _NEWS), week_id_at(now)})
    facts = [fact for week_id in weeks for fact in await slot_facts_of(week_id, store)]
    lately = [fact for fact in facts if fact.due_at >= now - _NEWS]
    return (*_skipped_sentence(lately), *map(_failing_sentence, _failing(facts)))


def _skipped_sentence(facts: Iterable[SlotFact]) -> tuple[str, ...]:
    names = [_name(fact) for fact in facts if isinstance(fact, SlotSkipped)]
    if not names:
        return ()
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (f"Scheduled work was skipped: {', '.join(names[:_SHOWN])}{more}.",)


def _failing(facts: Sequence[SlotFact]) -> list[SlotFailed]:
    """Return the newest failure of each slot that is neither done nor skipped."""
    over = {_name(fact) for fact in facts if isinstance(fact, SlotDone | SlotSkipped)}
    failed = {_name(fact): fact for fact in facts if isinstance(fact, SlotFailed)}
    return [fact for name, fact in failed.items() if name not in over]


def _failing_sentence(fact: SlotFailed) -> str:
    times = "once" if fact.number == 1 else f"{fact.number} times"
    return f"Scheduled work failed {times}, {_name(fact)}: {fact.reason.rstrip('.')}."


def _name(fact: SlotFact) -> str:
    return f"{fact.job} {fact.slot}"
