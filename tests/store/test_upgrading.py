"""The embedded cluster of another PostgreSQL (`council db upgrade`): moved whole, or left alone."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.errors import UsageError
from store.cluster import Cluster
from store.databases import ensure_database
from store.embedded import embedded_database
from store.errors import DatabaseInUse, EmbeddedOutdated, ProgramFailed
from store.event_store import PostgresEventStore
from store.migrate import migrate
from store.pool import open_pool
from store.projector import verify
from store.server_user import server_user_for
from store.upgrading import old_programs, outdated, upgrade_from, upgrade_with
from tests.store.builders import make_event

_OLDER = [int(folder.name) for folder in Path("/usr/lib/postgresql").glob("1[4-7]")]
OLD = max(_OLDER, default=15)
PROGRAMS = Path(f"/usr/lib/postgresql/{OLD}/bin")
needs_old = pytest.mark.skipif(
    not _OLDER and "CI" not in os.environ, reason="no older PostgreSQL is installed"
)
"""In CI a test that needs it fails where it is missing."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a home outside pytest's own folder, which pytest closes to the server's user."""
    home = Path(tempfile.mkdtemp(prefix="council-old-"))
    home.chmod(0o711)
    yield home / "postgres"
    shutil.rmtree(home)


@pytest.fixture
async def old_cluster(folder: Path) -> str:
    """Make a cluster of the old version with one log in it; the head of the log."""
    made_by_old(folder)
    use = await asyncio.to_thread(Cluster(folder, binaries=PROGRAMS, major=OLD).enter)
    try:
        dsn = await ensure_database(use.dsn, "council")
        await ensure_database(use.dsn, "council_demo")
        await migrate(dsn)
        pool = await open_pool(dsn, min_size=1, max_size=1, command_timeout_seconds=10)
        async with pool:
            store = PostgresEventStore(pool, lambda _: ())
            await store.append("a", [make_event(str(n)) for n in range(50)])
            return (await verify(pool)).head or ""
    finally:
        await asyncio.to_thread(use.leave)


def made_by_old(folder: Path) -> None:
    """Make a cluster of the old version in `folder`."""
    folder.mkdir()
    folder.chmod(0o711)
    user = server_user_for(folder / "data")
    (folder / "data").mkdir()
    user.own(folder / "data")
    subprocess.run(
        (PROGRAMS / "initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"),
        check=True,
        capture_output=True,
        cwd=folder / "data",
        env={"PGDATA": str(folder / "data"), "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        **user.credentials,
    )


async def head_in(home: Path) -> tuple[int, str | None]:
    async with embedded_database(home) as dsn:
        pool = await open_pool(dsn, min_size=1, max_size=1, command_timeout_seconds=10)
        async with pool:
            report = await verify(pool)
            return report.events, report.head


@needs_old
@pytest.mark.slow
async def test_the_old_cluster_is_moved_whole_once_it_is_used_by_nobody(
    folder: Path, old_cluster: str
) -> None:
    with pytest.raises(EmbeddedOutdated, match="run `council db upgrade`"):
        await head_in(folder.parent)
    somebody = await asyncio.to_thread(Cluster(folder, binaries=PROGRAMS, major=OLD).enter)
    with pytest.raises(DatabaseInUse, match="stop the council's server, executor"):
        await upgrade_with(PROGRAMS, folder, OLD)
    await asyncio.to_thread(somebody.leave)

    done = await upgrade_with(PROGRAMS, folder, OLD)

    assert await head_in(folder.parent) == (50, old_cluster)
    assert outdated(folder) is None
    assert (done.old_major, done.kept) == (OLD, folder / f"data-{OLD}")
    assert Cluster(folder).made_by() == "18"
    assert (done.kept / "PG_VERSION").read_text() == f"{OLD}\n"
    assert not (folder / "upgraded").exists()
    async with embedded_database(folder.parent, "council_demo") as dsn:
        assert await migrate(dsn)


@needs_old
@pytest.mark.slow
async def test_what_fails_on_the_way_leaves_the_old_cluster_as_it_was(
    folder: Path, old_cluster: str
) -> None:
    async def fails(dsn: str) -> None:
        raise ProgramFailed("pg_restore failed")

    with pytest.raises(ProgramFailed):
        await upgrade_from(fails, folder, OLD)

    assert outdated(folder) == OLD
    assert not (folder / "upgraded").exists()
    await upgrade_with(PROGRAMS, folder, OLD)
    assert await head_in(folder.parent) == (50, old_cluster)


@pytest.mark.slow
async def test_a_swap_that_was_cut_short_is_completed_by_the_next_start(folder: Path) -> None:
    async with embedded_database(folder.parent) as dsn:
        await migrate(dsn)
        pool = await open_pool(dsn, min_size=1, max_size=1, command_timeout_seconds=10)
        async with pool:
            await PostgresEventStore(pool, lambda _: ()).append("a", [make_event()])
    (folder / "data").rename(folder / "data-complete")

    found = await head_in(folder.parent)

    assert found[0] == 1


@pytest.mark.slow
async def test_a_cluster_without_its_programs_takes_what_a_backup_gives(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "PG_VERSION").write_text("15\n")

    async def fill(dsn: str) -> None:
        await migrate(await ensure_database(dsn, "council"))

    done = await upgrade_from(fill, folder, OLD)

    assert await head_in(folder.parent) == (0, None)
    assert [path.name for path in done.kept.iterdir()] == ["PG_VERSION"]


def test_a_folder_of_other_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no server of PostgreSQL 16"):
        old_programs(16, tmp_path)
    assert old_programs(3, None) is None


def test_a_cluster_that_is_not_there_is_not_outdated(tmp_path: Path) -> None:
    assert outdated(tmp_path / "postgres") is None
