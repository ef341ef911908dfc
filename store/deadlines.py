"""How long a statement may take: one timer for all that a pool runs, in place of one for each.

To begin and to end a timer takes a fifth of the time that a short statement takes the program.
"""

import asyncio
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Waiting:
    """A task that waits for a statement; `ends_at` is a time of its event loop."""

    task: "asyncio.Task[Any]"
    ends_at: float
    cancelled_before: int
    is_late: bool = False


class Deadlines:
    """Cancels whoever waits longer than some seconds; None lets everybody wait for ever."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._waiting: dict[int, Waiting] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> Waiting | None:
        """Let the current task wait; None where no deadline is kept."""
        task = asyncio.current_task()
        if self._seconds is None or task is None:
            return None
        loop = task.get_loop()
        waiting = Waiting(task, loop.time() + self._seconds, task.cancelling())
        self._waiting[id(waiting)] = waiting
        if self._timer is None:
            self._look_at(waiting.ends_at, loop)
        return waiting

    def end(self, waiting: Waiting | None) -> None:
        """Let the task be, which waits no longer."""
        self._waiting.pop(id(waiting), None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel those who are late; look again when the next may be."""
        self._timer = None
        now = loop.time()
        for waiting in tuple(self._waiting.values()):
            if waiting.ends_at <= now:
                self.end(waiting)
                waiting.is_late = True
                waiting.task.cancel()
        if self._waiting:
            soonest = min(waiting.ends_at for waiting in self._waiting.values())
            self._look_at(soonest, loop)

    def _look_at(self, time: float, loop: asyncio.AbstractEventLoop) -> None:
        # A turn later: where all of the program stood still, an answer that came is taken first.
        self._timer = loop.call_at(time, loop.call_soon, self._look, loop)


def is_timeout(waiting: Waiting | None) -> bool:
    """Return whether a cancellation meant nothing but the deadline, which is thereby taken back."""
    if waiting is None or not waiting.is_late:
        return False
    return waiting.task.uncancel() <= waiting.cancelled_before
