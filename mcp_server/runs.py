"""Weeks that run in the background: one task a week, outliving the request that started it.

A question to the general council and a checkpoint run as a week does, under their own run ids
instead of a week's. A run's id names its week and what was asked for, alike in every process, so
that any of them can answer for it from the store and carry it on. A task that is cancelled leaves
a week that resumes.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta

from config import logs
from config.errors import CouncilError, UsageError
from council.errors import QuestionBusy, WeekBusy
from council.steps import STEPS
from mcp_server.progress import News

WHOLE_WEEK = "propose"
"""The stage that a run of the whole week leads to; a run of one step is named by the step."""

_RUN_ID = re.compile(rf"run-(\d{{4}}-\d\d-\d\d)(?:-({'|'.join(STEPS)}))?")

CHECKPOINT_PREFIX = "checkpoint-"
"""With what the id of a run of checkpoints begins; its date and slots follow."""

_CHECKPOINT_ID = re.compile(rf"{CHECKPOINT_PREFIX}(\d{{4}}-\d\d-\d\d)((?:-(?:\d{{4}}|close))*)")

_BUSY = (WeekBusy, QuestionBusy)

_MOST_ENDED = 100
"""How many runs that have ended are remembered, for the sentences with which they failed."""

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


def checkpoint_id_for(taken_on: date, slots: Sequence[str]) -> str:
    """Return the id of the run that takes the checkpoints of `slots` on a New York date."""
    return "-".join(("checkpoint", f"{taken_on}", *(slot.replace(":", "") for slot in slots)))


def checkpoint_of(run_id: str) -> tuple[date, tuple[str, ...]]:
    """Return the New York date and the slots of a run of checkpoints.

    Raises:
        UsageError: it is no such run's id.
    """
    found = _CHECKPOINT_ID.fullmatch(run_id)
    if found is None:
        raise UsageError(f"{run_id!r} is no run id: it looks like checkpoint-2026-11-18-1200.")
    parts = found[2].split("-")[1:]
    slots = tuple(f"{at[:2]}:{at[2:]}" if at.isdigit() else at for at in parts)
    try:
        return date.fromisoformat(found[1]), slots
    except ValueError as error:
        raise UsageError(f"{run_id!r} is no run id: {found[1]} is no date.") from error


class Runs:
    """The background tasks of this process, owned by the server's lifespan.

    Runs of one week share a `key`, so that this process works on one of them at a time.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._news: dict[str, News] = {}

    def start(self, key: str, work: StageRun, *, run_id: str) -> None:
        """Do the `work` of a run unless a task for `key` is still running."""
        if not self.is_running(key):
            self._forget()
            task = asyncio.create_task(_awaited(work), name=run_id)
            task.add_done_callback(_noticed)
            # Put last again: the tasks stand in the order in which they were started.
            self._tasks.pop(key, None)
            self._tasks[key] = task

    def _forget(self) -> None:
        """Forget the oldest that ended; whoever asks for such a run finds it in the store."""
        ended = [key for key, task in self._tasks.items() if task.done()]
        for key in ended[:-_MOST_ENDED]:
            del self._tasks[key]
            self._news.pop(key, None)

    def is_running(self, key: str) -> bool:
        """Return whether a task of this process is at work for `key`."""
        task = self._tasks.get(key)
        return task is not None and not task.done()

    def has_ended(self, key: str) -> bool:
        """Return whether the latest task of this process has done all that it had to do."""
        task = self._tasks.get(key)
        return task is not None and task.done() and not task.cancelled() and not task.exception()

    def news(self, key: str) -> News:
        """Return what the tasks for `key` tell of how far they are."""
        return self._news.setdefault(key, News())

    def is_elsewhere(self, key: str) -> bool:
        """Return whether the latest task for `key` found another process at work."""
        return isinstance(self._error(key), _BUSY)

    def failure_of(self, key: str, run_id: str) -> str | None:
        """Return the sentence with which a run failed, if it was the latest for `key` and did.

        A step that failed says nothing of the whole week's run, which may still be wanted.
        """
        error = self._error(key)
        if error is None or isinstance(error, _BUSY) or self._tasks[key].get_name() != run_id:
            return None
        if isinstance(error, CouncilError):
            return str(error)
        # What it says may be anything, a key included; the log masks those.
        return f"unexpected {type(error).__name__}, the server's log says why and where."

    def _error(self, key: str) -> BaseException | None:
        task = self._tasks.get(key)
        return task.exception() if task and task.done() and not task.cancelled() else None

    async def wait(self, key: str, patience: timedelta) -> None:
        """Wait for the task of `key` to end, at most for `patience`; its failure is not raised."""
        task = self._tasks.get(key)
        if task is not None:
            await asyncio.wait((task,), timeout=patience.total_seconds())

    async def aclose(self) -> None:
        """Cancel what still runs and wait for it; every run resumes later."""
        running = [task for task in self._tasks.values() if not task.done()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _noticed(task: asyncio.Task[None]) -> None:
    """Take note of a failure that nobody may ask about before the next task takes its place."""
    if not task.cancelled():
        task.exception()


async def _awaited(work: StageRun) -> None:
    """Await `work` and keep nothing of it: what it did is in the store."""
    try:
        await work()
    except CouncilError:
        raise
    except Exception:
        # Nobody awaits this task; without a line here the traceback would be lost.
        logs.logger("runs").exception("run.failed")
        raise
