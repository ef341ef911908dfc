"""Every council week of 2026 and 2027 against a table of the exchange's days (rows T2, T3, T4)."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from config.clock import NEW_YORK
from config.errors import UsageError
from config.loader import load_config
from config.market_calendar import xnys
from config.weeks import CouncilWeek, council_week, current_week
from tests.config import nyse

SCHEDULE = load_config().schedule
WEDNESDAYS = [date(2025, 12, 31) + timedelta(weeks=n) for n in range(105)]
"""All with a session in 2026 or 2027: the first and the last reach into other years."""
_WEEK = timedelta(days=7)
_SECOND = timedelta(seconds=1)


def week_of(wednesday: date) -> CouncilWeek:
    return council_week(wednesday.isoformat(), xnys(), SCHEDULE)


def sessions_of(wednesday: date) -> tuple[date, ...]:
    return nyse.sessions(wednesday, wednesday + timedelta(days=6))


@pytest.mark.parametrize("wednesday", WEDNESDAYS, ids=str)
def test_a_week_begins_and_ends_with_its_sessions(wednesday: date) -> None:
    first, *_, last = sessions_of(wednesday)
    last_entry = "12:30" if last in nyse.HALF_DAYS else "15:30"

    week = week_of(wednesday)

    assert week.week_id == wednesday.isoformat()
    assert week.starts_at == nyse.at(first, "08:00")
    assert week.last_entry_at == nyse.at(last, last_entry)
    assert week.ends_at == nyse.close_at(last)


@pytest.mark.parametrize("wednesday", WEDNESDAYS, ids=str)
def test_a_week_has_the_sessions_of_the_table_with_their_hours(wednesday: date) -> None:
    found = xnys().between(wednesday, wednesday + timedelta(days=6))

    assert [(s.session_on, s.open_at, s.close_at) for s in found] == [
        (day, nyse.at(day, "09:30"), nyse.close_at(day)) for day in sessions_of(wednesday)
    ]


@pytest.mark.parametrize("wednesday", WEDNESDAYS, ids=str)
def test_a_week_is_in_force_from_the_last_ones_last_entry_to_its_own(wednesday: date) -> None:
    week, before = week_of(wednesday), week_of(wednesday - _WEEK)

    in_force = [
        current_week(moment, xnys(), SCHEDULE).week_id
        for moment in (
            before.last_entry_at + _SECOND,
            before.ends_at,
            week.starts_at,
            week.last_entry_at,
        )
    ]

    assert in_force == [wednesday.isoformat()] * 4


def test_no_two_weeks_overlap_and_no_session_lies_in_none() -> None:
    weeks = [week_of(wednesday) for wednesday in WEDNESDAYS]

    inside = [day for wednesday in WEDNESDAYS for day in sessions_of(wednesday)]

    assert all(one.ends_at < next_one.starts_at for one, next_one in pairwise(weeks))
    assert inside == list(nyse.sessions(nyse.FIRST_ON, nyse.LAST_ON))
    assert len(set(inside)) == len(inside)


@pytest.mark.parametrize(("year", "weeks", "short"), [(2026, 53, 11), (2027, 53, 10)])
def test_the_year_has_as_many_short_weeks_as_holidays_make(
    year: int, weeks: int, short: int
) -> None:
    touching = [w for w in WEDNESDAYS if any(day.year == year for day in sessions_of(w))]

    lengths = [len(xnys().between(w, w + timedelta(days=6))) for w in touching]

    assert len(lengths) == weeks
    assert lengths.count(4) == short
    assert lengths.count(5) == weeks - short


def test_the_calendar_weeks_of_2026_that_end_on_a_thursday_are_five() -> None:
    mondays = [date(2025, 12, 29) + timedelta(weeks=n) for n in range(53)]
    calendar_weeks = [xnys().between(m, m + timedelta(days=4)) for m in mondays]

    ending_on_thursday = [w for w in calendar_weeks if w[-1].session_on.weekday() == 3]

    assert len(ending_on_thursday) == 5
    assert sum(len(week) < 5 for week in calendar_weeks) == 11


def test_iso_week_53_is_named_by_its_wednesday() -> None:
    wednesday = date(2026, 12, 30)

    week = week_of(wednesday)

    assert wednesday.isocalendar().week == 53
    assert week.week_id == "2026-12-30"
    assert current_week(nyse.at(date(2027, 1, 4), "12:00"), xnys(), SCHEDULE) == week
    with pytest.raises(UsageError, match="YYYY-MM-DD"):
        council_week("2026-W53", xnys(), SCHEDULE)


@pytest.mark.parametrize(
    ("wednesday", "starts", "ends"),
    [
        ("2026-03-04", "2026-03-04T13:00Z", "2026-03-10T20:00Z"),
        ("2026-03-11", "2026-03-11T12:00Z", "2026-03-17T20:00Z"),
        ("2026-10-28", "2026-10-28T12:00Z", "2026-11-03T21:00Z"),
        ("2026-11-04", "2026-11-04T13:00Z", "2026-11-10T21:00Z"),
        ("2027-03-10", "2027-03-10T13:00Z", "2027-03-16T20:00Z"),
        ("2027-03-17", "2027-03-17T12:00Z", "2027-03-23T20:00Z"),
        ("2027-11-03", "2027-11-03T12:00Z", "2027-11-09T21:00Z"),
        ("2027-11-10", "2027-11-10T13:00Z", "2027-11-16T21:00Z"),
    ],
)
def test_eight_in_the_morning_stays_so_when_the_clocks_change(
    wednesday: str, starts: str, ends: str
) -> None:
    week = council_week(wednesday, xnys(), SCHEDULE)

    assert week.starts_at == datetime.fromisoformat(starts)
    assert week.ends_at == datetime.fromisoformat(ends)
    assert week.starts_at.astimezone(NEW_YORK).hour == 8


def test_the_schedule_looks_four_times_a_day_and_never_while_clocks_change() -> None:
    slots = [f"{slot:%H:%M}" for slot in SCHEDULE.checkpoints]

    assert slots == ["09:00", "12:00", "14:00", "15:50"]
    assert f"{SCHEDULE.week_starts:%H:%M}" == "08:00"
    assert f"{SCHEDULE.last_entry:%H:%M}" == "15:30"


def test_every_slot_of_every_session_is_one_instant_of_the_table() -> None:
    for day in nyse.sessions(nyse.FIRST_ON, nyse.LAST_ON):
        for slot in SCHEDULE.checkpoints:
            wall = datetime.combine(day, slot, tzinfo=NEW_YORK)

            assert wall == nyse.at(day, f"{slot:%H:%M}")
            assert wall.fold == 0
