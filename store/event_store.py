"""The event store on PostgreSQL: one transaction per append, read tables folded inside it."""

import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Sequence,
)
from contextlib import aclosing
from datetime import UTC
from typing import Any, TypeVar

import asyncpg
from pydantic_core import from_json

from config import telemetry
from config.clock import SystemClock
from store.errors import DatabaseNotMigrated, UnknownTable, VersionConflict
from store.events import EventFilter, NewEvent, Page, StoredEvent, StreamWrite
from store.faults import Sleep, retrying
from store.log_pages import page_of_log
from store.payloads import check_text, event_json, payload_json
from store.pool import StorePool
from store.ports import Projection
from store.rows import apply_changes, count_rows, count_rows_by, select_rows
from store.subscription import POLL_SECONDS, PostgresWake, follow

T = TypeVar("T")

READ_BATCH = 1_000
"""Events fetched at a time; a model's answer may weigh 100 kB."""

COLUMNS = ", ".join(StoredEvent._fields)
"""In the order of the fields, so that an event is made of a record without asking for each."""
_STORED = ", ".join(f"(stored).{name}" for name in StoredEvent._fields)
_APPEND_ONE = "SELECT append_event($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::jsonb)"
_APPEND_MANY = f"""
SELECT {_STORED}, one.is_new
FROM unnest($1::text[], $2::text[]::bigint[], $3::text[])
    WITH ORDINALITY AS asked (stream, expected_version, events, place),
LATERAL append_events(asked.stream, asked.expected_version, asked.events::jsonb)
    WITH ORDINALITY AS one (stored, is_new, place)
ORDER BY asked.place, one.place
"""  # noqa: S608 - constants only
"""Streams are appended one after the other: each sees what those before it left.

Numbers come as text: of other arrays the driver first asks, on each connection, how they are made.
"""
Call = tuple[str, str | None, str]
"""A stream, the version it should have as text, and its new events as a JSON array."""
_READ_STREAM = (
    f"SELECT {COLUMNS} FROM events "  # noqa: S608 - constants only
    "WHERE stream = $1 AND version > $2 ORDER BY version"
)
_VERSION = "SELECT coalesce(max(version), 0) FROM events WHERE stream = $1"
_HEAD = "SELECT coalesce(max(position), 0) FROM events"


