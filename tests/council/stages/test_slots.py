"""The four looks a day by New York's clock: over clock changes, half days and holidays (T2, T3)."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from config.clock import VirtualClock
from council.checkpoints import run_checkpoint
from council.pipeline import run_week
from council.ports import Deps, Progress
from council.stages.checkpoint import stale_at
from tests.config import nyse
from tests.fakes import make_deps

SLOTS = ("09:00", "12:00", "14:00", "15:50")
AROUND_CLOCK_CHANGES = tuple(
    day
    for sundays in nyse.SUMMERS
    for sunday in sundays
    for day in (sunday - timedelta(days=2), sunday + timedelta(days=1))
)


def deps_at(day: date, wall: str, **changes: Any) -> Deps:
    return make_deps(clock=VirtualClock(nyse.at(day, wall)), **changes)


@pytest.mark.parametrize("day", AROUND_CLOCK_CHANGES, ids=str)
def test_a_ticket_of_a_slot_stands_to_the_next_one_whatever_the_clocks_did(day: date) -> None:
    for slot, following in pairwise((*SLOTS, "16:00")):
        assert stale_at(slot, deps_at(day, slot)) == nyse.at(day, following)


@pytest.mark.parametrize("day", sorted(nyse.HALF_DAYS), ids=str)
def test_the_last_ticket_of_a_half_day_stands_to_its_close(day: date) -> None:
    assert stale_at("09:00", deps_at(day, "09:00")) == nyse.at(day, "12:00")
    assert stale_at("12:00", deps_at(day, "12:00")) == nyse.at(day, "13:00")


@pytest.mark.parametrize("day", sorted({*nyse.HALF_DAYS, *AROUND_CLOCK_CHANGES}), ids=str)
async def test_a_day_has_the_slots_that_lie_before_its_close(day: date) -> None:
    assert await _looks_of(day) == (["09:00", "12:00"] if day in nyse.HALF_DAYS else list(SLOTS))


@pytest.mark.parametrize("day", sorted(nyse.HOLIDAYS), ids=str)
async def test_a_holiday_has_no_slot(day: date) -> None:
    assert await _looks_of(day) == []


async def _looks_of(day: date) -> list[str]:
    """Return the slots of `day` that were not passed over for want of a session."""
    wednesday = day - timedelta(days=(day.weekday() - 2) % 7)
    week_id, told = wednesday.isoformat(), list[Progress]()
    first = nyse.sessions(wednesday, wednesday + timedelta(days=6))[0]
    deps = deps_at(first, "08:00", tell=told.append)
    await run_week(week_id, deps, until="snapshot")
    told.clear()
    for slot in SLOTS:
        await deps.clock.sleep(nyse.at(day, slot) - deps.clock.now())
        await run_checkpoint(week_id, deps, slot=slot)
    passed_over = {progress.message for progress in told}
    return [slot for slot in SLOTS if f"today has no session at {slot}" not in passed_over]
