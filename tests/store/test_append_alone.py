"""One event without rows is appended by a call of its own, which means what the other does."""

import asyncio
import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from config.ids import random_id
from store.databases import ensure_database
from store.errors import NotGranted
from store.event_store import PostgresEventStore
from store.events import StoredEvent
from store.grants import LC_MCP
from store.migrate import MIGRATIONS, migrate
from store.payloads import to_json
from store.pool import StorePool, open_pool
from store.projector import verify
from tests.store.builders import make_event, project_ledger
from tests.store.roles import with_roles

ONE_CALL = "0007_append.sql"
KIND, OTHERS_KIND = "WeekStarted", "TradeApproved"


@pytest.fixture
async def roles_before(cluster_dsn: str, tmp_path: Path) -> str:
    """Make a database with roles as it was before the call; the address of the server's role."""
    dsn = await ensure_database(cluster_dsn, f"before_{random_id().hex}")
    for path in MIGRATIONS.glob("*.sql"):
        if path.name < ONE_CALL:
            shutil.copy(path, tmp_path)
    await migrate(dsn, folder=tmp_path)
    addresses = await with_roles(dsn, "strict")
    await migrate(dsn)
    return addresses[LC_MCP]


async def test_what_is_returned_is_what_is_read_down_to_the_order_of_keys(pool: StorePool) -> None:
    store = PostgresEventStore(pool, project_ledger, rowless={"Noted"})
    payload = {"long": 1.50, "b": {"zz": None, "a": "ü"}, "a": [1e22, -0.0, 10**30]}

    (first,) = await store.append("a", [make_event("1", payload=payload)])
    (second,) = await store.append("a", [make_event("2", week_id=None, parent_event_id=None)], 1)

    read = await store.read_stream("a")
    assert read == (first, second)
    assert [_ordered(event) for event in read] == [_ordered(first), _ordered(second)]
    assert (await verify(pool)).is_intact


async def test_each_stream_counts_its_own_versions_whatever_came_last(pool: StorePool) -> None:
    store = PostgresEventStore(pool, project_ledger, rowless={"Noted"})

    for number, stream in enumerate("aababb"):
        await store.append(stream, [make_event(str(number))])

    found = [(event.stream, event.version) async for event in store.read_all()]
    assert found == [("a", 1), ("a", 2), ("b", 1), ("a", 3), ("b", 2), ("b", 3)]


async def test_an_event_that_is_known_is_returned_as_it_stands(pool: StorePool) -> None:
    store = PostgresEventStore(pool, project_ledger, rowless={"Noted"})
    earlier = await store.append("a", [make_event("1")], 0)
    await store.append("a", [make_event("2")], 1)
    anew = make_event("1", payload={"told": "anew"})

    again = [await store.append("a", [anew], version) for version in (None, 0, 2)]

    assert again == [earlier] * 3
    assert await store.head() == 2


async def test_a_role_that_was_set_up_before_appends_its_kinds_and_no_others(
    roles_before: str,
) -> None:
    pool = await open_pool(roles_before, min_size=1, max_size=1, command_timeout_seconds=10)
    store = PostgresEventStore(pool, lambda _: (), rowless={KIND, OTHERS_KIND})

    (stored,) = await store.append("a", [make_event("1", kind=KIND)], 0)
    with pytest.raises(NotGranted):
        await store.append("a", [make_event("2", kind=OTHERS_KIND)], 1)

    assert await store.read_stream("a") == (stored,)
    await pool.close()


async def test_a_query_that_is_cancelled_leaves_its_connection_to_the_next(
    database_dsn: str,
) -> None:
    single = await open_pool(database_dsn, min_size=1, max_size=1, command_timeout_seconds=10)
    asking = asyncio.ensure_future(single.fetchrow("SELECT pg_sleep(9)"))
    await asyncio.sleep(0)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert [(await single.fetchrow("SELECT $1::int", n))[0] for n in (1, 2)] == [1, 2]
    await asyncio.wait_for(single.close(), timeout=5)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_a_number_is_stored_with_the_decimals_that_python_writes(number: float) -> None:
    ours, pythons = to_json(number), json.dumps(number)

    assert from_json(ours) == number
    assert _as_numeric(ours) == _as_numeric(pythons)


def _ordered(event: StoredEvent) -> str:
    return json.dumps(event.payload)


def _as_numeric(text: str) -> tuple[Decimal, int]:
    """Return what jsonb keeps of a number: its value and how many decimals it shows."""
    value = Decimal(text)
    return value, max(0, -int(value.as_tuple().exponent))
