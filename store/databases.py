"""Databases on a server: made when missing, or made anew for a rehearsal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote, urlsplit

import asyncpg

from store.addresses import shown, with_database
from store.errors import DatabaseAddressRefused
from store.faults import translating
from store.pool import CONNECT_TIMEOUT_SECONDS

MAINTENANCE_DATABASE = "postgres"


async def ensure_database(dsn: str, name: str | None = None) -> str:
    """Create the database `name` when it is missing; return its address.

    `dsn` names any database of the server; without `name` it is the one to create.

    Raises:
        StoreUnavailable: the server does not answer or refuses the login.
        StorageRefused: the user may not create databases.
    """
    wanted = name or database_name(dsn)
    address = with_database(dsn, wanted)
    if not await _exists(address):
        async with maintenance(dsn) as connection:
            await _create(connection, wanted)
    return address


async def recreate_database(dsn: str, name: str) -> str:
    """Drop the database `name` with all that is in it, create it empty, and return its address.

    Raises:
        StoreUnavailable: the server does not answer or refuses the login.
        StorageRefused: the user may not drop or create databases.
    """
    async with maintenance(dsn) as connection:
        await connection.execute(f"DROP DATABASE IF EXISTS {quoted_name(name)} WITH (FORCE)")
        await _create(connection, name)
    return with_database(dsn, name)


def database_name(dsn: str) -> str:
    """Return the database that `dsn` names.

    Raises:
        DatabaseAddressRefused: it names none.
    """
    name = unquote(urlsplit(dsn).path.lstrip("/"))
    if not name:
        raise DatabaseAddressRefused(
            "DATABASE_URL names no database: end it with /council, for example."
        )
    return name


async def _exists(address: str) -> bool:
    """Ask by connecting: the user of a hosted database may have no other one to ask in."""
    with translating(shown(address)):
        try:
            connection = await asyncpg.connect(address, timeout=CONNECT_TIMEOUT_SECONDS)
        except asyncpg.InvalidCatalogNameError:
            return False
        await connection.close()
        return True


@asynccontextmanager
async def maintenance(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection to the server's own database: no other can be dropped from within."""
    address = with_database(dsn, MAINTENANCE_DATABASE)
    with translating(shown(address)):
        connection = await asyncpg.connect(address, timeout=CONNECT_TIMEOUT_SECONDS)
        try:
            yield connection
        finally:
            await connection.close()


async def _create(connection: asyncpg.Connection, name: str) -> None:
    try:
        await connection.execute(f"CREATE DATABASE {quoted_name(name)}")
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        # Another process was a moment faster; its database is as good as ours.
        return


def quoted_name(name: str) -> str:
    """Return a database's name as SQL takes it, whatever stands in it."""
    return '"' + name.replace('"', '""') + '"'
