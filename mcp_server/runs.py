"""Weeks that run in the background: one task a week, outliving the request that started it.

A question to the general council runs as a week does, under its own run id instead of a week's.
A run's id names its week and what was asked for, alike in every process, so that any of them can
answer for it from the store and carry it on. A task that is cancelled leaves a week that resumes.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from config.errors import CouncilError, UsageError
from council.errors import QuestionBusy, WeekBusy
from council.pipeline import STEPS

WHOLE_WEEK = "propose"
"""The stage that a run of the whole week leads to; a run of one step is named by the step."""

_RUN_ID = re.compile(rf"run-(\d{{4}}-\d\d-\d\d)(?:-({'|'.join(STEPS)}))?")

_BUSY = (WeekBusy, QuestionBusy)

StageRun = Callable[[], Awaitable[object]]


def run_id_for(week_id: str, stage: str = WHOLE_WEEK) -> str:
    """Return the id of the one run that a week has up to `stage`, or of the one step."""
    return f"run-{week_id}" if stage == WHOLE_WEEK else f"run-{week_id}-{stage}"


def run_of(run_id: str) -> tuple[str, str]:
    """Return the week and the stage of a run; raises UsageError for what is no run id."""
    found = _RUN_ID.fullmatch(run_id)
    if found is None:
        raise UsageError(f"{run_id!r} is no run id: it looks like run-2026-11-18.")
    return found[1], found[2] or WHOLE_WEEK


class Runs:
    """The background tasks of this process, owned by the server's lifespan."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[object]] = {}

    def start(self, week_id: str, work: StageRun) -> None:
        """Run `work` for the week unless one of its tasks is still running."""
        if not self.is_running(week_id):
            self._tasks[week_id] = asyncio.create_task(_awaited(work), name=run_id_for(week_id))

    def is_running(self, week_id: str) -> bool:
        """Return whether a task of this process is at work on the week."""
        task = self._tasks.get(week_id)
        return task is not None and not task.done()

    def is_elsewhere(self, week_id: str) -> bool:
        """Return whether the week's latest task found another process at work on the week."""
        return isinstance(self._error(week_id), _BUSY)

    def failure_of(self, week_id: str) -> str | None:
        """Return the sentence with which the week's latest task failed, if it did."""
        error = self._error(week_id)
        if error is None or isinstance(error, _BUSY):
            return None
        return str(error) if isinstance(error, CouncilError) else f"unexpected {error!r}"

    def _error(self, week_id: str) -> BaseException | None:
        task = self._tasks.get(week_id)
        return task.exception() if task and task.done() and not task.cancelled() else None

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
    try:
        return await work()
    except CouncilError:
        raise
    except Exception:
        # Nobody awaits this task; without a line here the traceback would be lost.
        structlog.get_logger("runs").exception("run.failed")
        raise
