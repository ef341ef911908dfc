"""A long log folded by processes beside this one: each folds parts of it, in whatever order.

What the parts leave is written here, in the order of the log and in one transaction, so that it
makes no difference to the tables where the log was folded.
"""

import asyncio
import gc
import os
import pickle
import signal
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import Final

import asyncpg

from store.errors import StoreUnavailable
from store.faults import translating
from store.folding import EVENTS, folded
from store.pool import connect
from store.ports import Projection
from store.row_batches import Leavings
from store.row_writing import RowWriter
from store.rows import Table

PART: Final = 10_000
"""Positions of the log that are read and folded together."""
_AHEAD: Final = 2
"""Parts for each process that are folded, or waited for, before the first of them is written."""
_MOST_PROCESSES: Final = 4
"""More would only wait for the one connection that writes."""

_AWAKE_SECONDS: Final = 5
"""A third of the time after which the server ends a transaction in which nothing happens."""

_KILLED: Final = "A process that folded the log was killed: nothing was written, so start it again."
_PART: Final = EVENTS.replace("ORDER BY", "AND position > $2 AND position <= $3 ORDER BY")


@dataclass(frozen=True, slots=True)
class Log:
    """The log at `dsn` up to its `head`, and what a process must know to fold parts of it.

    Events of the kinds `rowless` leave no rows, and are not read.
    """

    dsn: str = field(repr=False)
    head: int
    project: Projection
    rowless: tuple[str, ...]
    tables: Mapping[str, Table]


def processes_for(project: Projection) -> int:
    """Return how many processes can fold by `project`, each on a processor of its own."""
    try:
        pickle.dumps(project)
    except (AttributeError, TypeError, pickle.PicklingError):
        return 1  # it is no function of a module, so that no other process would find it
    # Where it cannot be asked which processors are ours, all are.
    allowed = getattr(os, "sched_getaffinity", None)
    return min(len(allowed(0)) if allowed else os.cpu_count() or 1, _MOST_PROCESSES)


async def fold_apart(log: Log, rows: RowWriter, *, processes: int) -> bool:
    """Fold all of `log` into `rows` by so many processes, which end with this one.

    Nothing may be appended meanwhile. Return False, with nothing written, where not even the first
    part could be folded so: not every place lets a program begin others.

    Raises:
        StoreUnavailable: one of the processes was killed later.
    """
    loop = asyncio.get_running_loop()
    coming: deque[asyncio.Future[list[Leavings]]] = deque()
    is_begun = False
    try:
        with _pool(processes) as pool:
            for after in range(0, log.head, PART):
                coming.append(loop.run_in_executor(pool, fold_part, log, after, after + PART))
                if len(coming) > processes * _AHEAD:
                    await _write_first(coming, rows)
                    is_begun = True
            while coming:
                await _write_first(coming, rows)
                is_begun = True
    except BrokenProcessPool as error:
        if is_begun:
            raise StoreUnavailable(_KILLED) from error
    except OSError:
        if is_begun:
            raise
    finally:
        # What became of the others is told by the one error that ends the folding.
        await asyncio.gather(*coming, return_exceptions=True)
    return is_begun


class _Reader:
    """One process's way to the log: a loop and a connection, opened by its first part."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection | None = None

    def fold(self, log: Log, after: int, last: int) -> list[Leavings]:
        """Return what the events of `log` leave from the one behind `after` to the `last`."""
        return self._runner.run(self._folded(log, after, last))

    async def _folded(self, log: Log, after: int, last: int) -> list[Leavings]:
        with translating():
            if self._connection is None:
                self._connection = await connect(log.dsn)
            records = await self._connection.fetch(_PART, log.rowless, after, last)
        batch = await folded(records, log.project)
        return list(batch.leavings(log.tables))


_reader: Final = lru_cache(maxsize=1)(_Reader)
"""The one of this process, which ends with it: a million events are a hundred parts."""


def fold_part(log: Log, after: int, last: int) -> list[Leavings]:
    """Return what the events of `log` leave from the one behind `after` to the `last`."""
    return _reader().fold(log, after, last)


async def _write_first(coming: deque[asyncio.Future[list[Leavings]]], rows: RowWriter) -> None:
    while not coming[0].done():
        await asyncio.wait({coming[0]}, timeout=_AWAKE_SECONDS)
        await rows.stay_awake()
    for leavings in coming[0].result():
        await rows.write(leavings)
    coming.popleft()


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    strangers = set(active_children())
    pool = ProcessPoolExecutor(processes, get_context("spawn"), initializer=_begin)
    try:
        yield pool
    except BaseException:
        # A process does not hear of it, and would fold its part to the end.
        for process in set(active_children()) - strangers:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Leave Ctrl-C to the process that started this one, and end with it.

    What it makes goes in no circles: looking for some would take a fiftieth of its time.
    """
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
