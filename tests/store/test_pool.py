"""A pooled connection goes back without a question, and takes nothing of its user with it."""

import asyncio
import logging

import asyncpg
import pytest

from config.ids import random_id
from store.event_store import READ_BATCH, PostgresEventStore
from store.events import NewEvent
from store.pool import StorePool, open_pool
from tests.store.builders import make_event, project_ledger


@pytest.fixture
async def single(database_dsn: str) -> StorePool:
    return await open_pool(database_dsn, min_size=1, max_size=1, command_timeout_seconds=10)


async def test_giving_a_connection_back_sends_nothing(single: StorePool) -> None:
    sent: list[str] = []
    async with single.acquire() as connection:
        connection.add_query_logger(lambda record: sent.append(record.query))
        await connection.fetchval("SELECT 1")

    await single.fetchval("SELECT 2")
    await single.close()

    assert [query for query in sent if "SELECT" not in query] == []
    assert not any("RESET" in query or "UNLISTEN" in query for query in sent)


async def test_a_transaction_that_was_left_open_is_rolled_back(
    single: StorePool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    async with single.acquire() as connection:
        await connection.execute("CREATE TABLE left_behind (n int)")
        await connection.execute("BEGIN; INSERT INTO left_behind VALUES (1)")

    count = await single.fetchval("SELECT count(*) FROM left_behind")
    await single.close()

    assert count == 0


async def test_a_transaction_that_could_not_begin_leaves_nothing_to_the_next(
    single: StorePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def canceled(*_statement: object) -> None:
        raise asyncpg.QueryCanceledError("canceling statement due to user request")

    async with single.acquire() as connection:
        with monkeypatch.context() as patched:
            patched.setattr(asyncpg.Connection, "execute", canceled)
            with pytest.raises(asyncpg.QueryCanceledError):
                await connection.transaction().start()

    async with single.acquire() as connection, connection.transaction():
        is_lent_again = await connection.fetchval("SELECT true")
    await single.close()

    assert is_lent_again


async def test_a_connection_is_given_back_without_waiting_for_a_turn(single: StorePool) -> None:
    connection = await single.acquire()

    giving = single.release(connection)
    with pytest.raises(StopIteration):
        giving.send(None)

    assert await single.fetchval("SELECT 1", timeout=5) == 1
    await single.close()


async def test_the_program_leaves_a_pooled_session_as_it_found_it(pool: StorePool) -> None:
    before = await _session(pool)
    store = PostgresEventStore(pool, project_ledger)

    await store.append("stream-1", (make_event(),))
    await store.read_stream("stream-1")

    assert await _session(pool) == before


async def test_an_event_without_rows_is_appended_by_one_statement(pool: StorePool) -> None:
    store = PostgresEventStore(pool, project_ledger, rowless={"Silent"})
    sent = await _logged(pool)
    silent: NewEvent = make_event(kind="Silent")

    (stored,) = await store.append("stream-1", (silent,), 0)
    await asyncio.sleep(0)  # the driver logs a turn later

    assert (stored.event_id, stored.version) == (silent.event_id, 1)
    assert [query.split()[0] for query in sent] == ["SELECT"]
    assert await store.read_stream("stream-1") == (stored,)


async def test_an_append_and_a_look_for_ids_ask_for_the_making_of_no_type(
    single: StorePool,
) -> None:
    await single.execute("CREATE TABLE tagged (id uuid)")
    ids = (random_id(), random_id())
    await single.executemany("INSERT INTO tagged VALUES ($1)", [(id_,) for id_ in ids])
    store = PostgresEventStore(single, project_ledger)
    sent = await _logged(single)

    await store.append("stream-1", (make_event("1"), make_event("2")), 0)
    found = await store.rows("tagged", where={"id": ids})
    counted = await store.count_rows("tagged", where={"id": ids[:1]})
    await asyncio.sleep(0)  # the driver logs a turn later
    await single.close()

    assert ({row["id"] for row in found}, counted) == (set(ids), 1)
    assert any("append_events" in query for query in sent)
    assert [query for query in sent if "pg_catalog" in query] == []


async def test_a_log_that_ends_within_a_page_is_read_by_one_statement(pool: StorePool) -> None:
    store = PostgresEventStore(pool, project_ledger)
    await store.append("stream-1", (make_event("1"), make_event("2")), 0)
    sent = await _logged(pool)

    events = [event async for event in store.read_all()]
    await asyncio.sleep(0)  # the driver logs a turn later

    assert len(events) == 2
    assert [query.split()[0] for query in sent] == ["SELECT"]


@pytest.mark.parametrize("extra", [0, 1, READ_BATCH])
async def test_a_log_of_several_pages_is_read_to_its_end(pool: StorePool, extra: int) -> None:
    store = PostgresEventStore(pool, project_ledger)
    count = READ_BATCH + extra
    await store.append("stream-1", [make_event(str(number)) for number in range(count)], 0)

    events = [event async for event in store.read_all()]

    assert [event.version for event in events] == [*range(1, count + 1)]


async def _session(pool: StorePool) -> list[asyncpg.Record]:
    # The driver sets some aside while it learns a type, and puts them back as they were.
    found: list[asyncpg.Record] = await pool.fetch(
        "SELECT name, setting FROM pg_settings "
        "WHERE source = 'session' AND setting IS DISTINCT FROM reset_val "
        "UNION ALL SELECT 'lock', objid::text FROM pg_locks "
        "WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    )
    return found


async def _logged(pool: StorePool) -> list[str]:
    """Return a list that grows by each statement that the pool sends."""
    sent: list[str] = []
    async with pool.acquire() as connection:
        connection.add_query_logger(lambda record: sent.append(record.query))
    return sent
