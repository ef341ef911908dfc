"""Backups and the exchange's tables in a server that is older than the embedded programs."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from store.backups import back_up, restore
from store.cluster import Cluster
from store.databases import ensure_database
from store.errors import ProgramFailed
from store.event_store import PostgresEventStore
from store.importing import copy_schema
from store.loading import without_unknown
from store.migrate import migrate
from store.pool import open_pool
from store.projector import verify
from tests.store.builders import AT, credited, opened, project_ledger
from tests.store.test_upgrading import OLD, PROGRAMS, made_by_old, needs_old


@pytest.fixture(scope="module")
def older() -> Iterator[str]:
    """Run a server of an older version, outside pytest's own folder; its address."""
    home = Path(tempfile.mkdtemp(prefix="council-older-"))
    home.chmod(0o711)
    made_by_old(home / "postgres")
    use = Cluster(home / "postgres", binaries=PROGRAMS, major=OLD).enter()
    yield use.dsn
    use.leave()
    shutil.rmtree(home)


@needs_old
@pytest.mark.slow
async def test_a_backup_and_a_schema_go_into_a_server_older_than_the_programs(
    older: str, postgres_store: PostgresEventStore, database_dsn: str, tmp_path: Path
) -> None:
    await postgres_store.append("a", [opened("X"), credited("X", "1.50")])
    await _execute(database_dsn, "CREATE SCHEMA exchange; CREATE TABLE exchange.a AS SELECT 7 AS n")
    target = await ensure_database(older, "council")
    await migrate(target)
    file = tmp_path / "council.tar"

    for anew in (False, True):
        assert await copy_schema(database_dsn, target, "exchange", anew=anew)
    manifest = await back_up(database_dsn, file, program="0.1.0", at=AT)
    made = await restore(file, older, "again", project=project_ledger, tables=("ledger",))

    assert await _value(target, "SELECT n FROM exchange.a") == 7
    assert await _value(made.dsn, "SELECT n FROM exchange.a") == 7
    pool = await open_pool(made.dsn, min_size=1, max_size=1, command_timeout_seconds=10)
    async with pool:
        report = await verify(pool)
    assert (report.events, report.head, report.is_intact) == (2, manifest.head, True)
    assert await _value(made.dsn, "SELECT count(*) FROM ledger") == 1


@needs_old
@pytest.mark.slow
async def test_a_load_that_fails_in_an_older_server_leaves_nothing(
    older: str, database_dsn: str
) -> None:
    await _execute(database_dsn, "CREATE SCHEMA exchange; CREATE TABLE exchange.a (n int)")
    await _execute(database_dsn, "CREATE VIEW exchange.b AS SELECT uuidv7() AS id")
    target = await ensure_database(older, "harmed")

    with pytest.raises(
        ProgramFailed, match=r"psql failed on the database harmed .*\(function uuidv7"
    ):
        await copy_schema(database_dsn, target, "exchange")

    assert await _value(target, "SELECT to_regnamespace('exchange') IS NULL")


def test_only_the_setting_at_the_beginning_is_left_out(tmp_path: Path) -> None:
    line = b"SET transaction_timeout = 0;\n"
    head = [b"SET lock_timeout = 0;\n", line, b"SET row_security = off;\n"]
    body = [*[b"-- text\n"] * 40, line, b"no end of line"]
    script, fitting = tmp_path / "a.sql", tmp_path / "b.sql"
    script.write_bytes(b"".join([*head, *body]))

    without_unknown(script, fitting)

    assert fitting.read_bytes() == b"".join([head[0], head[2], *body])
    assert not script.exists()


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _value(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()
