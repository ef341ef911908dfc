"""What appends one event, and what it is compared with: each over one connection of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg

from config.clock import SystemClock
from config.ids import random_id
from store.event_store import PostgresEventStore
from store.events import NewEvent
from store.pool import open_pool

Append = Callable[[Sequence[NewEvent]], Awaitable[None]]
"""Appends the events one after the other, each durable before the next begins."""

STREAM = "week-2026-11-18"
_KIND = "PricesMarked"
_PLAIN = """
CREATE TABLE plain (
    position bigserial PRIMARY KEY, stream text, version bigint, event_id uuid, event_type text,
    week_id text, account_id text, correlation_id text, parent_event_id uuid,
    "timestamp" timestamptz, payload jsonb, previous_hash bytea, hash bytea
)
"""
_INSERT = """
INSERT INTO plain (stream, version, event_id, event_type, week_id, account_id, correlation_id,
    parent_event_id, "timestamp", payload, previous_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_TEXT_CHARACTERS = 600


def new_events(count: int) -> list[NewEvent]:
    """Return events of about 1 kB, as they are stored, none of which leaves a row."""
    payload: dict[str, Any] = {"week_id": "2026-11-18", "text": "x" * _TEXT_CHARACTERS}
    payload["prices"] = {f"ETF{number}": f"{100 + number}.25" for number in range(10)}
    return [
        NewEvent(
            event_id=random_id(),
            event_type=_KIND,
            payload=payload,
            timestamp=SystemClock().now(),
            week_id="2026-11-18",
            account_id="COUNCIL",
            correlation_id=STREAM,
            parent_event_id=random_id(),
        )
        for _ in range(count)
    ]


@asynccontextmanager
async def our_store(dsn: str) -> AsyncIterator[Append]:
    """The event store of the program."""
    pool = await open_pool(dsn, min_size=1, max_size=1, command_timeout_seconds=60)
    store = PostgresEventStore(pool, lambda _: (), rowless={_KIND})

    async def append(events: Sequence[NewEvent]) -> None:
        for event in events:
            await store.append(STREAM, (event,))

    try:
        yield append
    finally:
        await pool.close()


@asynccontextmanager
async def bare_insert(dsn: str) -> AsyncIterator[Append]:
    """A plain table with the same columns and no index but its key; no lock, no chain, no word."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(_PLAIN)
    digest = bytes(32)

    async def append(events: Sequence[NewEvent]) -> None:
        for event in events:
            await connection.execute(
                _INSERT, STREAM, 1, event.event_id, event.event_type, event.week_id,
                event.account_id, event.correlation_id, event.parent_event_id, event.timestamp,
                json.dumps(event.payload), digest, digest,
            )  # fmt: skip

    try:
        yield append
    finally:
        await connection.close()


@asynccontextmanager
async def eventsourcing(dsn: str) -> AsyncIterator[Append]:
    """The library of that name, with its database functions; its recorder alone, which is less."""
    from eventsourcing.persistence import StoredEvent
    from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

    address = urlsplit(dsn)
    store = PostgresDatastore(
        dbname=address.path.lstrip("/"),
        host=parse_qs(address.query)["host"][0],
        port=5432,
        user=address.username or "",
        password="",
        enable_db_functions=True,
    )
    recorder = PostgresApplicationRecorder(store)
    await asyncio.to_thread(recorder.create_table)
    stream, version = uuid4(), 0

    def append_all(events: Sequence[NewEvent]) -> None:
        nonlocal version
        for event in events:
            version += 1
            state = json.dumps(event.payload).encode()
            recorder.insert_events([StoredEvent(stream, version, event.event_type, state)])

    try:
        yield lambda events: asyncio.to_thread(append_all, events)
    finally:
        await asyncio.to_thread(store.close)
