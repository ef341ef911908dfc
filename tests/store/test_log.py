"""The log on PostgreSQL: unchangeable, provable, in one order, the source of the read tables."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import pytest

from store.addresses import with_database
from store.databases import database_name
from store.errors import DatabaseNotMigrated, StorageRefused
from store.event_store import PostgresEventStore
from store.events import StoredEvent
from store.pool import StorePool
from store.projector import rebuild, verify
from tests.store.builders import credited, make_event, opened, project_ledger

WRITERS = 8
EVENTS_EACH = 25
WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE events SET payload = '{}'",
        "UPDATE events SET payload = '{}' WHERE position = -1",
        "DELETE FROM events",
        "TRUNCATE events",
        "SET session_replication_role = replica; DELETE FROM events",
    ],
)
async def test_the_database_refuses_to_change_or_remove_events(
    pool: StorePool, postgres_store: PostgresEventStore, sql: str
) -> None:
    await postgres_store.append("a", [make_event()])

    with pytest.raises(asyncpg.PostgresError, match=r"append-only: (UPDATE|DELETE|TRUNCATE)"):
        await pool.execute(sql)

    assert len(await postgres_store.read_stream("a")) == 1


class TestVerify:
    """Row D6; what a change of any single column does is in test_tampering."""

    async def test_an_untouched_log_is_intact_and_has_a_head(
        self, pool: StorePool, postgres_store: PostgresEventStore
    ) -> None:
        empty = await verify(pool)
        await _append_ten(postgres_store)

        report = await verify(pool)

        assert empty.is_intact
        assert empty.head is None
        assert (report.events, report.is_intact, len(report.head or "")) == (10, True, 64)

    @pytest.mark.parametrize(
        ("change", "position", "reason"),
        [
            ('SET payload = \'{"name": "0"}\' WHERE position = 4', 4, "does not match its hash"),
            ("SET account_id = NULL WHERE position = 1", 1, "does not match its hash"),
            ("SET timestamp = 'infinity' WHERE position = 2", 2, "does not match its hash"),
            ("SET position = 11 WHERE position = 10", 10, "it is missing"),
            ("SET position = 14 WHERE position = 4", 4, "it is missing"),
            (
                "SET position = 99 WHERE position = 4; "
                "UPDATE events SET position = 4 WHERE position = 5; "
                "UPDATE events SET position = 5 WHERE position = 99",
                4,
                "does not match its hash",
            ),
            ("SET previous_hash = hash WHERE position = 3", 3, "does not match its hash"),
            ("SET timestamp = timestamp + '1us' WHERE position = 7", 7, "does not match its hash"),
            (
                "SET hash = set_byte(hash, 9, 255 - get_byte(hash, 9)) WHERE position = 10",
                10,
                "its hash",
            ),
        ],
    )
    async def test_a_changed_event_is_named(
        self, pool: StorePool, postgres_store: PostgresEventStore, *,
        change: str, position: int, reason: str,
    ) -> None:  # fmt: skip
        await _append_ten(postgres_store)

        await _as_superuser(pool, f"UPDATE events {change}")
        report = await verify(pool)

        assert report.first_bad_position == position
        assert reason in (report.reason or "")

    @pytest.mark.parametrize("position", [1, 5, 9])
    async def test_a_missing_event_is_named(
        self, pool: StorePool, postgres_store: PostgresEventStore, position: int
    ) -> None:
        await _append_ten(postgres_store)

        await _as_superuser(pool, f"DELETE FROM events WHERE position = {position}")  # noqa: S608 - a number
        report = await verify(pool)

        assert (report.first_bad_position, report.reason) == (position, "it is missing")

    async def test_an_event_forged_together_with_its_hash_is_named_by_the_one_after_it(
        self, pool: StorePool, postgres_store: PostgresEventStore
    ) -> None:
        await _append_ten(postgres_store)
        rewrite = "UPDATE events SET payload = '{}' WHERE position = 5"
        rehash = "UPDATE events SET hash = event_hash(previous_hash, events) WHERE position = 5"

        await _as_superuser(pool, f"{rewrite}; {rehash}")
        report = await verify(pool)

        assert report.first_bad_position == 6
        assert "which was replaced" in (report.reason or "")

    async def test_a_byte_flipped_on_the_disk_is_named(
        self, pool: StorePool, postgres_store: PostgresEventStore, database_dsn: str
    ) -> None:
        for number in range(90):
            await postgres_store.append("s", [make_event(str(number))])
        on_page = "SELECT min(position) FROM events WHERE (ctid::text::point)[0] = 2"
        damaged = await pool.fetchval(on_page)
        await _flip_a_byte_of_page(pool, 2)
        await pool.close()

        # The server still has the good page in its memory: a copy is read from the disk.
        copy = f"{database_name(database_dsn)}_copy"
        server = await asyncpg.connect(with_database(database_dsn, "postgres"))
        await server.execute(
            f"CREATE DATABASE {copy} TEMPLATE {database_name(database_dsn)} STRATEGY file_copy"
        )
        await server.close()
        async with asyncpg.create_pool(with_database(database_dsn, copy), min_size=1) as copied:
            report = await verify(copied)

        assert report.first_bad_position == damaged
        assert "it cannot be read (invalid page in block 2" in (report.reason or "")

    async def test_the_chain_holds_across_batches_and_sessions_of_other_time_zones(
        self,
        pool: StorePool,
        postgres_store: PostgresEventStore,
        database_dsn: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("store.projector.VERIFY_BATCH", 3)
        await _append_ten(postgres_store)
        database = await pool.fetchval("SELECT current_database()")
        await pool.execute(f"ALTER DATABASE {database} SET timezone = 'Asia/Tokyo'")

        async with asyncpg.create_pool(database_dsn, min_size=1, max_size=1) as abroad:
            report = await verify(abroad)
        await _as_superuser(pool, "DELETE FROM events WHERE position = 3")
        cut = await verify(pool)

        assert (report.events, report.is_intact) == (10, True)
        assert cut.first_bad_position == 3


class TestRebuild:
    async def test_a_rebuilt_table_is_the_same_as_the_folded_one(
        self, pool: StorePool, postgres_store: PostgresEventStore
    ) -> None:
        await postgres_store.append("a", [opened("X"), opened("Y"), credited("X", "1.5")])
        await postgres_store.append("a", [credited("X", "2.50"), credited("Y", "7")])
        folded = await postgres_store.rows("ledger", order_by=("account",))
        await pool.execute("UPDATE ledger SET balance = 99; DELETE FROM ledger WHERE account = 'Y'")

        count = await rebuild(pool, project_ledger, ("ledger",))

        assert count == 5
        assert await postgres_store.rows("ledger", order_by=("account",)) == folded

    async def test_a_rebuild_that_fails_leaves_the_rows_as_they_were(
        self, pool: StorePool, postgres_store: PostgresEventStore
    ) -> None:
        await postgres_store.append("a", [opened("X")])

        def broken(event: StoredEvent) -> Sequence[object]:
            raise RuntimeError(event.event_type)

        with pytest.raises(RuntimeError):
            await rebuild(pool, broken, ("ledger",))  # type: ignore[arg-type]  # broken on purpose

        assert len(await postgres_store.rows("ledger")) == 1

    async def test_the_log_itself_cannot_be_emptied_by_a_rebuild(
        self, pool: StorePool, postgres_store: PostgresEventStore
    ) -> None:
        await postgres_store.append("a", [make_event()])

        with pytest.raises(StorageRefused):
            await rebuild(pool, project_ledger, ("events",))

        assert len(await postgres_store.read_stream("a")) == 1


class TestOrder:
    """Row D5: a reader behind concurrent writers skips nothing."""

    async def test_a_tailing_reader_misses_nothing_of_eight_concurrent_writers(
        self, postgres_store: PostgresEventStore
    ) -> None:
        seen: list[StoredEvent] = []
        writing = asyncio.gather(*(_write(postgres_store, number) for number in range(WRITERS)))

        while len(seen) < WRITERS * EVENTS_EACH:
            finished = writing.done()
            position = seen[-1].position if seen else 0
            seen += [event async for event in postgres_store.read_all(position)]
            if finished:
                break
        await writing

        assert len({event.event_id for event in seen}) == WRITERS * EVENTS_EACH
        assert len(seen) == WRITERS * EVENTS_EACH

    async def test_a_slow_transaction_does_not_slip_below_the_readers_cursor(
        self, pool: StorePool, postgres_store: PostgresEventStore
    ) -> None:
        async with pool.acquire() as slow:
            transaction = slow.transaction()
            await transaction.start()
            await slow.fetch("SELECT is_new FROM append_events('slow', NULL, $1)", [_raw("slow")])
            fast = asyncio.ensure_future(postgres_store.append("fast", [make_event("fast")]))
            while not fast.done() and not await slow.fetchval(WAITING):
                pass
            seen_meanwhile = [event async for event in postgres_store.read_all()]
            await transaction.commit()
        await fast

        events = [event.stream async for event in postgres_store.read_all()]

        assert seen_meanwhile == []
        assert events == ["slow", "fast"]


async def test_a_database_without_tables_says_what_to_do(pool: StorePool) -> None:
    await pool.execute("DROP TABLE events CASCADE")
    store = PostgresEventStore(pool, project_ledger)

    with pytest.raises(DatabaseNotMigrated, match="council init-db"):
        await store.read_stream("a")


async def _append_ten(store: PostgresEventStore) -> None:
    for number in range(10):
        await store.append(f"s{number % 2}", [make_event(str(number))])


async def _write(store: PostgresEventStore, writer: int) -> None:
    for number in range(EVENTS_EACH):
        await store.append(f"writer-{writer}", [make_event(f"{writer}/{number}")], number)


async def _as_superuser(pool: StorePool, sql: str) -> None:
    await pool.execute(
        f"ALTER TABLE events DISABLE TRIGGER events_are_append_only; {sql}; "
        "ALTER TABLE events ENABLE ALWAYS TRIGGER events_are_append_only"
    )


async def _flip_a_byte_of_page(pool: StorePool, page: int) -> None:
    await pool.execute("CHECKPOINT")
    path = Path(
        await pool.fetchval("SELECT setting FROM pg_settings WHERE name = 'data_directory'")
    )
    path /= await pool.fetchval("SELECT pg_relation_filepath('events')")
    with path.open("r+b") as file:
        file.seek(page * 8192 + 8000)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def _raw(name: str) -> dict[str, object]:
    event = make_event(name)
    return {
        "event_id": str(event.event_id),
        "event_type": event.event_type,
        "timestamp": event.timestamp.isoformat(),
        "payload": event.payload,
    }
