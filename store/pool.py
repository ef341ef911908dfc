"""Connections to PostgreSQL: the pool, and the connections that must not come from a pool."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.protocol import NO_TIMEOUT
from pydantic_core import from_json

from store.addresses import checked, shown
from store.deadlines import Deadlines, is_timeout
from store.faults import translating
from store.payloads import to_json

CONNECT_TIMEOUT_SECONDS = 5
IDLE_LIFETIME_SECONDS = 60
MOST_QUERIES = 50_000
"""Over one connection of a pool, before it is opened anew."""
SERVER_SETTINGS = {
    "application_name": "council",
    "search_path": "public",
    # A process that stops in the middle of a transaction must not keep the append lock for ever.
    "idle_in_transaction_session_timeout": "15s",
    "timezone": "UTC",
    # A machine that lost its power says no goodbye: its locks must not be held for two hours.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


class PooledConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    """A connection that goes back to its pool without a question to the server.

    Nobody here changes the session of a pooled connection: settings are local to a transaction,
    session locks and LISTEN have connections of their own. So there is nothing to reset, which
    would cost as much as a read. A transaction that was left open is still rolled back.
    """

    __slots__ = ()

    def get_reset_query(self) -> str:
        """Return no statement at all."""
        return ""


class StorePool(asyncpg.Pool):  # type: ignore[misc]  # asyncpg ships no types
    """A pool that can also open a connection outside itself, for LISTEN."""

    __slots__ = ("_deadlines", "_dsn")

    def __init__(self, dsn: str, **options: Any) -> None:
        super().__init__(dsn, **options)
        self._dsn = dsn
        self._deadlines = Deadlines(options.get("command_timeout"))

    async def release(  # its signature is asyncpg's
        self,
        connection: Any,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> None:
        """Take `connection` back, at once where there is nothing to wait for.

        The pool of the library begins a task of its own each time, so that nobody who is cancelled
        meanwhile keeps the connection. It takes as long as a read, and what waits for nothing
        cannot be cancelled.
        """
        if not _is_at_rest(connection, self):
            await super().release(connection, timeout=timeout)
            return
        connection._con._on_release()
        connection._holder._timeout = None
        connection._holder._release()
        connection._holder._setup_inactive_callback()

    async def fetchrow(  # its signature is asyncpg's
        self,
        query: str,
        *args: Any,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
        record_class: type[asyncpg.Record] | None = None,
    ) -> Any:
        """Return the first row of a query, over a connection that waits for one if there is any.

        The library lends it to a proxy for that, which takes as long as the query's own way.
        """
        holder = self._taken()
        if holder is None:
            return await super().fetchrow(query, *args, timeout=timeout, record_class=record_class)
        lent = holder._in_use
        connection = holder._con
        try:
            if timeout is None and record_class is None and not connection._query_loggers:
                return await self._first_row(connection, query, args)
            return await connection.fetchrow(
                query, *args, timeout=timeout, record_class=record_class
            )
        finally:
            # Where the connection was lost, it may be somebody else's by now.
            if holder._in_use is lent and not self._is_back(holder):
                await asyncio.shield(holder.release(None))

    async def _first_row(self, connection: Any, query: str, args: tuple[Any, ...]) -> Any:
        """Run a statement that `connection` knows as the library does, past its layers.

        Those look up the statement, its timeout and its loggers, and begin a timer; together they
        take as long as sending it.
        """
        protocol = connection._protocol
        known = connection._stmt_cache.get((query, protocol.get_record_class(), False))
        if known is None:
            return await connection.fetchrow(query, *args)
        try:
            rows = await self._in_time(protocol.bind_execute(known, args, "", 1, False, NO_TIMEOUT))
        except asyncpg.InvalidCachedStatementError:
            # Nothing has been done, and the library prepares it anew, with a timer of its own.
            return await connection.fetchrow(query, *args)
        except asyncpg.OutdatedSchemaCacheError:
            await connection.reload_schema_state()
            raise
        return rows[0] if rows else None

    async def _in_time(self, call: Awaitable[Any]) -> Any:
        """Wait for `call` and nothing after it: late, it is cancelled, which is a TimeoutError."""
        waiting = self._deadlines.begin()
        try:
            return await call
        except asyncio.CancelledError as error:
            if is_timeout(waiting):
                raise TimeoutError from error
            raise
        finally:
            self._deadlines.end(waiting)

    def _taken(self) -> Any:
        """Take a connection that can be used as it is; None where there is none."""
        if self._closing or not self._initialized:
            return None
        try:
            holder = self._queue.get_nowait()
        except asyncio.QueueEmpty:
            return None
        connection = holder._con
        if connection is None or connection.is_closed() or holder._generation != self._generation:
            self._queue.put_nowait(holder)
            return None
        holder._maybe_cancel_inactive_callback()
        holder._in_use = self._loop.create_future()
        return holder

    def _is_back(self, holder: Any) -> bool:
        """Put back what was taken, unless there is something to do or to wait for first."""
        connection = holder._con
        if connection.is_closed() or not _is_clean(connection, holder, self):
            return False
        holder._release()
        # As in the library, what the pool keeps in any case is not looked at again.
        if self._minsize < self._maxsize and self.get_size() > self._minsize:
            holder._setup_inactive_callback()
        return True

    @property
    def dsn(self) -> str:
        """The address that the pool was opened with, password included."""
        return self._dsn

    async def dedicated(self) -> asyncpg.Connection:
        """Open a connection of the caller's own to the same database; the caller closes it."""
        return await connect(self._dsn)