class PostgresEventStore:
    """The `EventStore` of production. It owns neither the pool nor its closing."""

    def __init__(
        self,
        pool: StorePool,
        project: Projection,
        *,
        rowless: Collection[str] = (),
        sleep: Sleep | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        """Keep events in `pool`; `rowless` are the kinds of which `project` makes no rows."""
        self._pool = pool
        self._project = project
        self._rowless = frozenset(rowless)
        self._sleep = sleep or SystemClock().sleep
        self._poll_seconds = poll_seconds

    async def append(
        self, stream: str, events: Sequence[NewEvent], expected_version: int | None = None
    ) -> tuple[StoredEvent, ...]:
        """Append `events` to one stream; see `EventStore.append_many`."""
        return await self.append_many((StreamWrite(stream, tuple(events), expected_version),))

    async def append_many(self, writes: Sequence[StreamWrite]) -> tuple[StoredEvent, ...]:
        """Append to several streams, all or nothing; see `EventStore.append_many`."""
        if len(writes) == 1 and len(writes[0].events) == 1:
            # Most appends are of one event: what is done here is done between two answers.
            (write,) = writes
            (event,) = write.events
            if event.event_type in self._rowless:
                stored = await self._append_alone(write.stream, event, write.expected_version)
                if stored is not None:
                    return (stored,)
        calls = [
            (write.stream, _text(write.expected_version), _json_array(write))
            for write in writes
            if write.events
        ]
        conditions = [write for write in writes if not write.events]
        with telemetry.timed(telemetry.APPEND_SECONDS):
            return await self._retrying(lambda: self._append_once(calls, conditions))

    async def read_stream(self, stream: str, after_version: int = 0) -> tuple[StoredEvent, ...]:
        """Return the events of `stream` in order of version; an unknown stream has none."""
        check_text(stream)
        records = await self._retrying(
            lambda: self._pool.fetch(_READ_STREAM, stream, after_version)
        )
        return tuple(stored_event(record) for record in records)

    async def read_all(
        self, after_position: int = 0, *, event_types: Sequence[str] | None = None
    ) -> AsyncIterator[StoredEvent]:
        """Yield every event after `after_position` in global order, fetched in batches."""
        if event_types is not None and not event_types:
            return
        wanted = EventFilter(event_types=tuple(event_types or ()))
        while True:
            batch = await self.read_page(wanted, Page(READ_BATCH, after=(after_position,)))
            for event in batch:
                yield event
            # A shorter one is the last: what was stored after it comes with the next reading.
            if len(batch) < READ_BATCH:
                return
            after_position = batch[-1].position

    async def read_page(self, wanted: EventFilter, page: Page) -> tuple[StoredEvent, ...]:
        """Return the `page` of the events that are `wanted`; see `EventStore.read_page`."""
        clauses, values = page_of_log(wanted, page)
        sql = f"SELECT {COLUMNS} FROM events {clauses}"  # noqa: S608 - constants and places only
        records = await self._retrying(lambda: self._pool.fetch(sql, *values))
        return tuple(stored_event(record) for record in records)

    async def head(self) -> int:
        """Return the position of the newest event, 0 where there is none."""
        record = await self._retrying(lambda: self._pool.fetchrow(_HEAD))
        return int(record[0])

    async def subscribe(self, after_position: int = 0) -> AsyncGenerator[StoredEvent, None]:
        """Yield events for ever; a database that goes away is waited for."""
        wake = PostgresWake(self._pool.dedicated)
        events = follow(
            self.read_all, wake, after_position=after_position, poll_seconds=self._poll_seconds
        )
        async with aclosing(events):
            async for event in events:
                yield event

    async def rows(
        self,
        table: str,
        *,
        where: dict[str, Any] | None = None,
        order_by: Sequence[str] = (),
        page: Page | None = None,
    ) -> tuple[dict[str, Any], ...]:
        """Return rows of the read table `table`; see `EventStore.rows`."""
        return await self._reading(
            table,
            lambda: select_rows(self._pool, table, where=where or {}, order_by=order_by, page=page),
        )

    async def count_rows(self, table: str, *, where: dict[str, Any] | None = None) -> int:
        """Return how many rows of `table` there are; see `EventStore.count_rows`."""
        return await self._reading(table, lambda: count_rows(self._pool, table, where or {}))

    async def count_rows_by(
        self, table: str, columns: Sequence[str], *, where: dict[str, Any] | None = None
    ) -> dict[tuple[Any, ...], int]:
        """Return how many rows of each kind there are; see `EventStore.count_rows_by`."""
        return await self._reading(
            table, lambda: count_rows_by(self._pool, table, columns, where=where or {})
        )

    async def _reading(self, table: str, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._retrying(call)
        except DatabaseNotMigrated as error:
            raise UnknownTable(
                f"There is no read table called {table!r}: name another, or "
                "for a new database run `council init-db`."
            ) from error

    async def _append_alone(
        self, stream: str, event: NewEvent, expected_version: int | None
    ) -> StoredEvent | None:
        """Append `event` where nothing else belongs into the transaction, by one statement.

        Return None where it is not as it mostly is: new and wanted. Only of the payload something
        else is stored than was given, for jsonb has an order of keys of its own.
        """
        values = (
            stream, expected_version, event.event_id, event.event_type,
            event.week_id, event.account_id, event.correlation_id, event.parent_event_id,
            event.timestamp, payload_json(stream, event),
        )  # fmt: skip
        began = time.perf_counter()
        record = await retrying(lambda: self._pool.fetchrow(_APPEND_ONE, *values), self._sleep)
        if record[0] is None:
            return None
        position, version, payload = record[0].split(" ", 2)
        telemetry.TALLIES.add(telemetry.APPEND_SECONDS, (), time.perf_counter() - began)
        return StoredEvent(
            int(position), stream, int(version), event.event_id, event.event_type,
            from_json(payload), event.timestamp.astimezone(UTC), event.week_id,
            event.account_id, event.correlation_id, event.parent_event_id,
        )  # fmt: skip

    async def _append_once(
        self, calls: Sequence[Call], conditions: Sequence[StreamWrite]
    ) -> tuple[StoredEvent, ...]:
        async with self._pool.acquire() as connection, connection.transaction():
            records = await _appended(connection, calls)
            stored = tuple(stored_event(record) for record in records)
            new = [event for event, record in zip(stored, records, strict=True) if record["is_new"]]
            leaving = [event for event in new if event.event_type not in self._rowless]
            await fold(connection, leaving, self._project)
            # Appending holds the lock, so that these versions stand until the commit. What was
            # stored by an earlier try of the same append met them then.
            for condition in conditions if new else ():
                await _check_version(connection, condition)
        return stored

    async def _retrying(self, call: Callable[[], Awaitable[T]]) -> T:
        return await retrying(call, self._sleep)


async def fold(
    connection: asyncpg.Connection, events: Sequence[StoredEvent], project: Projection
) -> None:
    """Write the rows that `events` leave, in their order, in the transaction of `connection`."""
    await apply_changes(connection, [change for event in events for change in project(event)])


async def _appended(connection: asyncpg.Connection, calls: Sequence[Call]) -> list[asyncpg.Record]:
    if not calls:
        return []
    columns = [list(column) for column in zip(*calls, strict=True)]
    records: list[asyncpg.Record] = await connection.fetch(_APPEND_MANY, *columns)
    return records


async def _check_version(connection: asyncpg.Connection, condition: StreamWrite) -> None:
    current = await connection.fetchval(_VERSION, condition.stream)
    if condition.expected_version not in {None, current}:
        raise VersionConflict(
            f"The stream {condition.stream} is at version {current}, not "
            f"{condition.expected_version}: read the stream again and decide anew."
        )


def stored_event(record: asyncpg.Record) -> StoredEvent:
    """Return the event in `record`, which begins with `COLUMNS`, their JSON decoded."""
    return StoredEvent._make(record[: len(StoredEvent._fields)])


def _text(version: int | None) -> str | None:
    return None if version is None else str(version)


def _json_array(write: StreamWrite) -> str:
    return "[" + ",".join(event_json(write.stream, event) for event in write.events) + "]"
