"""Does what is due of a job, exactly once whoever starts it, and records what became of each slot.

A lock by job and slot saves work; that a slot is settled once rests on its facts. Whoever dies in
the middle leaves a slot that is not settled, which the next start works on again: stages go on from
what is stored.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, Protocol

import structlog

from config.clock import NEW_YORK
from config.errors import CouncilError
from council.errors import ClockWrong
from council.jobs.planning import Plan, plan
from council.jobs.record import (
    ever_ran,
    note_failure,
    recent_slot_facts,
    settle,
    settled,
    slot_fields,
)
from council.jobs.timetable import Slot, Timetable
from council.ports import Deps
from council.slot_facts import JobName, SlotDone, SlotSkipped

PAUSES: Final = (timedelta(seconds=15), timedelta(minutes=1), timedelta(minutes=5))
"""Between the tries of one start; what a person must mend is not tried again."""
MOST_SKEW: Final = timedelta(minutes=5)
"""A clock that is further from a venue's would skip slots, or take them, on the wrong days."""
_MOST_ROUNDS: Final = 8
"""While a slot is worked on the next one may come due."""

State = Literal["done", "skipped", "already running", "already done", "nothing due"]


@dataclass(frozen=True, slots=True)
class Worked:
    """What a piece of work came to; `problems` are the parts of it that failed, a sentence each."""

    outcome: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SlotResult:
    """What became of a slot in this start, in a sentence."""

    slot: str
    state: State
    message: str
    problems: tuple[str, ...] = ()


class Work(Protocol):
    """What the slots of a job consist of."""

    async def do(self, slot: Slot) -> Worked:
        """Do the work of a slot, going on from what is stored of it."""
        ...

    async def found_done(self, slot: Slot) -> Worked | None:
        """Return what the work of a slot came to that was done whole by whomever, else None."""
        ...


async def run_job(job: JobName, work: Work, deps: Deps) -> tuple[SlotResult, ...]:
    """Record what was missed of `job`, do what is due, and return both; or why nothing is to do.

    Raises:
        ClockWrong: this machine's clock is far from a venue's; nothing was done or recorded.
        CouncilError: the work of the slot that is due failed; that is recorded.
    """
    results: list[SlotResult] = []
    for number in range(_MOST_ROUNDS):
        planned = await planned_now(job, deps)
        if number == 0 and (planned.due or planned.missed):
            await _check_clock(deps)
        results += await _settle_missed(planned, work, deps)
        if planned.due is None:
            return (*results, *([] if results else [_nothing(job, planned, deps)]))
        results.append(await _run_slot(planned.due, work, deps))
        if results[-1].state == "already running":
            break
    return tuple(results)


async def planned_now(job: JobName, deps: Deps) -> Plan:
    """Return what `job` has to do at this moment."""
    now, timetable = deps.clock.now(), Timetable(deps.calendar, deps.config.schedule)
    own = [fact for fact in await recent_slot_facts(now, deps.store) if fact.job == job]
    names = {fact.slot for fact in own if isinstance(fact, SlotDone | SlotSkipped)}
    failed = {fact.slot for fact in own} - names
    is_new = not own and not await ever_ran(job, deps.store)
    return plan(job, now, timetable, settled=names, failed=failed, is_new=is_new)


async def _settle_missed(planned: Plan, work: Work, deps: Deps) -> list[SlotResult]:
    results = []
    for slot in planned.missed:
        async with deps.locks.exclusive(f"job-{slot.key}") as held:
            # Whoever works on it longer than it is of use still settles it.
            if held:
                results.append(await _settle_one(slot, work, deps))
    return results


async def _settle_one(slot: Slot, work: Work, deps: Deps) -> SlotResult:
    """Record a slot whose time has gone by: done after all, or skipped."""
    if (worked := await work.found_done(slot)) is not None:
        return await _done(slot, worked, deps.clock.now(), deps)
    fact = SlotSkipped.model_validate({**slot_fields(slot), "reason": _missed_reason(slot, deps)})
    stored = await settle(fact, slot, deps)
    if isinstance(stored, SlotSkipped):
        return SlotResult(slot.key, "skipped", f"Skipped: {stored.reason}.")
    return SlotResult(slot.key, "already done", stored.outcome)


