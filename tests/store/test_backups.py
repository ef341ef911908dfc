"""A backup restored to an older point (row D8): the log is whole up to there and grows on."""

import os
import subprocess
from pathlib import Path

import asyncpg

from store.addresses import with_database
from store.databases import database_name, ensure_database
from store.event_store import PostgresEventStore
from store.events import StoredEvent
from store.migrate import migrate, schema_state
from store.pool import StorePool, open_pool
from store.projector import ChainReport, rebuild, verify
from store.server_files import programs
from store.server_user import ServerUser
from tests.store.builders import credited, make_event, opened, project_ledger


async def test_a_copy_of_an_older_point_verifies_and_takes_the_lost_events_again(
    pool: StorePool, postgres_store: PostgresEventStore, database_dsn: str
) -> None:
    await postgres_store.append("a", [opened("X"), credited("X", "1.5")])
    older = await verify(pool)
    await pool.close()
    copy = await _copied(database_dsn)

    lost, newer = await _written_on(database_dsn)
    async with await _opened(copy) as restored:
        at_first = await verify(restored)
    again, caught_up = await _written_on(copy)

    assert at_first == older
    assert at_first.is_intact
    assert at_first.head != newer.head
    assert again == lost
    assert caught_up == newer


async def _written_on(dsn: str) -> tuple[tuple[StoredEvent, ...], ChainReport]:
    async with await _opened(dsn) as opened_pool:
        store = PostgresEventStore(opened_pool, project_ledger)
        stored = await store.append("a", [credited("X", "2.5"), make_event("last")], 2)
        return stored, await verify(opened_pool)


async def test_a_dump_restored_into_a_new_database_verifies(
    pool: StorePool, postgres_store: PostgresEventStore, database_dsn: str, tmp_path: Path
) -> None:
    odd = {"text": "Grüße \\u0000 ☃ \x01", "n": 0.1, "deep": [[], {}, None, True], "a": -5}
    await postgres_store.append("a", [opened("X"), credited("X", "1.50")])
    await postgres_store.append("b", [make_event("odd", payload=odd)])
    before = await verify(pool)
    rows = await postgres_store.rows("ledger")

    restored_dsn = await _dumped_and_restored(database_dsn, tmp_path / "council.dump")
    async with await _opened(restored_dsn) as restored:
        after = await verify(restored)
        store = PostgresEventStore(restored, project_ledger)
        found = await store.rows("ledger")
        folded = await rebuild(restored, project_ledger, ("ledger",))
        rebuilt = await store.rows("ledger")
        refused = await _refusal(restored)

    assert (await schema_state(restored_dsn)).is_current
    assert await migrate(restored_dsn) == ()
    assert after == before == ChainReport(3, None, None, before.head)
    assert found == rows == rebuilt
    assert folded == 3
    assert "append-only" in refused


async def _opened(dsn: str) -> StorePool:
    return await open_pool(dsn, min_size=1, max_size=1, command_timeout_seconds=10)


async def _copied(dsn: str) -> str:
    """Copy the database as it stands, as a backup of its files would."""
    copy = f"{database_name(dsn)}_copy"
    server = await asyncpg.connect(with_database(dsn, "postgres"))
    try:
        await server.execute(f"CREATE DATABASE {copy} TEMPLATE {database_name(dsn)}")
    finally:
        await server.close()
    return with_database(dsn, copy)


async def _dumped_and_restored(dsn: str, dump: Path) -> str:
    target = await ensure_database(dsn, f"{database_name(dsn)}_restored")
    _run("pg_dump", "--format=custom", f"--file={dump}", dsn)
    _run("pg_restore", "--exit-on-error", f"--dbname={target}", str(dump))
    return target


def _run(program: str, *arguments: str) -> None:
    ourselves = ServerUser(os.geteuid(), os.getegid(), is_other=False)
    command = (str(programs(ourselves) / program), *arguments)
    subprocess.run(command, check=True, capture_output=True)


async def _refusal(pool: StorePool) -> str:
    try:
        await pool.execute("DELETE FROM events")
    except asyncpg.PostgresError as error:
        return str(error)
    return ""
