"""Migrations (row D7): once each, by one process, never edited, never onto a newer database."""

import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest

from config.ids import random_id
from store.databases import ensure_database, recreate_database
from store.errors import DatabaseNewer, MigrationEdited, MigrationFailed
from store.event_store import PostgresEventStore
from store.kinds import refuse_unknown_kinds
from store.migrate import MIGRATIONS, migrate, read_table_names, schema_state
from store.pool import StorePool
from tests.store.builders import make_event, opened

NAMES = tuple(sorted(path.name for path in MIGRATIONS.glob("*.sql")))


@pytest.fixture
async def empty_dsn(cluster_dsn: str) -> str:
    return await ensure_database(cluster_dsn, f"empty_{random_id().hex}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (a int);\n")
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE second (a int);\n")
    return tmp_path


async def test_migrations_are_applied_in_order_and_once(empty_dsn: str) -> None:
    before = await schema_state(empty_dsn)
    first = await migrate(empty_dsn)
    second = await migrate(empty_dsn)
    after = await schema_state(empty_dsn)

    assert (before.applied, before.pending, before.is_current) == ((), NAMES, False)
    assert (first, second) == (NAMES, ())
    assert (after.applied, after.is_current) == (NAMES, True)


async def test_of_four_runs_at_once_one_applies(empty_dsn: str) -> None:
    runs = await asyncio.gather(*(migrate(empty_dsn) for _ in range(4)))

    assert sorted(runs) == [(), (), (), NAMES]


async def test_of_four_processes_at_once_one_applies(empty_dsn: str) -> None:
    program = "import asyncio, sys; from store.migrate import migrate; "
    program += "print(len(asyncio.run(migrate(sys.argv[1]))))"
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, empty_dsn, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]

    ended = [await process.communicate() for process in processes]

    assert [process.returncode for process in processes] == [0] * 4
    assert sorted(int(out) for out, _ in ended) == [0, 0, 0, len(NAMES)]
    assert (await schema_state(empty_dsn)).is_current


async def test_an_edited_file_is_refused_by_name(empty_dsn: str, folder: Path) -> None:
    await migrate(empty_dsn, folder=folder)
    (folder / "0001_first.sql").write_text("CREATE TABLE first (a bigint);\n")

    with pytest.raises(MigrationEdited, match=r"0001_first\.sql was changed"):
        await migrate(empty_dsn, folder=folder)

    assert (await schema_state(empty_dsn, folder=folder)).edited == ("0001_first.sql",)


async def test_line_ends_of_another_system_are_no_edit(empty_dsn: str, folder: Path) -> None:
    await migrate(empty_dsn, folder=folder)
    (folder / "0001_first.sql").write_bytes(b"CREATE TABLE first (a int);\r\n")

    assert await migrate(empty_dsn, folder=folder) == ()


async def test_a_database_of_a_newer_program_is_refused(empty_dsn: str, folder: Path) -> None:
    (folder / "0003_future.sql").write_text("CREATE TABLE future (a int);\n")
    await migrate(empty_dsn, folder=folder)
    (folder / "0003_future.sql").unlink()

    with pytest.raises(DatabaseNewer, match=r"newer version.*0003_future\.sql"):
        await migrate(empty_dsn, folder=folder)


async def test_a_log_with_events_of_a_newer_program_is_refused_by_their_kind(
    pool: StorePool, postgres_store: PostgresEventStore
) -> None:
    known = ("Noted", "Opened", "Zipped")
    await refuse_unknown_kinds(pool, known)
    await postgres_store.append("a", [make_event("1"), opened("X"), make_event("2", kind="Noted")])
    await refuse_unknown_kinds(pool, known)

    await postgres_store.append("a", [make_event("3", kind="Foretold"), make_event("4", kind="Zu")])

    with pytest.raises(DatabaseNewer, match=r"newer version.*\(Foretold, Zu\): update"):
        await refuse_unknown_kinds(pool, known)


async def test_a_file_that_fails_leaves_the_ones_before_it(empty_dsn: str, folder: Path) -> None:
    (folder / "0003_broken.sql").write_text("CREATE TABLE third (a int); CREATE TABLE first ();\n")

    with pytest.raises(MigrationFailed, match="already exists"):
        await migrate(empty_dsn, folder=folder)

    state = await schema_state(empty_dsn, folder=folder)
    assert state.pending == ("0003_broken.sql",)


def test_the_read_tables_are_those_of_the_migrations() -> None:
    names = read_table_names()

    assert "trades" in names
    assert "events" not in names


async def test_a_scratch_database_is_made_anew_even_while_somebody_uses_it(
    cluster_dsn: str,
) -> None:
    name = f"Scratch {random_id().hex}"
    address = await recreate_database(cluster_dsn, name)
    user = await asyncpg.connect(address)
    await user.execute("CREATE TABLE old (a int)")

    again = await recreate_database(cluster_dsn, name)

    fresh = await asyncpg.connect(again)
    assert await fresh.fetchval("SELECT to_regclass('old')") is None
    await fresh.close()
    user.terminate()


async def test_a_database_is_made_once_by_many(cluster_dsn: str) -> None:
    name = f"many_{random_id().hex}"

    made = await asyncio.gather(*(ensure_database(cluster_dsn, name) for _ in range(6)))

    assert len(set(made)) == 1
    assert await ensure_database(made[0]) == made[0]