def _missed_reason(slot: Slot, deps: Deps) -> str:
    until_at, now = (at.astimezone(NEW_YORK) for at in (slot.until_at, deps.clock.now()))
    return (
        f"it could be done until {until_at:%a %d %b %H:%M} New York and was not; "
        f"found at {now:%a %d %b %H:%M}"
    )


async def _run_slot(slot: Slot, work: Work, deps: Deps) -> SlotResult:
    async with deps.locks.exclusive(f"job-{slot.key}") as held:
        if not held:
            return SlotResult(slot.key, "already running", "Another process works on it.")
        if (before := await settled(slot, deps.store)) is not None:
            said = before.outcome if isinstance(before, SlotDone) else before.reason
            return SlotResult(slot.key, "already done", said)
        started_at = deps.clock.now()
        deps.failpoint(f"jobs.before_work:{slot.job}")
        worked = await _tried(slot, work, deps)
        deps.failpoint(f"jobs.before_done:{slot.job}")
        return await _done(slot, worked, started_at, deps)


async def _done(slot: Slot, worked: Worked, started_at: object, deps: Deps) -> SlotResult:
    fact = SlotDone.model_validate(
        {
            **slot_fields(slot),
            "started_at": started_at,
            "finished_at": deps.clock.now(),
            "outcome": worked.outcome,
            "problems": worked.problems,
        }
    )
    stored = await settle(fact, slot, deps)
    if stored is not fact:
        return SlotResult(slot.key, "already done", "Another process settled it first.")
    return SlotResult(slot.key, "done", worked.outcome, worked.problems)


async def _tried(slot: Slot, work: Work, deps: Deps) -> Worked:
    """Do the work of `slot`, again after pauses where that may help; record a failure for good."""
    for pause in (*PAUSES, None):
        try:
            return await work.do(slot)
        except Exception as error:
            # The entry point of scheduled work: whatever breaks is recorded, and raised again.
            is_last = pause is None or not _may_pass(error)
            if is_last or pause is None or deps.clock.now() + pause >= slot.until_at:
                await note_failure(slot, _said(error), deps)
                raise
            log = structlog.get_logger("jobs")
            log.warning("job.again", slot=slot.key, reason=_said(error), pause=str(pause))
            await deps.clock.sleep(pause)
    raise AssertionError("unreachable: the last try returns or raises")


def _may_pass(error: Exception) -> bool:
    """Return whether trying again may help: not where a person has to mend something."""
    return not isinstance(error, CouncilError) or error.retryable


def _said(error: Exception) -> str:
    if isinstance(error, CouncilError):
        return str(error)
    # What it says may be anything, a key included; the log masks those.
    return f"unexpected {type(error).__name__}; the log says why and where"


async def _check_clock(deps: Deps) -> None:
    """Compare this machine's clock with that of the first venue that answers.

    Raises:
        ClockWrong: they are far apart.
    """
    for desk in deps.desks.values():
        try:
            shown_at = (await desk.venue.clock()).at
        except CouncilError:
            continue
        skew = abs(deps.clock.now() - shown_at)
        if skew > MOST_SKEW:
            raise ClockWrong(
                f"This machine's clock is {skew} away from that of {desk.account.nickname}'s "
                "venue: set it, such as by `timedatectl set-ntp true`."
            )
        return


def _nothing(job: JobName, planned: Plan, deps: Deps) -> SlotResult:
    if planned.settled is not None:
        return SlotResult(planned.settled.key, "already done", "It was settled before.")
    timetable = Timetable(deps.calendar, deps.config.schedule)
    following = timetable.next_slot(job, deps.clock.now())
    at = f"{following.due_at.astimezone(NEW_YORK):%A %Y-%m-%d %H:%M} New York"
    return SlotResult(following.key, "nothing due", f"The next one is due on {at}.")
