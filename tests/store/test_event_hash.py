"""The hash of an event never changes, however it is put together: that of the first migration."""

import re
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.ids import random_id
from store.databases import ensure_database
from store.event_store import PostgresEventStore
from store.grants import LC_MCP
from store.migrate import MIGRATIONS, migrate
from store.payloads import to_json
from store.pool import open_pool
from store.projector import verify
from tests.conftest import run_apart
from tests.store.builders import make_event
from tests.store.roles import with_roles

_FIRST = re.compile(r"CREATE FUNCTION event_hash\(.*?\$\$.*?\$\$;", re.DOTALL)
_COMPARED = """
SELECT event_hash(sha256('before'), event) = pg_temp.first_hash(sha256('before'), event)
FROM (SELECT ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::timestamptz, $11::text::jsonb,
    NULL, NULL)::events AS event) AS made
"""
_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
_number = st.integers(1, 2**63 - 1)
_scalar = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _text
)
_value = st.recursive(
    _scalar,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=8,
)
_instant = st.sampled_from(
    ["infinity", "-infinity", "1969-12-31T23:59:59.999999Z"]
) | st.datetimes().map(lambda at: f"{at.isoformat()}Z")
_event = st.tuples(
    _number, _text, _number, st.uuids(), _text,
    st.none() | _text, st.none() | _text, st.none() | _text, st.none() | st.uuids(),
    _instant, st.dictionaries(_text, _value, max_size=4),
)  # fmt: skip


@pytest.fixture
def first_hash() -> str:
    """Return the statement that makes the function of the first migration, under another name."""
    found = _FIRST.search((MIGRATIONS / "0001_events.sql").read_text())
    assert found is not None
    return found[0].replace("event_hash", "pg_temp.first_hash")


def test_any_event_has_the_hash_that_it_had_at_first(database_dsn: str, first_hash: str) -> None:
    async def compare(events: list[tuple[Any, ...]]) -> list[bool]:
        connection = await asyncpg.connect(database_dsn)
        try:
            await connection.execute(first_hash)
            return [
                await connection.fetchval(_COMPARED, *event[:-1], to_json(event[-1]))
                for event in events
            ]
        finally:
            await connection.close()

    @given(st.lists(_event, min_size=10, max_size=20))
    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def compared(events: list[tuple[Any, ...]]) -> None:
        assert all(run_apart(lambda: compare(events)))

    compared()


async def test_a_role_that_may_not_write_follows_the_chain(cluster_dsn: str) -> None:
    dsn = await ensure_database(cluster_dsn, f"followed_{random_id().hex}")
    await migrate(dsn)
    addresses = await with_roles(dsn, "strict")
    pool = await open_pool(addresses[LC_MCP], min_size=1, max_size=1, command_timeout_seconds=10)
    store = PostgresEventStore(pool, lambda _: (), rowless={"WeekStarted"})

    for number in ("1", "2"):
        await store.append("a", [make_event(number, kind="WeekStarted")])

    assert (await verify(pool)).is_intact
    await pool.close()
