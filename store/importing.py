"""The log of one database copied into another, event for event, with positions and hashes as are.

It goes in batches, each of which is a whole transaction: what was interrupted goes on where it
stopped. Both logs are locked meanwhile, so that neither grows under the copier's hands.
"""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import asyncpg

from store.addresses import shown
from store.chain import START, ChainPoint, head_of, missed
from store.client_programs import client_programs, run_program
from store.errors import DatabaseInUse, LogInTheWay
from store.faults import translating
from store.loading import load_dump
from store.pool import connect
from store.rows import quoted

BATCH: Final = 1_000
"""Events copied at a time; a model's answer may weigh 100 kB."""
_COLUMNS: Final = (
    "position",
    "stream",
    "version",
    "event_id",
    "event_type",
    "week_id",
    "account_id",
    "correlation_id",
    "parent_event_id",
    "timestamp",
    "payload",
    "previous_hash",
    "hash",
)
_BATCH: Final = f"""
SELECT {", ".join(map(quoted, _COLUMNS))}
FROM events WHERE position > $1 ORDER BY position LIMIT {BATCH:d}
"""  # noqa: S608 - constants only
_KEEP: Final = "INSERT INTO raw_answers VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_OTHERS: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Copied:
    """How many events were there already, and up to where both logs are the same now."""

    found: int
    head: ChainPoint


async def copy_log(source: str, target: str) -> Copied:
    """Copy what the log at `source` has and the one at `target` has not; both are migrated.

    Raises:
        DatabaseInUse: somebody else is connected to the source: it would go on growing.
        LogInTheWay: the target has a log that is not the beginning of the source's.
        StoreUnavailable: one of them does not answer; what was copied until then stays.
        StorageRefused: the target's disk is full, or a right is lacking.
    """
    async with _opened(source) as reader, _opened(target) as writer:
        with translating(shown(source)):
            if await reader.fetchval(_OTHERS):
                raise DatabaseInUse(
                    "Other processes use the database that is to be copied: stop the council's "
                    "server, executor and timers, then try again."
                )
            async with _locked(reader):
                copied = await _copied_all(reader, writer, shown(target))
                await _copied_answers(reader, writer)
                return copied


async def copy_schema(source: str, target: str, schema: str, *, anew: bool = False) -> bool:
    """Copy a schema with all its tables where the target lacks it; whether there was anything.

    With `anew` it also takes the place of the target's, which is of an earlier copy.

    Raises:
        ProgramMissing, ProgramFailed: PostgreSQL's own programs are not there, or gave up.
    """
    async with _opened(source) as reader, _opened(target) as writer:
        with translating(shown(target)):
            is_there = await _has(writer, schema)
            if not await _has(reader, schema) or (is_there and not anew):
                return False
        with tempfile.TemporaryDirectory(prefix="council-import-") as folder:
            dump = Path(folder) / "schema.dump"
            wanted = ("--format=custom", f"--schema={schema}", f"--file={dump}")
            binaries = client_programs(reader.get_server_version().major)
            await run_program(binaries / "pg_dump", *wanted, dsn=source)
            await load_dump(dump, writer, target, anew=is_there)
    return True


async def _copied_all(reader: asyncpg.Connection, writer: asyncpg.Connection, where: str) -> Copied:
    end = await head_of(reader)
    with translating(where):
        begun = await head_of(writer)
        await _refuse_another_log(reader, begun, where)
        at = begun
        while at.position < end.position:
            at = await _copied_batch(reader, writer, at, where=where)
    return Copied(begun.position, at)


async def _copied_answers(reader: asyncpg.Connection, writer: asyncpg.Connection) -> None:
    """Copy the raw answers that lie beside the log; what is there already is the same."""
    async with reader.transaction():
        async for answer in reader.cursor("SELECT sha256, answer, kept_at FROM raw_answers"):
            await writer.execute(_KEEP, *answer)


async def _refuse_another_log(reader: asyncpg.Connection, begun: ChainPoint, where: str) -> None:
    if begun != START and (why := await missed(reader, begun)) is not None:
        raise LogInTheWay(
            f"{where[:1].upper()}{where[1:]} has a log of its own, which is not the beginning of "
            f"this one (here {why}): name an empty database."
        )


async def _copied_batch(
    reader: asyncpg.Connection, writer: asyncpg.Connection, after: ChainPoint, *, where: str
) -> ChainPoint:
    """Copy up to `BATCH` events after the point `after`, and return the newest one's."""
    batch = BytesIO()
    await reader.copy_from_query(_BATCH, after.position, output=batch, format="binary")
    batch.seek(0)
    async with _locked(writer):
        if await head_of(writer) != after:
            raise LogInTheWay(
                f"Somebody else writes to {where}: stop that, and copy into an empty database."
            )
        await writer.copy_to_table("events", source=batch, columns=_COLUMNS, format="binary")
        return await head_of(writer)


@asynccontextmanager
async def _locked(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Hold the append lock for a transaction, however long the other side takes."""
    async with connection.transaction():
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        await connection.execute("SELECT lock_appends()")
        yield


async def _has(connection: asyncpg.Connection, schema: str) -> bool:
    return bool(await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", schema))


@asynccontextmanager
async def _opened(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(dsn)
    try:
        yield connection
    finally:
        connection.terminate()
