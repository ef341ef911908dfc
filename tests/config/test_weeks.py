from datetime import UTC, date, datetime, time, timedelta

import pytest

from config.clock import NEW_YORK
from config.errors import UsageError
from config.loader import load_config
from config.market_calendar import xnys
from config.weeks import CouncilWeek, council_week, current_week, parse_week_id

SCHEDULE = load_config().schedule
WEDNESDAYS = [date(2026, 1, 7) + timedelta(weeks=n) for n in range(103)]


def week_of(week_id: str) -> CouncilWeek:
    return council_week(week_id, xnys(), SCHEDULE)


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


@pytest.mark.parametrize("wednesday", WEDNESDAYS, ids=str)
def test_a_week_lies_between_its_wednesday_and_the_next(wednesday: date) -> None:
    week = week_of(wednesday.isoformat())

    starts, last_entry = week.starts_at.astimezone(NEW_YORK), week.last_entry_at
    assert starts.time() == time(8)
    assert wednesday <= starts.date() < wednesday + timedelta(days=7)
    assert xnys().session_on(starts.date()) is not None
    assert week.ends_at - last_entry == timedelta(minutes=30)
    assert week.ends_at.astimezone(NEW_YORK).date() < wednesday + timedelta(days=7)
    assert xnys().last_closed(new_york(f"{wednesday + timedelta(days=7)}T00:00")).close_at == (
        week.ends_at
    )


@pytest.mark.parametrize("wednesday", WEDNESDAYS, ids=str)
def test_a_week_is_current_up_to_its_last_entry_and_not_a_second_longer(wednesday: date) -> None:
    week = week_of(wednesday.isoformat())

    after = current_week(week.last_entry_at + timedelta(seconds=1), xnys(), SCHEDULE)

    assert current_week(week.last_entry_at, xnys(), SCHEDULE) == week
    assert current_week(week.starts_at, xnys(), SCHEDULE) == week
    assert after.week_id == (wednesday + timedelta(days=7)).isoformat()


@pytest.mark.parametrize(
    ("week_id", "starts", "last_entry"),
    [
        ("2026-11-25", "2026-11-25T08:00", "2026-12-01T15:30"),  # Thanksgiving inside
        ("2026-12-23", "2026-12-23T08:00", "2026-12-29T15:30"),  # half day and Christmas inside
        ("2026-07-01", "2026-07-01T08:00", "2026-07-07T15:30"),  # July 3 closed
        ("2025-01-01", "2025-01-02T08:00", "2025-01-07T15:30"),  # the Wednesday is a holiday
        ("2024-12-18", "2024-12-18T08:00", "2024-12-24T12:30"),  # the last session is a half day
        ("2026-03-04", "2026-03-04T08:00", "2026-03-10T15:30"),  # daylight saving begins
    ],
)
def test_holidays_and_half_days_move_the_week(week_id: str, starts: str, last_entry: str) -> None:
    week = week_of(week_id)

    assert week.starts_at == new_york(starts)
    assert week.last_entry_at == new_york(last_entry)
    assert week.starts_at.tzinfo is UTC


def test_after_tuesdays_last_entry_the_coming_wednesday_is_current() -> None:
    tuesday = new_york("2026-11-24T15:30:01")

    assert current_week(tuesday, xnys(), SCHEDULE).week_id == "2026-11-25"
    assert current_week(new_york("2026-11-21T12:00"), xnys(), SCHEDULE).week_id == "2026-11-18"


@pytest.mark.parametrize(
    "text", ["", "today", "20261118", "2026-W47-3", "2026-11-18 ", "2026-11-31", "18.11.2026"]
)
def test_what_is_no_iso_date_is_no_week(text: str) -> None:
    with pytest.raises(UsageError, match="write a Wednesday as YYYY-MM-DD"):
        parse_week_id(text)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("2026-11-15", "2026-11-18"),
        ("2026-11-17", "2026-11-18"),
        ("2026-11-19", "2026-11-18"),
        ("2026-11-21", "2026-11-18"),
        ("2026-11-22", "2026-11-25"),
    ],
)
def test_another_day_is_told_its_nearest_wednesday(text: str, nearest: str) -> None:
    with pytest.raises(UsageError, match=f"the nearest is {nearest}"):
        parse_week_id(text)


@pytest.mark.parametrize("text", ["1999-12-29", "2040-12-26"])
def test_a_week_that_the_calendar_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is outside 2000 to 2040"):
        parse_week_id(text)


def test_a_wednesday_is_its_own_week() -> None:
    assert parse_week_id("2026-11-18") == date(2026, 11, 18)
