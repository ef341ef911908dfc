"""From the embedded database to a server: the log arrives event for event, or is refused."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from store import importing
from store.chain import START, ChainPoint, head_of, missed
from store.errors import DatabaseInUse, LogInTheWay, StoreUnavailable
from store.event_store import PostgresEventStore
from store.importing import copy_log, copy_schema
from store.pool import StorePool, open_pool
from store.projector import rebuild, verify
from store.raw_answers import PostgresRawAnswers
from tests.store.builders import AT, LEDGER, credited, make_event, opened, project_ledger


@pytest.fixture
async def source(database_dsn: str) -> str:
    """Write seven events, of a ledger and others, and leave; the address."""
    odd = {"text": "Grüße \\u0000 ☃ \x01", "n": 0.1, "deep": [[], {}, None, True], "a": -5}
    await _append(database_dsn, "a", opened("X"), credited("X", "1.50"))
    await _append(database_dsn, "b", make_event("odd", payload=odd), make_event("2", week_id=None))
    await _append(database_dsn, "a", credited("X", "2.50"), make_event("5"), make_event("6"))
    return database_dsn


@pytest.fixture
async def target(new_database: Callable[[], str]) -> AsyncIterator[StorePool]:
    pool = await open_pool(new_database(), min_size=1, max_size=2, command_timeout_seconds=10)
    await pool.execute(LEDGER)
    yield pool
    await pool.close()


async def _append(dsn: str, stream: str, *events: object) -> None:
    pool = await open_pool(dsn, min_size=1, max_size=1, command_timeout_seconds=10)
    async with pool:
        await pool.execute(LEDGER.replace("TABLE ledger", "TABLE IF NOT EXISTS ledger"))
        await PostgresEventStore(pool, project_ledger).append(stream, events)  # type: ignore[arg-type]  # they are


def _dsn(pool: StorePool) -> str:
    return pool._dsn


async def _rows(dsn: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        rows: list[asyncpg.Record] = await connection.fetch("SELECT * FROM events ORDER BY 1")
        return rows
    finally:
        await connection.close()


async def test_the_log_arrives_with_positions_hashes_and_rows_unchanged(
    source: str, target: StorePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_BATCH", importing._BATCH.replace("1000", "3"))

    copied = await copy_log(source, _dsn(target))
    folded = await rebuild(target, project_ledger, ("ledger",))

    report = await verify(target)
    ledger = await target.fetchrow("SELECT * FROM ledger")
    assert await _rows(_dsn(target)) == await _rows(source)
    assert (copied.found, copied.head) == (0, ChainPoint(7, report.head or ""))
    assert (folded, report.events, report.is_intact) == (7, 7, True)
    assert str(ledger["balance"]) == "2.50"


async def test_an_import_that_was_cut_goes_on_where_it_stopped(
    source: str, target: StorePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, batches = importing._copied_batch, 0

    async def cut(*given: object, **named: object) -> ChainPoint:
        nonlocal batches
        batches += 1
        if batches > 2:
            raise StoreUnavailable("the cable was pulled")
        return await usual(*given, **named)  # type: ignore[arg-type]  # what it was given

    monkeypatch.setattr(importing, "_BATCH", importing._BATCH.replace("1000", "2"))
    monkeypatch.setattr(importing, "_copied_batch", cut)
    with pytest.raises(StoreUnavailable):
        await copy_log(source, _dsn(target))
    monkeypatch.setattr(importing, "_copied_batch", usual)

    between = (await head_of(target)).position
    again = await copy_log(source, _dsn(target))
    once_more = await copy_log(source, _dsn(target))

    assert (between, again.found, once_more.found) == (4, 4, 7)
    assert await _rows(_dsn(target)) == await _rows(source)


async def test_a_target_with_a_log_of_its_own_is_refused_and_left_alone(
    source: str, target: StorePool
) -> None:
    store = PostgresEventStore(target, project_ledger)
    await store.append("c", [make_event("mine")])
    before = await _rows(_dsn(target))

    with pytest.raises(LogInTheWay, match=r"position 1 has another hash\): name an empty"):
        await copy_log(source, _dsn(target))

    assert await _rows(_dsn(target)) == before


async def test_a_target_that_has_gone_on_is_refused(source: str, target: StorePool) -> None:
    await copy_log(source, _dsn(target))
    await PostgresEventStore(target, project_ledger).append("c", [make_event("later")])

    with pytest.raises(LogInTheWay, match="the log ends at position 7, and once reached 8"):
        await copy_log(source, _dsn(target))


async def test_a_source_that_somebody_uses_is_refused(source: str, target: StorePool) -> None:
    somebody = await asyncpg.connect(source)

    with pytest.raises(DatabaseInUse, match="stop the council's server, executor and timers"):
        await copy_log(source, _dsn(target))

    await somebody.close()
    assert await head_of(target) == START


async def test_nothing_is_appended_to_the_source_meanwhile(source: str, target: StorePool) -> None:
    late = await asyncpg.connect(_dsn(target))
    tried: list[bool] = []
    usual = importing._copied_batch

    async def watched(*given: object, **named: object) -> ChainPoint:
        other = await asyncpg.connect(source)
        tried.append(await other.fetchval("SELECT pg_try_advisory_xact_lock(7201, 1)"))
        await other.close()
        return await usual(*given, **named)  # type: ignore[arg-type]  # what it was given

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "_copied_batch", watched)
        await copy_log(source, _dsn(target))

    await late.close()
    assert tried == [False]


async def test_raw_answers_beside_the_log_come_along(source: str, target: StorePool) -> None:
    pool = await open_pool(source, min_size=1, max_size=1, command_timeout_seconds=10)
    async with pool:
        await PostgresRawAnswers(pool).keep("a" * 64, "an answer", AT)

    for _ in range(2):
        await copy_log(source, _dsn(target))

    assert await PostgresRawAnswers(target).find(["a" * 64]) == {"a" * 64: "an answer"}


async def test_a_schema_beside_the_log_comes_along_once(source: str, target: StorePool) -> None:
    connection = await asyncpg.connect(source)
    await connection.execute("CREATE SCHEMA exchange; CREATE TABLE exchange.orders (a int)")
    await connection.execute("INSERT INTO exchange.orders VALUES (7)")
    await connection.close()

    first = await copy_schema(source, _dsn(target), "exchange")
    second = await copy_schema(source, _dsn(target), "exchange")

    assert (first, second) == (True, False)
    assert await target.fetchval("SELECT a FROM exchange.orders") == 7


async def test_a_schema_that_was_copied_earlier_is_brought_up_to_date(
    source: str, target: StorePool
) -> None:
    connection = await asyncpg.connect(source)
    await connection.execute("CREATE SCHEMA exchange; CREATE TABLE exchange.orders (a int)")
    await copy_schema(source, _dsn(target), "exchange", anew=True)
    await connection.execute("CREATE TABLE exchange.fills (a int)")
    await connection.execute("INSERT INTO exchange.orders VALUES (7)")
    await connection.close()

    copied = await copy_schema(source, _dsn(target), "exchange", anew=True)

    assert copied
    assert await target.fetchval("SELECT a FROM exchange.orders") == 7
    assert await target.fetchval("SELECT count(*) FROM exchange.fills") == 0


async def test_a_head_kept_outside_finds_what_the_chain_alone_cannot(
    source: str, target: StorePool
) -> None:
    pool = await open_pool(source, min_size=1, max_size=1, command_timeout_seconds=10)
    async with pool:
        kept = await head_of(pool)
        await pool.execute("ALTER TABLE events DISABLE TRIGGER ALL")
        await pool.execute("DELETE FROM events WHERE position > 5")

        assert (await verify(pool)).is_intact
        assert await missed(pool, kept) == "the log ends at position 5, and once reached 7"
        assert await missed(pool, START) is None
        shortened = ChainPoint.read(str(await head_of(pool))[:18])
        assert await missed(pool, shortened) is None
