"""`council worker`: finds by the timetable what is due, and does it, alone or with other hosts.

Every worker looks at the timetable; the queue takes each slot once. A database that goes away is
waited for, and what was under way then is found again.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from config.errors import CouncilError
from config.settings import Settings
from council.jobs.in_process import InProcessJobs
from council.jobs.planning import may_start_at
from council.jobs.port import Jobs
from council.jobs.record import failures_of, slot_facts_of
from council.jobs.running import planned_now, run_job
from council.jobs.timetable import JOBS
from council.slot_facts import JobName
from mcp_server.jobs import queue
from mcp_server.jobs.work import CouncilWork, carry_out_job
from mcp_server.wiring import App, Tell, Terms, assembled, opened_store
from store.errors import StorageRefused

_AGAIN: Final = timedelta(seconds=5)
"""After so long a database that went away is asked again."""


@dataclass(frozen=True, slots=True)
class WorkerTerms:
    """How often a worker looks at the timetable, and after what silence it is taken for dead.

    `is_alone` says that it shares its work with no other host, and needs no queue.
    """

    heartbeat: timedelta = timedelta(seconds=30)
    looking: timedelta = timedelta(seconds=30)
    is_alone: bool = False


async def work_for_ever(settings: Settings, terms: WorkerTerms, *, tell: Tell) -> None:
    """Be a worker until the caller is cancelled.

    Raises:
        ConfigError: PgQueuer is wanted and not installed, or a setting is wrong.
        CouncilError: the council cannot be opened at all.
    """
    if not terms.is_alone:
        queue.checked_library()
    async with assembled(settings, Terms(tell=tell)) as app:
        await work_on(app, terms)


async def work_on(app: App, terms: WorkerTerms) -> None:
    """Work with the parts of `app` until the caller is cancelled, whatever the database does."""
    log, away = structlog.get_logger("jobs"), ""
    while True:
        try:
            await _work(app, terms)
        except StorageRefused:
            raise  # waiting does not give this login a right that it lacks
        except CouncilError as error:
            if str(error) != away:
                log.warning("worker.waits", reason=str(error))
            away = str(error)
        await asyncio.sleep(_AGAIN.total_seconds())


async def install_queue(settings: Settings) -> str:
    """Make the queue's tables where they are missing, and return a sentence on it."""
    queue.checked_library()
    async with opened_store(settings) as app, queue.queue_connection(app.dsn) as connection:
        await queue.install(connection)
    return f"The queue of the workers is ready, in the schema {queue.SCHEMA}."


async def enqueue_due(app: App, jobs: Jobs) -> None:
    """Record what was missed, and have everything worked on that is due, once for all workers.

    Raises:
        CouncilError: the database does not answer, or this machine's clock is wrong.
    """
    for name in JOBS:
        planned = await planned_now(name, app.deps)
        if planned.missed and planned.due is None:
            await run_job(name, CouncilWork(app), app.deps)
        if planned.due is not None:
            known = await slot_facts_of(planned.due.week_id, app.deps.store)
            failures = failures_of(planned.due, known)
            if app.deps.clock.now() >= may_start_at(planned.due, failures):
                await jobs.enqueue(planned.due)


async def _work(app: App, terms: WorkerTerms) -> None:
    run = partial(_do, app)
    if terms.is_alone:
        await _serve(app, InProcessJobs(run), terms)
        return
    async with queue.queue_connection(app.dsn) as connection:
        await queue.install(connection)
        await _serve(app, queue.QueuedJobs(connection, run, heartbeat=terms.heartbeat), terms)


async def _serve(app: App, jobs: Jobs, terms: WorkerTerms) -> None:
    """Look at the timetable and work, side by side, until one of the two fails."""
    seconds = terms.heartbeat.total_seconds()
    log = structlog.get_logger("jobs")
    log.info("worker.works", is_alone=terms.is_alone, heartbeat_seconds=seconds)
    stop = asyncio.Event()
    tasks = (
        asyncio.create_task(_look_for_ever(app, jobs, terms), name="timetable"),
        asyncio.create_task(jobs.run(stop), name="jobs"),
    )
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        tasks[0].cancel()
        # Not cancelled: it puts what is under way back into the queue first.
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


async def _look_for_ever(app: App, jobs: Jobs, terms: WorkerTerms) -> None:
    while True:
        await enqueue_due(app, jobs)
        await asyncio.sleep(terms.looking.total_seconds())


async def _do(app: App, name: JobName) -> None:
    await carry_out_job(app, name)
