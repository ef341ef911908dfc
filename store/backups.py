"""A whole database in one file, and back into a database that did not exist before.

The manifest in the file says up to which event the log reaches; it is of the snapshot of the dump.
A restored database gets its name only once its log is proved to be the one in the manifest.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from store.addresses import shown, with_database
from store.backup_files import DUMP, Manifest, folder_beside, pack, unpack, writing
from store.chain import head_of
from store.client_programs import client_programs, run_program
from store.copies import drop_databases
from store.databases import maintenance, quoted_name, recreate_database
from store.errors import BackupDamaged, DatabaseAddressRefused, DatabaseInUse, LogInTheWay
from store.faults import translating
from store.loading import load_dump
from store.migrate import migrate, table_names
from store.pool import connect, open_pool
from store.ports import Projection
from store.projector import rebuild, verify

_NEW: Final = "$new"

_MIGRATION = "SELECT max(name) FROM schema_migrations"
_HAS_LOG = "SELECT to_regclass('public.events') IS NOT NULL"
_FOREIGN = """
SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p') AND nspname <> 'information_schema' AND NOT starts_with(nspname, 'pg_')
    AND NOT ($1 AND (nspname = ANY ($2) OR (nspname = 'public' AND relname = ANY ($3))))
"""
_OUR_SCHEMAS = ("exchange", "workers")
"""What lies beside an empty log in these is of no use without it."""
_LONGEST_NAME = 63
"""Bytes; of a longer name PostgreSQL takes the beginning, which may be another database's."""
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Restored:
    """A database that was made from a backup.

    It `needs_roles` where it has grants: whose tables these are, each server says for itself.
    """

    manifest: Manifest
    dsn: str
    needs_roles: bool


async def back_up(dsn: str, file: Path, *, program: str, at: datetime) -> Manifest:
    """Write the database at `dsn` into `file`, for its owner alone; appends go on meanwhile.

    `program` is the council's version, `at` the present. The file appears whole or not at all.

    Raises:
        StorageRefused: the file exists, or its disk is full or cannot be written.
        ProgramMissing, ProgramFailed: `pg_dump` is not there, or gave up.
        DatabaseNotMigrated, StoreUnavailable: there is nothing to back up, or nobody answers.
    """
    with writing(file), folder_beside(file) as folder:
        manifest = await _dumped(dsn, folder / DUMP, program=program, at=at)
        await asyncio.to_thread(pack, folder, manifest, file)
    return manifest


async def restore(
    file: Path, dsn: str, name: str, *, project: Projection, tables: Sequence[str]
) -> Restored:
    """Make the database `name`, on the server of `dsn`, from `file`; its log is verified first.

    `name` must not exist, or be empty: no log is ever written over. `tables` are emptied and folded
    anew with `project`. Whatever fails, nothing is left behind.

    Raises:
        BackupDamaged: the file, or the log in it, is not what its manifest says.
        LogInTheWay, DatabaseInUse: the database holds something, or somebody is connected.
        StorageRefused: the user may not create databases, or the disk is full.
        DatabaseAddressRefused: the name is too long.
        ProgramMissing, ProgramFailed: `pg_restore` is not there, or gave up.
    """
    _refuse_too_long(name)
    with tempfile.TemporaryDirectory(prefix="council-restore-") as folder:
        dump = Path(folder) / DUMP
        with writing(dump):
            manifest = await asyncio.to_thread(unpack, file, dump)
        await refuse_unless_empty(dsn, name)
        try:
            fresh = await recreate_database(dsn, name + _NEW)
            await _loaded(dump, fresh)
            needs_roles = await _proved(fresh, manifest, project, tables=tables)
            await _named(dsn, name)
        except BaseException:
            await asyncio.shield(drop_databases(dsn, name + _NEW))
            raise
    return Restored(manifest, with_database(dsn, name), needs_roles)


