"""Weeks that run in the background: one task a week, outliving the request that started it.

A run has the same id in every process, so that any of them can answer for it from the store. A task
that is cancelled leaves a week that resumes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from config.errors import CouncilError, UsageError

_PREFIX = "run-"

StageRun = Callable[[], Awaitable[object]]


def run_id_for(week_id: str) -> str:
    """Return the id of the one run that a week has."""
    return _PREFIX + week_id


def week_of(run_id: str) -> str:
    """Return the week of a run; raises UsageError for what is no run id."""
    if not run_id.startswith(_PREFIX):
        raise UsageError(f"{run_id!r} is no run id: it looks like run-2026-11-18.")
    return run_id.removeprefix(_PREFIX)


class Runs:
    """The background tasks of this process, owned by the server's lifespan."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[object]] = {}
        self._stages: dict[str, str] = {}

    def start(self, week_id: str, stage: str, work: StageRun) -> None:
        """Run `work` for the week unless one of its tasks is still running."""
        if not self.is_running(week_id):
            self._stages[week_id] = stage
            self._tasks[week_id] = asyncio.create_task(_awaited(work), name=run_id_for(week_id))

    def is_running(self, week_id: str) -> bool:
        """Return whether a task of this process is at work on the week."""
        task = self._tasks.get(week_id)
        return task is not None and not task.done()

    def stage_of(self, week_id: str) -> str | None:
        """Return what the week's latest task was started for."""
        return self._stages.get(week_id)

    def failure_of(self, week_id: str) -> str | None:
        """Return the sentence with which the week's latest task failed, if it did."""
        task = self._tasks.get(week_id)
        if task is None or not task.done() or task.cancelled():
            return None
        error = task.exception()
        if error is None:
            return None
        return str(error) if isinstance(error, CouncilError) else f"unexpected {error!r}"

    async def wait(self, week_id: str, patience: timedelta) -> None:
        """Wait for the week's task to end, at most for `patience`; its failure is not raised."""
        task = self._tasks.get(week_id)
        if task is not None:
            await asyncio.wait((task,), timeout=patience.total_seconds())

    async def aclose(self) -> None:
        """Cancel what still runs and wait for it; every week resumes later."""
        running = [task for task in self._tasks.values() if not task.done()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _awaited(work: StageRun) -> object:
    return await work()
