"""Bringing a database to this version of the program: numbered SQL files, applied once, in order.

An applied file is never changed; its checksum is kept and compared. One advisory lock is held for
the whole run: of several programs that start at once one applies and the others find it done. Who
appends meanwhile waits for the one migration under way; a table that is not free soon is asked for
again later, since whoever waits for it in line keeps all behind him waiting.
"""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from store.addresses import shown
from store.errors import DatabaseNewer, MigrationEdited, MigrationFailed, StoreUnavailable
from store.faults import is_passing, translating
from store.grants import OWNER
from store.pool import connect

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_TIMEOUT_SECONDS = 60
TABLE_TIMEOUT_SECONDS = 2
TABLE_TRIES = 30
TABLE_PAUSE_SECONDS = 0.2

_CREATE_LIST = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name       text PRIMARY KEY,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
_OWNER = """
SELECT rolname FROM pg_class JOIN pg_roles ON pg_roles.oid = relowner
WHERE pg_class.oid = to_regclass('public.events')
"""
_LIST = "schema_migrations"
_NO_READ_TABLES = frozenset({_LIST, "events", "event_grants", "raw_answers"})


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file; `checksum` is the sha-256 of its text in hexadecimal."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Return the sha-256 of the text in hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Where a database stands: names of migrations, each in order."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    edited: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        """Whether this program and the database fit together."""
        return not (self.pending or self.edited or self.unknown)


async def migrate(dsn: str, *, folder: Path = MIGRATIONS) -> tuple[str, ...]:
    """Apply what `folder` has and the database has not; return the names applied.

    Raises:
        DatabaseNewer: the database holds migrations that this program does not know.
        MigrationEdited: an applied file was changed afterwards.
        MigrationFailed: the database does not take a migration; those before it stay.
        StoreUnavailable: the database does not answer, or another run holds it for too long.
    """
    connection = await connect(dsn)
    try:
        with translating(shown(dsn)):
            await connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'")
            await connection.execute("SELECT pg_advisory_lock(7201, 2)")
            return await _apply_pending(connection, _migrations(folder))
    finally:
        connection.terminate()


async def schema_state(dsn: str, *, folder: Path = MIGRATIONS) -> SchemaState:
    """Compare the database with `folder` without changing anything.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    connection = await connect(dsn)
    try:
        with translating(shown(dsn)):
            return _compared(await _applied(connection), _migrations(folder))
    finally:
        connection.terminate()


def read_table_names(folder: Path = MIGRATIONS) -> tuple[str, ...]:
    """Return the tables that the migrations create, but for the log and what cannot be folded."""
    return tuple(name for name in table_names(folder) if name not in _NO_READ_TABLES)


def table_names(folder: Path = MIGRATIONS) -> tuple[str, ...]:
    """Return all tables that a migrated database has: the log, what is folded, and the lists."""
    found = (re.findall(r"(?m)^CREATE TABLE (\w+)\s*\(", step.sql) for step in _migrations(folder))
    return (_LIST, *(name for names in found for name in names))


async def _apply_pending(
    connection: asyncpg.Connection, migrations: tuple[Migration, ...]
) -> tuple[str, ...]:
    state = _compared(await _applied(connection), migrations)
    _refuse_unfit(state)
    if state.pending:
        await _begin_as_owner(connection, state)
    for migration in migrations:
        if migration.name in state.pending:
            await _apply(connection, migration)
    return state.pending


async def _begin_as_owner(connection: asyncpg.Connection, state: SchemaState) -> None:
    """Let what is made belong to whom the tables belong, and make the list where there is none."""
    try:
        if await connection.fetchval(_OWNER) == OWNER:
            await connection.execute(f"SET ROLE {OWNER}")
        await connection.execute(_CREATE_LIST)
    except asyncpg.InsufficientPrivilegeError as error:
        raise MigrationFailed(
            f"This login may not bring the database up to date ({', '.join(state.pending)}): run "
            "`council init-db`, then `council db roles`, as the owner of the database."
        ) from error


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    for tries_left in reversed(range(TABLE_TRIES)):
        try:
            await _apply_once(connection, migration)
            return
        except asyncpg.LockNotAvailableError as error:
            if not tries_left:
                raise StoreUnavailable(
                    f"The migration {migration.name} waits for somebody who holds a table for "
                    "long: nothing was changed; end that transaction and try again."
                ) from error
        await asyncio.sleep(TABLE_PAUSE_SECONDS)


async def _apply_once(connection: asyncpg.Connection, migration: Migration) -> None:
    remember = "INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)"
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{TABLE_TIMEOUT_SECONDS}s'")
            # The append lock first: with it, nobody holds one table and waits for another of ours.
            await connection.execute("SELECT pg_advisory_xact_lock(7201, 1)")
            await connection.execute(migration.sql)
            await connection.execute(remember, migration.name, migration.checksum)
    except asyncpg.PostgresError as error:
        if is_passing(error):
            raise
        raise MigrationFailed(
            f"The migration {migration.name} cannot be applied ({str(error).splitlines()[0]}): "
            "give the council a database of its own and a user that may create tables."
        ) from error


async def _applied(connection: asyncpg.Connection) -> dict[str, str]:
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return {}
    rows = await connection.fetch("SELECT name, checksum FROM schema_migrations ORDER BY name")
    return {row["name"]: row["checksum"] for row in rows}


def _compared(applied: dict[str, str], migrations: tuple[Migration, ...]) -> SchemaState:
    known = {migration.name: migration.checksum for migration in migrations}
    return SchemaState(
        applied=tuple(applied),
        pending=tuple(name for name in known if name not in applied),
        edited=tuple(name for name, sum_ in applied.items() if known.get(name, sum_) != sum_),
        unknown=tuple(name for name in applied if name not in known),
    )


def _refuse_unfit(state: SchemaState) -> None:
    if state.unknown:
        raise DatabaseNewer(
            "This database was written by a newer version of the council "
            f"({', '.join(state.unknown)}): update the program."
        )
    if state.edited:
        raise MigrationEdited(
            f"The migration {state.edited[0]} was changed after it had been applied: restore the "
            "file and put the change into a new one, or start with a fresh database."
        )


def _migrations(folder: Path) -> tuple[Migration, ...]:
    # read_text turns the line ends of a Windows checkout into ours: the checksum stays the same.
    return tuple(
        Migration(path.name, path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    )
