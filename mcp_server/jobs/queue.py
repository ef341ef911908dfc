"""The queue that several hosts share: PgQueuer in a schema of its own beside the log.

A queued job carries a slot's key and no more. A worker that shows no sign of life for a heartbeat
loses its jobs to another; what a queue forgets is found again by the timetable.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import asyncpg
import structlog

from config.errors import ConfigError, CouncilError
from council.jobs.port import RunJob
from council.jobs.timetable import JOBS, Slot
from council.slot_facts import JobName
from store.addresses import checked, shown
from store.errors import StorageRefused, StoreUnavailable
from store.faults import translating
from store.pool import CONNECT_TIMEOUT_SECONDS, SERVER_SETTINGS

SCHEMA: Final = "workers"
LOOKING: Final = timedelta(seconds=1)
"""The time between two looks for jobs whose worker has died; new ones are told of at once."""
_ANSWER_SECONDS: Final = 30
_INSTALL_LOCK: Final = 7_318_052
"""The key of the advisory lock under which the queue's tables are made."""
_NAMES: Final = {
    "prefix": "",
    "db_schema": SCHEMA,
    "channel": "council_workers",
    "function": "fn_jobs_changed",
    "trigger": "tg_jobs_changed",
    "queue_table": "jobs",
    "queue_table_log": "jobs_log",
    "queue_status_type": "job_status",
    "statistics_table": "jobs_statistics",
    "schedules_table": "schedules",
    "durability": "durable",
}
"""What the library calls its parts. All of them: what is not given here, such as a table's name, it
would take from the environment."""
_MISSING: Final = "council worker needs the extra `workers`: run `uv sync --extra workers`."


def checked_library() -> None:
    """Make sure that PgQueuer is installed.

    Raises:
        ConfigError: it is not.
    """
    try:
        import pgqueuer  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(_MISSING) from error


class QueuedJobs:
    """The `Jobs` of several hosts; `run_job` does the work, `connection` is the queue's alone."""

    def __init__(self, connection: Any, run_job: RunJob, *, heartbeat: timedelta) -> None:
        from pgqueuer.core.qm import QueueManager  # noqa: PLC0415 - an extra

        self._queries = _queries(connection)
        self._run_job = run_job
        self._heartbeat = heartbeat
        self._manager = QueueManager(self._queries, channel=_NAMES["channel"])
        for name in JOBS:
            self._manager.entrypoint(name)(self._working_on(name))

    async def enqueue(self, slot: Slot) -> bool:
        """Put the slot's key in the queue; see `Jobs.enqueue`."""
        with _translating():
            added = await self._queries.enqueue(
                slot.job, slot.key.encode(), dedupe_key=slot.key, on_conflict="skip"
            )
        return added[0] is not None

    async def run(self, stop: asyncio.Event) -> None:
        """Work on what any worker enqueued, or left, until `stop` is set; see `Jobs.run`."""
        from pgqueuer.domain.errors import PgqException  # noqa: PLC0415 - an extra

        stopping = asyncio.create_task(_passed_on(stop, self._manager.shutdown))
        try:
            with _translating():
                await self._manager.run(
                    dequeue_timeout=LOOKING,
                    batch_size=1,
                    heartbeat_timeout=self._heartbeat,
                    shutdown_on_listener_failure=True,
                )
        except PgqException as error:
            raise StoreUnavailable("The queue's connection fell silent: open another.") from error
        finally:
            stopping.cancel()

    def _working_on(self, name: JobName) -> Callable[[Any], Any]:
        async def work(_: Any) -> None:
            await self._work_on(name)

        return work

    async def _work_on(self, name: JobName) -> None:
        """Do the job; where the worker ends before it, put it back for another one at once."""
        from pgqueuer.domain.errors import RetryRequested  # noqa: PLC0415 - an extra

        working = asyncio.ensure_future(self._run_job(name))
        ending = asyncio.create_task(self._manager.shutdown.wait())
        try:
            await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise RetryRequested(timedelta(0), "the worker ends")
            _log_failure(name, working)
        finally:
            for task in (working, ending):
                task.cancel()
            await asyncio.gather(working, ending, return_exceptions=True)


def _log_failure(name: JobName, working: "asyncio.Future[object]") -> None:
    """Log how the work failed: it is in the record, and the timetable has it tried again."""
    error = working.exception()
    log = structlog.get_logger("jobs")
    if isinstance(error, CouncilError):
        log.warning("job.failed", job=name, reason=str(error))
    elif error is not None:
        log.error("job.broke", job=name, exc_info=error)


@asynccontextmanager
async def queue_connection(dsn: str) -> AsyncIterator[Any]:
    """Open the one connection that a worker's queue uses, and close it.

    Raises:
        StoreUnavailable: nobody answers, the login is refused, or the database does not exist.
    """
    with translating(shown(dsn)):
        # Not the store's: the queue writes its JSON as text.
        connection = await asyncpg.connect(
            checked(dsn),
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=_ANSWER_SECONDS,
            server_settings={**SERVER_SETTINGS, "application_name": "council worker"},
        )
    try:
        yield connection
    finally:
        # Ending the session works even when the connection is beyond a farewell.
        connection.terminate()


async def install(connection: Any) -> None:
    """Make the queue's schema and tables, or bring them up to this version's.

    Raises:
        StorageRefused: this login may not create a schema.
    """
    try:
        with translating(but=asyncpg.InsufficientPrivilegeError):
            await connection.execute("SELECT pg_advisory_lock($1)", _INSTALL_LOCK)
            try:
                await _make_or_renew(connection)
            finally:
                await connection.execute("SELECT pg_advisory_unlock($1)", _INSTALL_LOCK)
    except asyncpg.InsufficientPrivilegeError as error:
        raise StorageRefused(
            "This login may not make the queue's tables: run `council worker --install` once with "
            "the address of the database's owner."
        ) from error


async def _make_or_renew(connection: Any) -> None:
    queries = _queries(connection)
    if await queries.schema_is_installed():
        await queries.upgrade()
        return
    async with connection.transaction():
        await queries.install()


def _queries(connection: Any) -> Any:
    from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver  # noqa: PLC0415 - an extra
    from pgqueuer.adapters.persistence import qb  # noqa: PLC0415 - an extra
    from pgqueuer.adapters.persistence.queries import Queries  # noqa: PLC0415 - an extra
    from pgqueuer.domain.settings import DBSettings  # noqa: PLC0415 - an extra

    settings = DBSettings(**_NAMES)
    return Queries(
        AsyncpgDriver(connection),
        qbe=qb.QueryBuilderEnvironment(settings),
        qbq=qb.QueryQueueBuilder(settings),
        qbs=qb.QuerySchedulerBuilder(settings),
    )


def _translating() -> Any:
    return translating("the queue's database")


async def _passed_on(stop: asyncio.Event, shutdown: asyncio.Event) -> None:
    await stop.wait()
    shutdown.set()
