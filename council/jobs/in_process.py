"""Jobs without a queue of their own: this process works on what it enqueues, one after the other.

It is what `council job` uses; systemd's timers say when.
"""

import asyncio
from contextlib import suppress

import structlog

from config.errors import CouncilError
from council.jobs.port import RunJob
from council.jobs.timetable import Slot


class InProcessJobs:
    """The `Jobs` of one process; `run_job` does the work."""

    def __init__(self, run_job: RunJob) -> None:
        self._run_job = run_job
        self._waiting: asyncio.Queue[Slot] = asyncio.Queue()
        self._keys: set[str] = set()

    async def enqueue(self, slot: Slot) -> bool:
        """Work on `slot` after those before it; see `Jobs.enqueue`."""
        if slot.key in self._keys:
            return False
        self._keys.add(slot.key)
        self._waiting.put_nowait(slot)
        return True

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; see `Jobs.run`. A failure is logged: it is in the record."""
        working = asyncio.create_task(self._work(), name="jobs")
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, stopping):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await working

    async def _work(self) -> None:
        while True:
            slot = await self._waiting.get()
            try:
                await self._run_job(slot.job)
            except CouncilError as error:
                structlog.get_logger("jobs").warning("job.failed", job=slot.job, reason=str(error))
            except Exception:  # noqa: BLE001 - the entry point of the work; the others go on
                structlog.get_logger("jobs").exception("job.broke", job=slot.job)
            finally:
                self._keys.discard(slot.key)
