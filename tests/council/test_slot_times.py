"""When a slot may be looked at and marked, and of which session it is then."""

from datetime import date

import pytest

from config.clock import VirtualClock
from council.ports import Deps
from council.slots import lateness, passed_over, session_date, week_of
from tests.config import nyse
from tests.fakes import make_deps

WEDNESDAY = date(2026, 11, 18)
TUESDAY = date(2026, 11, 24)
THANKSGIVING = date(2026, 11, 26)
HALF_DAY = date(2026, 11, 27)
SATURDAY = date(2026, 11, 28)


def at(day: date, wall: str, *, always_open: bool = False) -> Deps:
    return make_deps(clock=VirtualClock(nyse.at(day, wall)), always_open=always_open)


@pytest.mark.parametrize(
    ("day", "wall", "slot", "why_not"),
    [
        (WEDNESDAY, "12:00", "12:00", None),
        (WEDNESDAY, "16:00", "15:50", "too late, today's session closed at 16:00"),
        (HALF_DAY, "12:59", "12:00", None),
        (HALF_DAY, "14:00", "14:00", "today has no session at 14:00"),
        (HALF_DAY, "13:00", "12:00", "too late, today's session closed at 13:00"),
        (THANKSGIVING, "12:00", "12:00", "today has no session at 12:00"),
        (WEDNESDAY, "09:29", "open", "no session is open"),
        (WEDNESDAY, "09:30", "open", None),
        (HALF_DAY, "13:00", "open", "no session is open"),
        (WEDNESDAY, "15:59", "close", "today's session is open until 16:00 New York"),
        (WEDNESDAY, "16:00", "close", None),
        (HALF_DAY, "12:59", "close", "today's session is open until 13:00 New York"),
        (HALF_DAY, "13:00", "close", None),
        (SATURDAY, "12:00", "close", None),
    ],
)
def test_a_slot_has_its_time(day: date, wall: str, slot: str, why_not: str | None) -> None:
    said = passed_over(slot, at(day, wall))

    assert said is None if why_not is None else why_not in (said or "")


def test_where_no_hours_bind_only_the_close_waits_for_a_session_to_end() -> None:
    assert passed_over("12:00", at(SATURDAY, "20:00", always_open=True)) is None
    assert passed_over("open", at(SATURDAY, "20:00", always_open=True)) is None
    assert passed_over("close", at(WEDNESDAY, "12:00", always_open=True)) is not None


@pytest.mark.parametrize(
    ("day", "wall", "slot", "session_on", "week_id"),
    [
        (TUESDAY, "15:50", "15:50", TUESDAY, "2026-11-18"),
        (TUESDAY, "16:05", "close", TUESDAY, "2026-11-18"),
        (date(2026, 11, 25), "08:10", "close", TUESDAY, "2026-11-18"),
        (date(2026, 11, 25), "09:31", "open", date(2026, 11, 25), "2026-11-25"),
        (SATURDAY, "12:00", "close", HALF_DAY, "2026-11-25"),
    ],
    ids=["last slot", "last close", "last close, late", "next week", "weekend"],
)
def test_a_slot_is_filed_under_the_week_of_its_session(
    day: date, wall: str, slot: str, *, session_on: date, week_id: str
) -> None:
    found = session_date(slot, at(day, wall))

    assert (found, week_of(found)) == (session_on, week_id)


@pytest.mark.parametrize(
    ("slot", "taken_on", "wall", "said"),
    [
        ("12:00", WEDNESDAY, "12:15", None),
        ("12:00", WEDNESDAY, "13:47", "late, at 13:47 New York"),
        ("open", WEDNESDAY, "11:02", "late, at 11:02 New York"),
        ("close", WEDNESDAY, "16:05", None),
        ("close", date(2026, 11, 19), "08:10", "late, at Thu 19 Nov 08:10 New York"),
    ],
)
def test_a_slot_that_was_taken_late_says_when(
    slot: str, taken_on: date, wall: str, said: str | None
) -> None:
    deps = at(taken_on, wall)

    assert lateness(slot, WEDNESDAY, nyse.at(taken_on, wall), deps) == said
