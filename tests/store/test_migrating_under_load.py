"""A database brought up to date while others write to it (row D7): once, and no event is lost."""

import asyncio
import shutil
from pathlib import Path

import asyncpg
import pytest

from config.ids import random_id
from store.databases import ensure_database
from store.errors import StoreUnavailable
from store.event_store import PostgresEventStore
from store.migrate import MIGRATIONS, migrate, schema_state
from store.pool import open_pool
from store.projector import verify
from tests.store.builders import make_event

WRITERS = 4
EACH = 30


@pytest.fixture
async def older_dsn(cluster_dsn: str, tmp_path: Path) -> str:
    """Make a database as the program left it when it had four migrations."""
    for path in sorted(MIGRATIONS.glob("*.sql"))[:4]:
        shutil.copy(path, tmp_path)
    dsn = await ensure_database(cluster_dsn, f"older_{random_id().hex}")
    await migrate(dsn, folder=tmp_path)
    return dsn


async def _writes(dsn: str, writer: int, begun: asyncio.Event) -> list[int]:
    pool = await open_pool(dsn, min_size=1, max_size=1, command_timeout_seconds=30)
    async with pool:
        store, positions = PostgresEventStore(pool, lambda _: ()), []
        for number in range(EACH):
            event = make_event(f"{writer} {number}")
            stored = await store.append(f"writer-{writer}", [event], number)
            positions.append(stored[0].position)
            if number == EACH // 3:
                begun.set()
        return positions


async def test_migrations_run_while_four_write_and_no_event_is_lost(older_dsn: str) -> None:
    begun = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        writing = [group.create_task(_writes(older_dsn, n, begun)) for n in range(WRITERS)]
        await begun.wait()
        runs = [group.create_task(migrate(older_dsn)) for _ in range(3)]
    written = [position for task in writing for position in task.result()]
    pool = await open_pool(older_dsn, min_size=1, max_size=1, command_timeout_seconds=30)
    async with pool:
        report = await verify(pool)

    assert sorted(written) == list(range(1, WRITERS * EACH + 1))
    assert (report.events, report.is_intact) == (WRITERS * EACH, True)
    assert sorted(bool(run.result()) for run in runs) == [False, False, True]
    assert (await schema_state(older_dsn)).is_current


async def test_who_migrates_lets_others_write_while_a_reader_holds_the_table(
    older_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.migrate.TABLE_TIMEOUT_SECONDS", 0.05)
    # However long the writer takes on a machine under load.
    monkeypatch.setattr("store.migrate.TABLE_TRIES", 1000)
    reader = await asyncpg.connect(older_dsn)
    await reader.execute("BEGIN; SELECT count(*) FROM events")

    migrating = asyncio.create_task(migrate(older_dsn))
    positions = await _writes(older_dsn, 1, asyncio.Event())
    was_waiting = not migrating.done()
    await reader.execute("COMMIT")

    assert len(positions) == EACH
    assert was_waiting
    assert await migrating
    await reader.close()


async def test_a_table_that_is_never_free_leaves_the_database_as_it_was(
    older_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.migrate.TABLE_TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr("store.migrate.TABLE_TRIES", 3)
    monkeypatch.setattr("store.migrate.TABLE_PAUSE_SECONDS", 0.01)
    reader = await asyncpg.connect(older_dsn)
    await reader.execute("BEGIN; SELECT count(*) FROM events")

    with pytest.raises(StoreUnavailable, match="holds a table for long: nothing was changed"):
        await migrate(older_dsn)

    await reader.close()
    assert await migrate(older_dsn)
