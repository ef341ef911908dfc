"""The timetable of scheduled work: which slots a job has, and for how long each is of use. Pure.

Times are New York's wall clock and the exchange's calendar: a slot is where people expect it on the
days when clocks change, a half day has fewer checkpoints, and a short week begins and ends with its
sessions.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final, get_args

from config.clock import NEW_YORK
from config.market_calendar import MarketCalendar, Session
from config.schema import ScheduleFile
from config.weeks import council_week, week_id_at
from council.slot_facts import JobName
from council.slots import CLOSE, week_of

JOBS: Final[tuple[JobName, ...]] = get_args(JobName)
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_AROUND: Final = timedelta(days=14)
"""So far beside a span sessions are looked up: longer than any week or pause between two."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One time at which a job is due: from `due_at` until just before `until_at` it is of use.

    `name` is the week's id, a day, or a day and a checkpoint's time ("2026-11-18 09:00").
    """

    job: JobName
    name: str
    week_id: str
    due_at: datetime
    until_at: datetime

    @property
    def key(self) -> str:
        """Return what names the slot among those of all jobs."""
        return f"{self.job}/{self.name}"

    def holds(self, now: datetime) -> bool:
        """Return whether its work may be done `now`."""
        return self.due_at <= now < self.until_at


@dataclass(frozen=True, slots=True)
class Timetable:
    """Every slot of every job, by the calendar and `schedule.yaml`."""

    calendar: MarketCalendar
    schedule: ScheduleFile

    def slots(self, job: JobName, after_at: datetime, until_at: datetime) -> tuple[Slot, ...]:
        """Return the slots of `job` that are due after `after_at` and by `until_at`, in order."""
        start_on, end_on = _new_york_day(after_at), _new_york_day(until_at)
        made = _MAKERS[job](self, start_on, end_on)
        return tuple(slot for slot in made if after_at < slot.due_at <= until_at)

    def next_slot(self, job: JobName, now: datetime) -> Slot:
        """Return the first slot of `job` that is due after `now`."""
        return self.slots(job, now, now + _AROUND)[0]

    def _weekly(self, start_on: date, end_on: date) -> Iterator[Slot]:
        for week_id in _weeks(start_on, end_on):
            week = council_week(week_id, self.calendar, self.schedule)
            yield self._cut(Slot("weekly", week_id, week_id, week.starts_at, week.last_entry_at))

    def _postmortem(self, start_on: date, end_on: date) -> Iterator[Slot]:
        for week_id in _weeks(start_on, end_on):
            week = council_week(week_id, self.calendar, self.schedule)
            following = (date.fromisoformat(week_id) + _WEEK).isoformat()
            starts_at = council_week(following, self.calendar, self.schedule).starts_at
            yield self._cut(Slot("postmortem", week_id, week_id, week.ends_at, starts_at))

    def _daily(self, start_on: date, end_on: date) -> Iterator[Slot]:
        for number in range((end_on - start_on).days + 1):
            day = start_on + number * _DAY
            due_at, midnight_at = _at(day, self.schedule.upkeep), _at(day + _DAY, time())
            yield self._cut(Slot("daily", day.isoformat(), week_of(day), due_at, midnight_at))

    def _checkpoint(self, start_on: date, end_on: date) -> Iterator[Slot]:
        for session, following in pairwise(self.calendar.between(start_on, end_on + _AROUND)):
            times = [*self._looks(session), (CLOSE, session.close_at)]
            # A close can be marked until the next session opens, and is of use until its first
            # look, which may come before that.
            next_at = min([following.open_at, *(at for _, at in self._looks(following))])
            for (name, due_at), until_at in zip(
                times, [*(at for _, at in times[1:]), next_at], strict=True
            ):
                named, week_id = f"{session.session_on} {name}", week_of(session.session_on)
                yield self._cut(Slot("checkpoint", named, week_id, due_at, until_at))

    def _looks(self, session: Session) -> list[tuple[str, datetime]]:
        """Return the checkpoints of a session by name; a half day has fewer."""
        times = sorted(self.schedule.checkpoints)
        looks = [(f"{at:%H:%M}", _at(session.session_on, at)) for at in times]
        return [(name, at) for name, at in looks if at < session.close_at]

    def _cut(self, slot: Slot) -> Slot:
        """Return `slot` with its window cut to what schedule.yaml allows."""
        hours: int = getattr(self.schedule.windows, f"{slot.job}_hours")
        return replace(slot, until_at=min(slot.until_at, slot.due_at + timedelta(hours=hours)))


def _weeks(start_on: date, end_on: date) -> Iterator[str]:
    """Yield the weeks that may have a slot between two days: the one before them, too."""
    first = date.fromisoformat(week_id_at(_at(start_on, time(12)))) - _WEEK
    for number in range((end_on - first).days // _WEEK.days + 1):
        yield (first + number * _WEEK).isoformat()


def _at(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=NEW_YORK).astimezone(UTC)


def _new_york_day(instant: datetime) -> date:
    return instant.astimezone(NEW_YORK).date()


_MAKERS: dict[JobName, Callable[[Timetable, date, date], Iterator[Slot]]] = {
    "weekly": Timetable._weekly,
    "checkpoint": Timetable._checkpoint,
    "postmortem": Timetable._postmortem,
    "daily": Timetable._daily,
}
