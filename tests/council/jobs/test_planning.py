"""Every slot ends with one of SlotDone and SlotSkipped, in order, whenever the job is started."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import cycle, islice, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.loader import load_config
from config.market_calendar import xnys
from council.jobs.planning import LOOK_BACK, may_start_at, plan
from council.jobs.timetable import JOBS, Slot, Timetable
from council.slot_facts import JobName, SlotFailed
from tests.config import nyse

TIMETABLE = Timetable(xnys(), load_config().schedule)
FIRST_AT = nyse.at(date(2026, 1, 1), "00:00")
LAST_AT = nyse.at(date(2028, 1, 5), "00:00")
WEEK = timedelta(weeks=1)
SESSION = ("09:00", "12:00", "14:00", "15:50", "close")
KNOWN = {job: TIMETABLE.slots(job, FIRST_AT - LOOK_BACK, LAST_AT) for job in JOBS}


class QuickTimetable(Timetable):
    """The same timetable, made once."""

    def slots(self, job: JobName, after_at: datetime, until_at: datetime) -> tuple[Slot, ...]:
        due = [slot.due_at for slot in KNOWN[job]]
        return KNOWN[job][bisect_right(due, after_at) : bisect_right(due, until_at)]


QUICK = QuickTimetable(TIMETABLE.calendar, TIMETABLE.schedule)

pauses = st.one_of(
    st.timedeltas(timedelta(minutes=1), timedelta(hours=30)),
    st.timedeltas(timedelta(days=1), WEEK),
    st.timedeltas(WEEK, LOOK_BACK - 2 * WEEK),
)


def test_a_new_job_has_missed_nothing() -> None:
    at = nyse.at(date(2026, 11, 20), "10:00")

    planned = plan("checkpoint", at, TIMETABLE, settled=(), is_new=True)

    assert planned.missed == ()
    assert planned.due is not None
    assert planned.due.name == "2026-11-20 09:00"


def test_three_days_off_leave_each_missed_slot_and_the_one_that_is_due() -> None:
    at = nyse.at(date(2026, 11, 20), "12:30")

    planned = plan("checkpoint", at, TIMETABLE, settled=["2026-11-17 14:00"], is_new=False)

    assert [slot.name for slot in planned.missed] == [
        "2026-11-17 15:50",
        "2026-11-17 close",
        *(f"2026-11-18 {at}" for at in SESSION),
        *(f"2026-11-19 {at}" for at in SESSION),
        "2026-11-20 09:00",
    ]
    assert planned.due is not None
    assert planned.due.name == "2026-11-20 12:00"


def test_a_job_that_was_off_for_a_year_looks_back_ten_weeks_and_no_further() -> None:
    at = nyse.at(date(2026, 11, 18), "09:00")

    planned = plan("weekly", at, TIMETABLE, settled=(), is_new=False)

    assert planned.missed[0].name == "2026-09-16"
    assert len(planned.missed) == 9
    assert planned.due is not None
    assert planned.due.name == "2026-11-18"


def test_a_slot_that_failed_until_its_end_is_missed_although_a_later_one_was_done() -> None:
    at = nyse.at(date(2026, 11, 18), "14:30")
    settled = ["2026-11-18 09:00", "2026-11-18 14:00"]

    planned = plan("checkpoint", at, TIMETABLE, settled=settled, is_new=False)

    assert [slot.name for slot in planned.missed] == ["2026-11-18 12:00"]
    assert planned.due is None
    assert planned.settled is not None


def test_a_checkpoint_that_is_new_in_the_schedule_was_not_missed_on_all_the_days_before() -> None:
    at = nyse.at(date(2026, 11, 18), "13:00")
    settled = {slot.name for slot in TIMETABLE.slots("checkpoint", at - LOOK_BACK, at)}
    schedule = TIMETABLE.schedule
    times = (*schedule.checkpoints, time(10, 30))
    changed = Timetable(xnys(), schedule.model_copy(update={"checkpoints": times}))

    planned = plan("checkpoint", at, changed, settled=settled, is_new=False)
    failed = plan(
        "checkpoint", at, changed, settled=settled, failed=["2026-10-07 10:30"], is_new=False
    )

    lately = ["2026-11-17 10:30", "2026-11-18 10:30"]
    assert [slot.name for slot in planned.missed] == lately
    assert [slot.name for slot in failed.missed] == ["2026-10-07 10:30", *lately]


@pytest.mark.parametrize("job", JOBS)
@settings(max_examples=20, deadline=None)
@given(gaps=st.lists(pauses, min_size=3, max_size=40))
def test_every_slot_of_two_years_is_done_or_skipped_once_and_in_order(
    job: JobName, gaps: Sequence[timedelta]
) -> None:
    ended = _run_through(job, gaps)

    names = [own.slot.name for own in ended]
    expected = list(KNOWN[job])
    if names:
        # Before the first that was done nothing was installed yet.
        expected = expected[[slot.name for slot in expected].index(names[0]) :]
    assert names == [slot.name for slot in expected[: len(names)]]
    assert all(own.slot.holds(own.at) == own.is_done for own in ended)
    assert all(own.at >= own.slot.until_at for own in ended if not own.is_done)
    # All that is left is what the last start could not know of, or nothing was ever of use.
    assert not names or all(slot.due_at > ended[-1].last_at for slot in expected[len(names) :])


@dataclass(frozen=True)
class Ended:
    """What became of a slot `at` some start; `last_at` is that of the last start of all."""

    slot: Slot
    at: datetime
    is_done: bool
    last_at: datetime


def _run_through(job: JobName, gaps: Sequence[timedelta]) -> list[Ended]:
    """Start `job` again and again over two years; return what became of its slots, in order."""
    starts = list(islice(takewhile(lambda at: at < LAST_AT, _starts(gaps)), 20 * len(gaps)))
    settled: dict[str, Ended] = {}
    for at in starts:
        planned = plan(job, at, QUICK, settled=settled, is_new=not settled)
        both = (*((slot, False) for slot in planned.missed), *((s, True) for s in (planned.due,)))
        for slot, is_done in both:
            if slot is not None:
                assert slot.name not in settled
                settled[slot.name] = Ended(slot, at, is_done, starts[-1])
    return list(settled.values())


def _starts(gaps: Sequence[timedelta]) -> Iterator[datetime]:
    at = FIRST_AT
    for gap in cycle(gaps):
        yield at
        at += gap


def test_a_slot_that_failed_is_left_alone_ever_longer_and_an_hour_at_most() -> None:
    slot = TIMETABLE.slots("weekly", nyse.at(date(2026, 11, 18), "00:00"), LAST_AT)[0]
    failed_at = slot.due_at + timedelta(minutes=7)

    pauses_after = [
        may_start_at(slot, [_failure(slot, number, failed_at) for number in range(1, count + 1)])
        - failed_at
        for count in (1, 2, 3, 4, 5, 12)
    ]

    assert may_start_at(slot, ()) == slot.due_at
    assert [pause.total_seconds() / 60 for pause in pauses_after] == [5, 10, 20, 40, 60, 60]


def _failure(slot: Slot, number: int, failed_at: datetime) -> SlotFailed:
    return SlotFailed(
        week_id=slot.week_id,
        job=slot.job,
        slot=slot.name,
        due_at=slot.due_at,
        number=number,
        failed_at=failed_at,
        reason="the gateway is away",
    )
