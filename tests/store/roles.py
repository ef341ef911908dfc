"""A database with its roles: the owner's connection, and one for each role."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from broker.exchange.schema import bring_up_to_date
from config.ids import random_id
from council.grants import ApprovalMode, grants_for
from store.grants import ROLES
from store.pool import connect
from store.roles import new_login, set_up_roles

Addresses = dict[str, str]
APPEND = "SELECT count(*) FROM append_events($1, $2, $3::text::jsonb)"


async def with_roles(dsn: str, mode: ApprovalMode) -> Addresses:
    """Set up the roles of the database for a mode; an address for each role."""
    async with connected(dsn) as connection:
        await bring_up_to_date(connection)
    await set_up_roles(dsn, grants_for(mode))
    return {role: await new_login(dsn, role) for role in ROLES}


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


def raw_event(kind: str, **payload: Any) -> str:
    """Return what `append_events` takes: an array with one event."""
    event = {
        "event_id": str(random_id()),
        "event_type": kind,
        "timestamp": "2026-11-18T15:00:00Z",
        "payload": payload,
    }
    return json.dumps([event])


async def may_append(connection: asyncpg.Connection, kind: str, **payload: Any) -> bool:
    """Whether the database takes the event; it is rolled back again."""
    undone = connection.transaction()
    await undone.start()
    try:
        await connection.fetch(APPEND, f"stream-{random_id()}", 0, raw_event(kind, **payload))
    except asyncpg.PostgresError as error:
        if error.sqlstate != "LC003":
            raise
        return False
    finally:
        await undone.rollback()
    return True