async def refuse_unless_empty(dsn: str, name: str) -> None:
    """Return if the database `name` is missing, or holds no event and nobody's tables.

    Raises:
        LogInTheWay: it holds some.
        DatabaseInUse: somebody is connected to it.
    """
    async with maintenance(dsn) as server:
        if not await server.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            return
        others = await server.fetchval(_OTHERS, name)
    held = await _held(with_database(dsn, name))
    if held:
        raise LogInTheWay(
            f"The database {name} holds {held}, and nothing is ever restored over a database: "
            "restore beside it with `--into NAME`, or with another COUNCIL_HOME or DATABASE_URL."
        )
    if others:
        raise DatabaseInUse(f"The database {name} is in use: stop the council's processes first.")


def _refuse_too_long(name: str) -> None:
    longest = _LONGEST_NAME - len(_NEW)
    if len(name.encode()) > longest:
        raise DatabaseAddressRefused(
            f"The name {name} is too long for a restored database: choose one of at most {longest} "
            "bytes with `--into NAME`."
        )


async def _held(dsn: str) -> str | None:
    connection = await connect(dsn)
    try:
        with translating(shown(dsn)):
            has_log = await connection.fetchval(_HAS_LOG)
            if has_log and (head := await head_of(connection)).position:
                return f"a log of {head.position} events"
            tables = await connection.fetchval(_FOREIGN, has_log, _OUR_SCHEMAS, table_names())
            return f"{tables} tables that are not the council's" if tables else None
    finally:
        connection.terminate()


async def _dumped(dsn: str, dump: Path, *, program: str, at: datetime) -> Manifest:
    """Dump the snapshot that the manifest is read from, so that both tell of the same moment."""
    connection = await connect(dsn)
    try:
        with translating(shown(dsn)):
            server = connection.get_server_version()
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
                head = await head_of(connection)
                migration = await connection.fetchval(_MIGRATION)
                database = await connection.fetchval("SELECT current_database()")
                binaries = await asyncio.to_thread(client_programs, server.major)
                arguments = ("--format=custom", f"--snapshot={snapshot}", f"--file={dump}")
                await run_program(binaries / "pg_dump", *arguments, dsn=dsn)
    finally:
        connection.terminate()
    return Manifest(
        database=database,
        position=head.position,
        head=head.hash,
        migration=migration or "",
        program=program,
        server=f"{server.major}.{server.minor}",
        made_at=at,
    )


async def _loaded(dump: Path, dsn: str) -> None:
    """Load the dump in one transaction; what may be done with it is for `council db roles`."""
    connection = await connect(dsn)
    try:
        await load_dump(dump, connection, dsn)
        with translating(shown(dsn)):
            # A dump without privileges has lost that these are not for everybody.
            await connection.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC")
    finally:
        connection.terminate()


async def _proved(
    dsn: str, manifest: Manifest, project: Projection, *, tables: Sequence[str]
) -> bool:
    """Verify the log against the manifest, bring the database up to date, fold the tables anew.

    Returns whether it has grants.
    """
    pool = await open_pool(dsn, min_size=1, max_size=1, command_timeout_seconds=3600)
    async with pool:
        report = await verify(pool)
        if not report.is_intact:
            why = f"its log is damaged at position {report.first_bad_position}: {report.reason}"
            raise BackupDamaged(f"The backup cannot be used: {why}. Take an earlier one.")
        if (report.events, report.head or "") != (manifest.position, manifest.head):
            raise BackupDamaged(
                f"The backup cannot be used: its log ends with event {report.events} and not, as "
                f"its manifest says, with {manifest.position}. Take an earlier one."
            )
        await migrate(dsn)
        await rebuild(pool, project, tables)
        return bool(await pool.fetchval("SELECT EXISTS (SELECT FROM event_grants)"))


async def _named(dsn: str, name: str) -> None:
    """Give the proved database its name, in place of an empty one that nobody uses."""
    await refuse_unless_empty(dsn, name)
    async with maintenance(dsn) as server:
        await server.execute(f"DROP DATABASE IF EXISTS {quoted_name(name)}")
        await server.execute(
            f"ALTER DATABASE {quoted_name(name + _NEW)} RENAME TO {quoted_name(name)}"
        )
