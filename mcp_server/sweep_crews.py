"""Who plays the simulations of a sweep: processes of this machine, or the nodes of a Ray cluster.

Either way the outcome of each is told as it comes, and the order in which they come means nothing.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import active_children, get_context
from threading import Thread
from typing import Any, Final, Protocol

from config.errors import CouncilError, UnreachableError, UsageError
from mcp_server.sweep_tasks import (
    SweepOutcome,
    SweepTask,
    packed,
    played_elsewhere,
    played_here,
)

LOCAL: Final = "local"
"""The Ray cluster that is started on this machine, and ends with the sweep."""
_CONNECT_SECONDS: Final = 60

Tell = Callable[[SweepOutcome], None]


class Crew(Protocol):
    """Plays all tasks and tells of each; what one cannot play is an outcome, no exception."""

    def __call__(self, tasks: Sequence[SweepTask], *, tell: Tell) -> Awaitable[None]:
        """Return when all are played."""


def processes(workers: int) -> Crew:
    """Return a crew of so many processes of this machine; they end with whoever started them."""

    async def play(tasks: Sequence[SweepTask], *, tell: Tell) -> None:
        strangers = set(active_children())
        pool = ProcessPoolExecutor(
            min(workers, len(tasks)), get_context("spawn"), initializer=_ignore_interrupts
        )
        loop = asyncio.get_running_loop()
        playing = [loop.run_in_executor(pool, played_here, task) for task in tasks]
        try:
            for done in asyncio.as_completed(playing):
                tell(await done)
        except BrokenProcessPool as error:
            raise UnreachableError(
                "A process of the sweep was killed: what is whole is kept, so start it again."
            ) from error
        except BaseException:
            # A worker does not hear of it, and would play its weeks to their end.
            for worker in set(active_children()) - strangers:
                worker.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            # What became of the others is told by the one error that ends the sweep.
            await asyncio.gather(*playing, return_exceptions=True)

    return play


def cluster(address: str, workers: int) -> Crew:
    """Return the crew of the Ray cluster at `address`; the local one gets so many workers.

    Raises:
        UsageError: Ray is not installed.
    """
    ray = _ray()

    async def play(tasks: Sequence[SweepTask], *, tell: Tell) -> None:
        await _joined(ray, address, workers)
        try:
            remote = ray.remote(max_retries=1)(played_elsewhere)
            playing = [asyncio.wrap_future(remote.remote(packed(t)).future()) for t in tasks]
            for done in asyncio.as_completed(playing):
                tell(await done)
        except ray.exceptions.RayError as error:
            raise UnreachableError(f"The Ray cluster failed: {_first_line(error)}") from error
        finally:
            await asyncio.to_thread(ray.shutdown)

    return play


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _ray() -> Any:
    """Return the module, told before it is loaded to report nothing to its makers.

    Nodes use what is installed there: under `uv run` this folder would be copied to them.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    try:
        # An extra, and a large one.
        import ray  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            "Ray is not installed: run `uv sync --extra ray`, here and on each node."
        ) from error
    return ray


async def _joined(ray: Any, address: str, workers: int) -> None:
    """Connect to the cluster, or start one; Ray itself may wait for ever for a node.

    Raises:
        UnreachableError: there is none.
    """
    loop = asyncio.get_running_loop()
    joined: asyncio.Future[None] = loop.create_future()

    def join() -> None:
        error = _join_error(ray, address, workers)
        with suppress(RuntimeError):  # nobody waits any more, and the loop may be closed
            loop.call_soon_threadsafe(_settle, joined, error)

    # Not the loop's own threads: their ends are waited for.
    Thread(target=join, daemon=True).start()
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await joined
    except TimeoutError as error:
        raise UnreachableError(
            f"The Ray cluster at {address} takes nobody in within {_CONNECT_SECONDS} s: this "
            "machine must be one of its nodes, or name it as ray://HOST:10001."
        ) from error


def _join_error(ray: Any, address: str, workers: int) -> UnreachableError | None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        options |= {"address": "local", "num_cpus": workers, "include_dashboard": False}
    else:
        options["address"] = address
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        return UnreachableError(f"There is no Ray cluster at {address}: {_first_line(error)}")
    return None


def _settle(joined: "asyncio.Future[None]", error: UnreachableError | None) -> None:
    if joined.done():
        return
    if error is None:
        joined.set_result(None)
    else:
        joined.set_exception(error)


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "cause", None) or error
    if isinstance(cause, CouncilError):
        return str(cause)
    lines = str(cause).strip().splitlines()
    return f"{lines[-1] if lines else type(cause).__name__}"
