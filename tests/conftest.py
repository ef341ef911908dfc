"""One embedded PostgreSQL server per session, one fresh database per test, no word from outside."""

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
import structlog
from hypothesis import settings

from config.ids import random_id
from config.logs import choose_format
from store.addresses import with_database
from store.cluster import Cluster
from store.databases import ensure_database
from store.migrate import migrate

pytest_plugins = ["tests.leaks"]

# No test is about how fast an example is: a machine with other work to do is slower.
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")

T = TypeVar("T")
TEMPLATE = "council_template"
LEAST_MEMORY_BYTES = 2_000_000_000
"""A copy of the database takes 8 MB of it, and few are there at a time."""
FOREIGN_PREFIXES = ("ALPACA_", "REQUESTY_", "PERPLEXITY_", "GEMINI_", "DB_", "COUNCIL_", "PG")


@pytest.fixture(scope="session", autouse=True)
def council_home() -> Iterator[Path]:
    """Give the session a COUNCIL_HOME of its own and forget the developer's keys and databases."""
    # Not under pytest's own folder: pytest closes that to other users, and root's server is one.
    home = Path(tempfile.mkdtemp(prefix="council-tests-", dir=_memory()))
    home.chmod(0o711)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(FOREIGN_PREFIXES)]:
            patch.delenv(name)
        patch.delenv("DATABASE_URL", raising=False)
        patch.setenv("COUNCIL_HOME", str(home))
        yield home
    shutil.rmtree(home, ignore_errors=True)


def _memory() -> Path | None:
    """Return a folder in memory with room for every test's database, if this machine has one."""
    folder = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of its own in it
    has_room = folder.is_dir() and shutil.disk_usage(folder).free > LEAST_MEMORY_BYTES
    return folder if has_room and os.access(folder, os.W_OK) else None


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> None:
    """Let what is logged before the logs are configured not take seconds to be drawn."""
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])


@pytest.fixture(autouse=True)
def former_logging() -> Iterator[None]:
    """Leave the logs as they were before the test, plain tracebacks included.

    Commands of this process configure them, for a stream that is closed after their test.
    """
    root, former = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**former)
    choose_format("auto")


@pytest.fixture(scope="session")
def cluster_dsn(council_home: Path) -> Iterator[str]:
    """Run one embedded server for the session; the address of its maintenance database."""
    use = Cluster(council_home / "test-server").enter()
    try:
        run_apart(lambda: without_durability(use.dsn))
        yield use.dsn
    finally:
        use.leave()


@pytest.fixture(scope="session")
def template_database(cluster_dsn: str) -> str:
    """Migrate one database, to be copied for every test; its name."""
    run_apart(lambda: _make_template(cluster_dsn))
    return TEMPLATE


@pytest.fixture
def new_database(cluster_dsn: str, template_database: str) -> Iterator[Callable[[], str]]:
    """Give what copies the migrated database for the test, each time anew; it returns addresses."""
    names: list[str] = []

    def copy() -> str:
        names.append(f"test_{random_id().hex}")
        run_apart(lambda: copy_database(cluster_dsn, template_database, names[-1]))
        return with_database(cluster_dsn, names[-1])

    yield copy
    for name in names:
        run_apart(partial(drop_database, cluster_dsn, name))


@pytest.fixture
def database_dsn(new_database: Callable[[], str]) -> str:
    """Copy the migrated database for one test; its address."""
    return new_database()


def run_apart(call: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a loop of its own thread: the test's loop must not notice."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: asyncio.run(call())).result()


async def _make_template(dsn: str) -> None:
    address = await ensure_database(dsn, TEMPLATE)
    await migrate(address)


async def copy_database(dsn: str, template: str, name: str) -> None:
    """Copy the database `template`, to which nobody is connected, as `name`."""
    await _execute(dsn, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")


async def drop_database(dsn: str, name: str) -> None:
    """Drop a database, whoever is still connected."""
    await _execute(dsn, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def without_durability(dsn: str) -> None:
    """Tests kill programs, not machines: what the kernel holds is durable enough for them."""
    await _execute(dsn, "ALTER SYSTEM SET fsync = off")
    await _execute(dsn, "ALTER SYSTEM SET full_page_writes = off")
    await _execute(dsn, "SELECT pg_reload_conf()")


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
