"""The timers by systemd's own arithmetic: clocks change, sessions are short, none is missed."""

from bisect import bisect_left
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import NEW_YORK
from config.errors import ConfigError
from config.market_calendar import xnys
from council.jobs.timetable import JOBS, Timetable
from council.slot_facts import JobName
from mcp_server.setting_up.systemd_calendar import calendar_in, calendar_of, differing, timer_name
from mcp_server.setting_up.systemd_units import texts_of, units_of
from tests.mcp_server.units import SCHEDULE, WANTED, elapses, open_machine

BEFORE = "2026-10-01 00:00"
YEAR = timedelta(days=400)
START = datetime(2026, 10, 1, tzinfo=UTC)
WEEKS = 60
FIRINGS = {"Wed": WEEKS, "Tue": WEEKS, "Thu,Fri": 2 * WEEKS, "Mon..Fri": 5 * WEEKS}
"""How many make more than `YEAR`; a line without a weekday fires every day."""
MOST_LATE: dict[JobName, timedelta] = {
    "weekly": timedelta(seconds=1),
    "checkpoint": timedelta(seconds=1),
    # The close is marked first, and a week may end on a Monday.
    "postmortem": timedelta(hours=25),
    "daily": timedelta(seconds=1),
}


def firings(job: JobName) -> list[datetime]:
    found: set[datetime] = set()
    for line in calendar_of(SCHEDULE)[job]:
        found.update(elapses(line, BEFORE, FIRINGS.get(line.split()[0], 7 * WEEKS)))
    return sorted(found)


@pytest.mark.parametrize("job", JOBS)
def test_every_slot_of_a_year_is_met_by_a_firing_at_once(job: JobName) -> None:
    slots = Timetable(xnys(), SCHEDULE).slots(job, START, START + YEAR)
    fired = firings(job)

    late = [fired[bisect_left(fired, slot.due_at)] - slot.due_at for slot in slots]
    useless = [
        slot.name
        for slot, by in zip(slots, late, strict=True)
        if not slot.holds(slot.due_at + by) or by > MOST_LATE[job]
    ]

    assert len(slots) > 50
    assert useless == []


@pytest.mark.parametrize("job", JOBS)
def test_no_timer_fires_where_clocks_change(job: JobName) -> None:
    wall = {at.astimezone(NEW_YORK).time() for at in firings(job)}

    assert wall
    assert not [at for at in wall if time(1) <= at < time(3)]


def test_the_week_starts_once_every_week_over_both_changes_of_the_clocks() -> None:
    (line, _) = calendar_of(SCHEDULE)["weekly"]

    fired = elapses(line, BEFORE, WEEKS)

    days = [at.astimezone(NEW_YORK).date() for at in fired]
    assert {later - day for day, later in pairwise(days)} == {timedelta(weeks=1)}
    assert {at.astimezone(NEW_YORK).time() for at in fired} == {time(8)}
    assert {at.time() for at in fired} == {time(12), time(13)}
    assert days[0].isoformat() == "2026-10-07"
    assert days[-1].isoformat() > "2027-10-31"


@given(
    at=st.times(min_value=time(1), max_value=time(2, 59)), where=st.sampled_from(["s", "c", "u"])
)
def test_a_time_at_which_clocks_change_is_refused(at: time, where: str) -> None:
    minute = at.replace(second=0, microsecond=0)
    fields: dict[str, dict[str, object]] = {
        "s": {"week_starts": minute},
        "c": {"checkpoints": (minute,)},
        "u": {"upkeep": minute},
    }

    with pytest.raises(ConfigError, match="when clocks change"):
        calendar_of(SCHEDULE.model_copy(update=fields[where]))


def test_timers_of_another_schedule_are_named(tmp_path: Path) -> None:
    installed = texts_of(units_of(open_machine(tmp_path), "user", WANTED))
    other = SCHEDULE.model_copy(update={"checkpoints": (time(10),)})

    assert list(differing(installed, SCHEDULE)) == []
    assert list(differing(installed, other)) == [timer_name("checkpoint")]


def test_the_units_hold_the_calendar_of_the_schedule(tmp_path: Path) -> None:
    installed = texts_of(units_of(open_machine(tmp_path), "user", WANTED))

    found = {job: calendar_in(installed[timer_name(job)]) for job in JOBS}

    assert found == dict(calendar_of(SCHEDULE))
    assert all("\nPersistent=yes\n" in installed[timer_name(job)] for job in JOBS)


def test_what_was_cut_short_goes_on_after_the_next_start_of_the_machine(tmp_path: Path) -> None:
    # Its time is stamped when a job is started, so that Persistent= alone would not come back.
    installed = texts_of(units_of(open_machine(tmp_path), "user", WANTED))

    assert all("\nOnActiveSec=2min\n" in installed[timer_name(job)] for job in JOBS)
