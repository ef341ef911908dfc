"""A wired council for the tests: real PostgreSQL and the real simulated exchange on loopback."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from config.ids import random_id
from config.settings import Settings, load_settings
from mcp_server import operations
from mcp_server.wiring import App, Terms, assembled
from store.addresses import with_database
from tests.conftest import copy_database, drop_database, run_apart

OpenApp = Callable[[], AbstractAsyncContextManager[App]]


@pytest.fixture
def settings(database_dsn: str, tmp_path: Path) -> Settings:
    """Return settings without keys, on a fresh database, with the exchange always open."""
    return settings_for(database_dsn, tmp_path)


def settings_for(dsn: str, home: Path) -> Settings:
    """Return settings without keys, on the database at `dsn`, with the exchange always open."""
    variables = {
        "COUNCIL_HOME": str(home),
        "DATABASE_URL": dsn,
        "COUNCIL_EXCHANGE_HOURS": "always",
    }
    return load_settings(variables, directory=home)


@pytest.fixture
def open_app(settings: Settings) -> OpenApp:
    """Return what opens the whole council on those settings."""
    return lambda: assembled(settings, Terms())


@pytest.fixture
def environment(
    settings: Settings, database_dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Let commands of this process find the same settings in their environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("REQUESTY_API_KEY", "COUNCIL_MODE", "COUNCIL_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COUNCIL_HOME", str(settings.council_home))
    monkeypatch.setenv("DATABASE_URL", database_dsn)
    monkeypatch.setenv("COUNCIL_EXCHANGE_HOURS", "always")


@pytest.fixture(scope="session")
def week_database(
    cluster_dsn: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Run this week up to its pending trades in a database that tests copy; its name."""
    # Folders of tests that borrow this fixture each have their own, in one run.
    name = f"{template_database}_week_{random_id().hex[:8]}"
    home = tmp_path_factory.mktemp("week")
    run_apart(lambda: copy_database(cluster_dsn, template_database, name))
    settings = settings_for(with_database(cluster_dsn, name), home)
    run_apart(lambda: _run_week(settings))
    return name


async def _run_week(settings: Settings) -> None:
    async with assembled(settings, Terms()) as app:
        week_id = operations.week_in_force(app)
        await operations.run_until(app, "propose", week_id=week_id, query=None)


@pytest.fixture
def week_dsn(cluster_dsn: str, week_database: str) -> Iterator[str]:
    """Copy the database in which this week's trades wait; its address."""
    name = f"test_{random_id().hex}"
    run_apart(lambda: copy_database(cluster_dsn, week_database, name))
    yield with_database(cluster_dsn, name)
    run_apart(lambda: drop_database(cluster_dsn, name))


@pytest.fixture
def open_week(week_dsn: str, tmp_path: Path) -> OpenApp:
    """Return what opens the whole council where this week's six trades wait."""
    settings = settings_for(week_dsn, tmp_path)
    return lambda: assembled(settings, Terms())