def _is_at_rest(connection: Any, pool: StorePool) -> bool:
    """Whether `connection`, lent by `pool`, can be lent again as it is."""
    if type(connection) is not PoolConnectionProxy or connection._con is None:
        return False
    if connection._holder._pool is not pool or connection.is_closed():
        return False
    return _is_clean(connection._con, connection._holder, pool)


def _is_clean(connection: Any, holder: Any, pool: StorePool) -> bool:
    """Whether nothing of its last user is left in an open `connection`, nor anything is due."""
    return not (
        connection.is_in_transaction()
        or connection._top_xact is not None  # one that could not even begin stays here
        or connection._listeners
        or connection._protocol._is_cancelling()
        or connection._protocol.queries_count >= MOST_QUERIES
        or holder._generation != pool._generation
    )


async def connect(dsn: str, *, command_timeout_seconds: float | None = None) -> asyncpg.Connection:
    """Open one connection outside any pool.

    Raises:
        StoreUnavailable: nobody answers, the login is refused, or the database does not exist.
        DatabaseAddressRefused: `dsn` cannot be read.
    """
    with translating(shown(dsn)):
        connection = await asyncpg.connect(
            checked(dsn),
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=command_timeout_seconds,
            server_settings=SERVER_SETTINGS,
        )
        await use_json(connection)
        return connection


async def open_pool(
    dsn: str, *, min_size: int, max_size: int, command_timeout_seconds: float
) -> StorePool:
    """Open a pool on `dsn`; `json` and `jsonb` columns carry Python values. The caller closes it.

    Raises:
        StoreUnavailable: nobody answers, the login is refused, or the database does not exist.
        DatabaseAddressRefused: `dsn` cannot be read.
    """
    with translating(shown(dsn)):
        pool = StorePool(
            checked(dsn),
            min_size=min_size,
            max_size=max_size,
            max_queries=MOST_QUERIES,
            max_inactive_connection_lifetime=IDLE_LIFETIME_SECONDS,
            loop=None,
            connection_class=PooledConnection,
            record_class=asyncpg.Record,
            init=use_json,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=command_timeout_seconds,
            server_settings=SERVER_SETTINGS,
        )
        await pool
        return pool


async def use_json(connection: asyncpg.Connection) -> None:
    """Let `connection` carry Python values in json columns; a Decimal in them is a TypeError."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=to_json, decoder=from_json
        )
