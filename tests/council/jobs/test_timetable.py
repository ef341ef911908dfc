"""Which slots the jobs have, and for how long each is of use (rows T2, T3 and T4)."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from config.clock import NEW_YORK
from config.loader import load_config
from config.market_calendar import xnys
from config.schema import SlotWindows
from council.jobs.timetable import JOBS, Slot, Timetable
from council.slot_facts import JobName
from tests.config import nyse

SCHEDULE = load_config().schedule
TIMETABLE = Timetable(xnys(), SCHEDULE)
FIRST_AT = nyse.at(date(2026, 1, 1), "00:00")
LAST_AT = nyse.at(date(2027, 12, 31), "23:59")
HOUR = timedelta(hours=1)


def slots(job: JobName, start: str, end: str) -> dict[str, tuple[str, str]]:
    """Return by name when the slots of some days are due and end, on New York's clocks."""
    start_at, end_at = (datetime.fromisoformat(at).replace(tzinfo=NEW_YORK) for at in (start, end))
    return {
        slot.name: (_wall(slot.due_at), _wall(slot.until_at))
        for slot in TIMETABLE.slots(job, start_at, end_at)
    }


def _wall(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%m-%d %H:%M}"


def test_a_session_has_its_checkpoints_and_its_close_one_after_the_other() -> None:
    assert slots("checkpoint", "2026-11-18", "2026-11-19") == {
        "2026-11-18 09:00": ("11-18 09:00", "11-18 12:00"),
        "2026-11-18 12:00": ("11-18 12:00", "11-18 14:00"),
        "2026-11-18 14:00": ("11-18 14:00", "11-18 15:50"),
        "2026-11-18 15:50": ("11-18 15:50", "11-18 16:00"),
        "2026-11-18 close": ("11-18 16:00", "11-19 09:00"),
    }


def test_a_half_day_has_fewer_checkpoints_and_a_holiday_none() -> None:
    assert slots("checkpoint", "2026-11-26", "2026-11-30") == {
        "2026-11-27 09:00": ("11-27 09:00", "11-27 12:00"),
        "2026-11-27 12:00": ("11-27 12:00", "11-27 13:00"),
        "2026-11-27 close": ("11-27 13:00", "11-30 09:00"),
    }


def test_a_week_that_begins_late_is_run_on_its_first_session() -> None:
    # In 2024 Juneteenth, a holiday, was a Wednesday.
    assert slots("weekly", "2024-06-18", "2024-06-27") == {
        "2024-06-19": ("06-20 08:00", "06-25 08:00"),
        "2024-06-26": ("06-26 08:00", "07-01 08:00"),
    }


def test_upkeep_comes_every_day_of_the_year_until_midnight() -> None:
    assert slots("daily", "2026-12-25", "2026-12-27") == {
        "2026-12-25": ("12-25 17:30", "12-26 00:00"),
        "2026-12-26": ("12-26 17:30", "12-27 00:00"),
    }


def test_a_postmortem_is_due_at_the_last_close_until_the_next_week_starts() -> None:
    assert slots("postmortem", "2026-12-29", "2026-12-30") == {
        "2026-12-23": ("12-29 16:00", "12-30 08:00")
    }


@pytest.mark.parametrize(
    ("day", "offset"),
    [("2026-03-06", -5), ("2026-03-09", -4), ("2026-10-30", -4), ("2026-11-02", -5)],
)
def test_slots_keep_their_wall_time_when_the_clocks_change(day: str, offset: int) -> None:
    start_at = datetime.fromisoformat(day).replace(tzinfo=NEW_YORK)

    first = TIMETABLE.slots("checkpoint", start_at, start_at + timedelta(days=1))[0]

    assert first.due_at.hour == 9 - offset
    assert _wall(first.due_at).endswith("09:00")


@pytest.mark.parametrize("job", JOBS)
def test_no_two_slots_of_a_job_are_of_use_at_once_and_none_is_so_for_no_time(job: JobName) -> None:
    found = TIMETABLE.slots(job, FIRST_AT, LAST_AT)

    assert all(slot.due_at < slot.until_at for slot in found)
    assert all(one.until_at <= after.due_at for one, after in pairwise(found))
    assert len({slot.key for slot in found}) == len(found)


@pytest.mark.parametrize("job", JOBS)
def test_no_slot_is_due_while_clocks_change(job: JobName) -> None:
    hours = {s.due_at.astimezone(NEW_YORK).hour for s in TIMETABLE.slots(job, FIRST_AT, LAST_AT)}

    assert not hours & {1, 2}


@pytest.mark.parametrize(
    ("job", "many"), [("weekly", 104), ("postmortem", 104), ("daily", 730), ("checkpoint", 2504)]
)
def test_two_years_have_as_many_slots_as_the_table_of_the_exchange(job: JobName, many: int) -> None:
    days = nyse.sessions(date(2026, 1, 1), date(2027, 12, 31))
    half = sum(day in nyse.HALF_DAYS for day in days)

    found = TIMETABLE.slots(job, FIRST_AT, LAST_AT)

    assert len(found) == many
    if job == "checkpoint":
        assert len(found) == 5 * len(days) - 2 * half


def test_a_span_cut_in_two_has_the_same_slots() -> None:
    middle_at = nyse.at(date(2026, 7, 3), "12:00")
    for job in JOBS:
        before = TIMETABLE.slots(job, FIRST_AT, middle_at)
        after = TIMETABLE.slots(job, middle_at, LAST_AT)

        assert (*before, *after) == TIMETABLE.slots(job, FIRST_AT, LAST_AT)


def test_the_windows_of_schedule_yaml_make_slots_shorter_and_never_longer() -> None:
    windows = SlotWindows(checkpoint_hours=1, weekly_hours=168)
    shorter = Timetable(xnys(), SCHEDULE.model_copy(update={"windows": windows}))
    at = nyse.at(date(2026, 11, 18), "08:30")

    looks = shorter.slots("checkpoint", at, at + timedelta(hours=4))
    week = shorter.slots("weekly", at - HOUR, at)[0]

    assert [slot.until_at - slot.due_at for slot in looks] == [HOUR, HOUR]
    assert _wall(week.until_at) == "11-24 15:30"


def test_the_next_slot_is_found_over_holidays() -> None:
    after_christmas_eve = nyse.at(date(2026, 12, 24), "14:00")

    found: Slot = TIMETABLE.next_slot("checkpoint", after_christmas_eve)

    assert found.key == "checkpoint/2026-12-28 09:00"
