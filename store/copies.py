"""Whole databases set aside and put back, so that a rehearsal that was killed can go on.

A copy appears under its name at once and whole, or not at all. Nobody may be connected to what is
copied, so every session is ended; whoever has a pool gets a new connection from it.
"""

from typing import Final

import asyncpg

from store.databases import maintenance, quoted_name

_NEW: Final = "$new"
_STARTING: Final = (
    'SELECT datname FROM pg_database WHERE starts_with(datname, $1) ORDER BY datname COLLATE "C"'
)
_END_SESSIONS: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"


async def set_aside(dsn: str, name: str, *, copy: str) -> None:
    """Keep the database `name` as it is now under the name `copy`, in place of what was kept there.

    Raises:
        StoreUnavailable: the server does not answer.
        StorageRefused: the user may not create databases, or the disk is full.
    """
    async with maintenance(dsn) as connection:
        await _dropped(connection, copy + _NEW)
        await _copied(connection, name, copy + _NEW)
        await _dropped(connection, copy)
        await connection.execute(
            f"ALTER DATABASE {quoted_name(copy + _NEW)} RENAME TO {quoted_name(copy)}"
        )


async def put_back(dsn: str, name: str, *, copy: str) -> bool:
    """Make the database `name` anew from what was set aside as `copy`; whether there was anything.

    Raises:
        StoreUnavailable: the server does not answer.
        StorageRefused: the user may not create databases, or the disk is full.
    """
    async with maintenance(dsn) as connection:
        kept = [kept for kept in (copy, copy + _NEW) if await _exists(connection, kept)]
        if kept:
            await _dropped(connection, name)
            await _copied(connection, kept[0], name)
        return bool(kept)


async def drop_databases(dsn: str, *names: str) -> None:
    """Drop those of the databases that exist, whoever is connected.

    Raises:
        StoreUnavailable: the server does not answer.
    """
    async with maintenance(dsn) as connection:
        for name in names:
            await _dropped(connection, name)
            await _dropped(connection, name + _NEW)


async def database_exists(dsn: str, name: str) -> bool:
    """Return whether the server has the database `name`.

    Raises:
        StoreUnavailable: the server does not answer.
    """
    async with maintenance(dsn) as connection:
        return await _exists(connection, name)


async def database_names(dsn: str, prefix: str) -> tuple[str, ...]:
    """Return the names of the server's databases that begin with `prefix`, sorted.

    Raises:
        StoreUnavailable: the server does not answer.
    """
    async with maintenance(dsn) as connection:
        found = await connection.fetch(_STARTING, prefix)
        return tuple(row["datname"] for row in found)


async def without_waiting(dsn: str, name: str) -> None:
    """Let commits in the database `name` not wait for the disk: for what can be played again.

    A crash of the machine may lose the last of them, but never the order among them.
    """
    async with maintenance(dsn) as connection:
        await connection.execute(f"ALTER DATABASE {quoted_name(name)} SET synchronous_commit = off")


async def _exists(connection: asyncpg.Connection, name: str) -> bool:
    found = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
    return found is not None


async def _copied(connection: asyncpg.Connection, name: str, copy: str) -> None:
    await connection.execute(_END_SESSIONS, name)
    await connection.execute(f"CREATE DATABASE {quoted_name(copy)} TEMPLATE {quoted_name(name)}")


async def _dropped(connection: asyncpg.Connection, name: str) -> None:
    await connection.execute(f"DROP DATABASE IF EXISTS {quoted_name(name)} WITH (FORCE)")
