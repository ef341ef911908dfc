"""What every `Jobs` keeps to, in one process alone and over the queue in a real database."""

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from config.errors import UnreachableError
from config.market_calendar import xnys
from council.jobs.in_process import InProcessJobs
from council.jobs.port import Jobs
from council.jobs.timetable import Slot, Timetable
from council.slot_facts import JobName
from mcp_server.jobs import queue
from tests.builders import NOW
from tests.council.jobs.test_timetable import SCHEDULE
from tests.mcp_server.jobs.waiting import PATIENCE_SECONDS, until

ENQUEUED = 6
HEARTBEAT = timedelta(seconds=30)
"""Nobody waits for it here; a machine under load must not lose a job by it."""

needs_workers = pytest.mark.skipif(
    importlib.util.find_spec("pgqueuer") is None and "CI" not in os.environ,
    reason="the extra `workers` is not installed",
)


@dataclass
class Work:
    """What jobs call: `ran` keeps their names; `doing` is awaited each time."""

    doing: Callable[[], Awaitable[object]] | None = None
    ran: list[JobName] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, name: JobName) -> None:
        self.ran.append(name)
        self.changed.set()
        if self.doing is not None:
            await self.doing()

    async def until_ran(self, many: int) -> None:
        """Wait until so many have begun."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.ran) < many:
                self.changed.clear()
                await self.changed.wait()


Opening = Callable[[Work], Any]


@pytest.fixture(params=["alone", pytest.param("queued", marks=needs_workers)])
def opened(request: pytest.FixtureRequest, database_dsn: str) -> Opening:
    """Return what opens jobs of one kind; those of a queue share the test's database."""

    @asynccontextmanager
    async def alone(work: Work) -> AsyncIterator[Jobs]:
        yield InProcessJobs(work)

    @asynccontextmanager
    async def queued(work: Work) -> AsyncIterator[Jobs]:
        async with queue.queue_connection(database_dsn) as connection:
            await queue.install(connection)
            yield queue.QueuedJobs(connection, work, heartbeat=HEARTBEAT)

    return alone if request.param == "alone" else queued


@asynccontextmanager
async def running(jobs: Jobs) -> AsyncIterator[asyncio.Event]:
    """Let `jobs` run as long as the context is open; yield what stops them."""
    stop = asyncio.Event()
    task = asyncio.create_task(jobs.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task


def slot_of(job: JobName = "weekly") -> Slot:
    return Timetable(xnys(), SCHEDULE).next_slot(job, NOW)


async def test_a_slot_that_is_enqueued_six_times_at_once_is_worked_on_once(
    opened: Opening,
) -> None:
    work, slot = Work(), slot_of()

    async with opened(work) as jobs:
        taken = await asyncio.gather(*(jobs.enqueue(slot) for _ in range(ENQUEUED)))
        async with running(jobs):
            await work.until_ran(1)
            await jobs.enqueue(slot_of("daily"))
            await work.until_ran(2)

    assert sorted(taken) == [*[False] * (ENQUEUED - 1), True]
    assert work.ran == ["weekly", "daily"]


async def test_a_slot_that_is_worked_on_cannot_be_enqueued_and_afterwards_it_can(
    opened: Opening,
) -> None:
    gate = asyncio.Event()
    work, slot = Work(gate.wait), slot_of()

    async with opened(work) as jobs:
        await jobs.enqueue(slot)
        async with running(jobs):
            await work.until_ran(1)
            meanwhile = await jobs.enqueue(slot)
            gate.set()
            await until(lambda: jobs.enqueue(slot))
            await work.until_ran(2)

    assert not meanwhile
    assert work.ran == ["weekly", "weekly"]


@pytest.mark.parametrize("failure", [UnreachableError("Away: wait."), ZeroDivisionError("odd")])
async def test_work_that_fails_ends_neither_the_jobs_nor_the_next_slot(
    opened: Opening, failure: Exception
) -> None:
    async def fail() -> None:
        raise failure

    work = Work(fail)

    async with opened(work) as jobs, running(jobs):
        await jobs.enqueue(slot_of("weekly"))
        await jobs.enqueue(slot_of("daily"))
        await work.until_ran(2)

    assert sorted(work.ran) == ["daily", "weekly"]


async def test_to_stop_gives_up_what_is_under_way(opened: Opening) -> None:
    was_cancelled = asyncio.Event()

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            was_cancelled.set()

    work = Work(for_ever)

    async with opened(work) as jobs:
        await jobs.enqueue(slot_of())
        async with running(jobs):
            await work.until_ran(1)

    assert was_cancelled.is_set()


@needs_workers
async def test_what_a_stopped_worker_had_under_way_another_takes_over_at_once(
    database_dsn: str,
) -> None:
    first, second = Work(asyncio.Event().wait), Work()

    async with AsyncExitStack() as stack:
        here, there = [await _queued(stack, database_dsn, work) for work in (first, second)]
        async with running(here):
            await here.enqueue(slot_of())
            await first.until_ran(1)
        async with running(there):
            await second.until_ran(1)

    assert (first.ran, second.ran) == (["weekly"], ["weekly"])


@needs_workers
async def test_a_queue_whose_connection_dies_is_an_error_that_can_be_waited_for(
    database_dsn: str,
) -> None:
    async with AsyncExitStack() as stack:
        jobs = await _queued(stack, database_dsn, Work())
        task = asyncio.create_task(jobs.run(asyncio.Event()))
        await jobs.enqueue(slot_of())
        await _cut_connections(database_dsn)

        with pytest.raises(UnreachableError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await task


@needs_workers
async def test_the_tables_of_the_queue_lie_in_a_schema_of_their_own(database_dsn: str) -> None:
    async with queue.queue_connection(database_dsn) as connection:
        before = await connection.fetch(_TABLES, "public")
        await queue.install(connection)
        await queue.install(connection)

        assert await connection.fetch(_TABLES, "public") == before
        assert {row["tablename"] for row in await connection.fetch(_TABLES, "workers")} == {
            "jobs",
            "jobs_log",
            "jobs_statistics",
            "schedules",
        }


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1"


async def _queued(stack: AsyncExitStack, dsn: str, work: Work) -> queue.QueuedJobs:
    connection = await stack.enter_async_context(queue.queue_connection(dsn))
    await queue.install(connection)
    return queue.QueuedJobs(connection, work, heartbeat=HEARTBEAT)


async def _cut_connections(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'council worker' AND datname = current_database()"
        )
    finally:
        await connection.close()
