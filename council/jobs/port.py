"""What starts scheduled work, whatever stands behind it: this process alone, or a queue of several.

A queue is only a way to start work soon, on one machine of several. What is due is found by the
timetable and what was done is in the log, so that losing a queue loses nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from council.jobs.timetable import Slot
from council.slot_facts import JobName

RunJob = Callable[[JobName], Awaitable[object]]
"""Does what is due of a job, exactly once whoever calls it, and raises what it failed with."""


class Jobs(Protocol):
    """A way to have the slots of jobs worked on."""

    async def enqueue(self, slot: Slot) -> bool:
        """Have `slot` worked on soon; return False where that is so already.

        Raises:
            StoreUnavailable: a queue's database does not answer.
        """
        ...

    async def run(self, stop: asyncio.Event) -> None:
        """Work on what is enqueued until `stop` is set; then what is under way is given up.

        Raises:
            StoreUnavailable: a queue's database went away; what was under way is given up.
        """
        ...
