"""When systemd starts scheduled work: `schedule.yaml` as OnCalendar expressions, in New York. Pure.

A firing at which nothing is due costs a second and does nothing, so they cover what a calendar of
fixed times cannot know: weeks that begin after a holiday, and half days.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import time
from typing import Final

from config.errors import ConfigError
from config.schema import ScheduleFile
from council.slot_facts import JobName

ZONE: Final = "America/New_York"
_CLOCKS_CHANGE: Final = (time(1), time(3))
_WEEKDAYS: Final = "Mon..Fri"
_CLOSES: Final = (time(13), time(16))
"""The close of a half day, and of every other."""
_POSTMORTEM: Final = time(16, 30)
"""After the week's last close was marked, for the postmortem reads that."""
_CALENDAR: Final = re.compile(r"^OnCalendar=(.+)$", re.MULTILINE)


def calendar_of(schedule: ScheduleFile) -> Mapping[JobName, tuple[str, ...]]:
    """Return the OnCalendar expressions of each job.

    Raises:
        ConfigError: a time lies where clocks change: a day may lack it, or have it twice.
    """
    looks = sorted({*schedule.checkpoints, *_CLOSES})
    starts, upkeep = schedule.week_starts, schedule.upkeep
    for at in (*looks, starts, upkeep):
        _refuse_where_clocks_change(at)
    return {
        # A week whose Wednesday has no session begins with the next one.
        "weekly": (_on("Wed", starts), _on("Thu,Fri", starts)),
        "checkpoint": tuple(_on(_WEEKDAYS, at) for at in looks),
        # A week's last session is Tuesday's, or one before that.
        "postmortem": (_on("Tue", _POSTMORTEM),),
        "daily": (_on("", upkeep),),
    }


def calendar_in(text: str) -> tuple[str, ...]:
    """Return the OnCalendar expressions of a timer's text."""
    return tuple(_CALENDAR.findall(text))


def timer_name(job: str) -> str:
    """Return the name of the timer of `job`."""
    return f"council-{job}.timer"


def _on(days: str, at: time) -> str:
    return " ".join(filter(None, (days, f"*-*-* {at:%H:%M:%S}", ZONE)))


def _refuse_where_clocks_change(at: time) -> None:
    first, last = _CLOCKS_CHANGE
    if first <= at < last:
        raise ConfigError(
            f"schedule.yaml has {at:%H:%M}, when clocks change, so that days lack it or have it "
            "twice: put it before 01:00 or from 03:00 on."
        )


def differing(installed: Mapping[str, str], schedule: ScheduleFile) -> Iterable[str]:
    """Yield the names of installed timers (text by name) whose times are not the schedule's."""
    wanted = {timer_name(job): lines for job, lines in calendar_of(schedule).items()}
    for name, text in installed.items():
        if name in wanted and calendar_in(text) != wanted[name]:
            yield name
