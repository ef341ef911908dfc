"""What a job has to do now, from its timetable and what became of its slots before. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from council.jobs.timetable import Slot, Timetable
from council.slot_facts import JobName, SlotFailed

LOOK_BACK: Final = timedelta(weeks=10)
"""What was missed longer ago is not told slot by slot."""
STILL_OPEN: Final = 10
"""So many slots before the newest that is settled may yet be under way. Older ones would have been
settled by now: they stand in the timetable only since schedule.yaml was changed."""
FIRST_PAUSE: Final = timedelta(minutes=5)
LONGEST_PAUSE: Final = timedelta(hours=1)
"""Bounds of the time that a worker leaves a slot alone whose start has failed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be recorded as skipped, oldest first, and the slot that is due now, if any.

    `settled` is the slot of this moment where it is done or skipped already.
    """

    missed: tuple[Slot, ...] = ()
    due: Slot | None = None
    settled: Slot | None = None


def plan(
    job: JobName,
    now: datetime,
    timetable: Timetable,
    *,
    settled: Collection[str],
    failed: Collection[str] = (),
    is_new: bool,
) -> Plan:
    """Return what `job` has to do at `now`.

    `settled` are the names of its slots of the last `LOOK_BACK` and later that are done or skipped,
    `failed` of those of which a start failed. A job that `is_new`, of which nothing was ever
    recorded, has missed nothing; nor has any before the first of its slots that is recorded, nor
    slots that the timetable has only since a change.
    """
    passed = timetable.slots(job, now - LOOK_BACK, now)
    recorded = {*settled, *failed}
    known = [index for index, slot in enumerate(passed) if slot.name in recorded]
    if known:
        passed = passed[known[0] :]
    elif is_new:
        passed = tuple(slot for slot in passed if slot.holds(now))
    newest = passed[-1] if passed and passed[-1].holds(now) else None
    is_settled = newest is not None and newest.name in settled
    return Plan(
        missed=tuple(slot for slot in _unsettled(passed, settled, failed) if not slot.holds(now)),
        due=None if is_settled else newest,
        settled=newest if is_settled else None,
    )


def _unsettled(
    passed: Sequence[Slot], settled: Collection[str], failed: Collection[str]
) -> list[Slot]:
    newest = max((index for index, slot in enumerate(passed) if slot.name in settled), default=0)
    return [
        slot
        for index, slot in enumerate(passed)
        if slot.name not in settled and (slot.name in failed or index >= newest - STILL_OPEN)
    ]


def may_start_at(slot: Slot, failures: Collection[SlotFailed]) -> datetime:
    """Return when a worker may start `slot` by itself: after a failure it waits, ever longer."""
    own = [fact for fact in failures if (fact.job, fact.slot) == (slot.job, slot.name)]
    if not own:
        return slot.due_at
    pause: timedelta = min(FIRST_PAUSE * 2 ** (len(own) - 1), LONGEST_PAUSE)
    return max(fact.failed_at for fact in own) + pause
