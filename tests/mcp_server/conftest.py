"""A wired council for the tests: real PostgreSQL and the real simulated exchange on loopback."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from config.settings import Settings, load_settings
from mcp_server.wiring import App, Terms, assembled

OpenApp = Callable[[], AbstractAsyncContextManager[App]]


@pytest.fixture
def settings(database_dsn: str, tmp_path: Path) -> Settings:
    """Return settings without keys, on a fresh database, with the exchange always open."""
    variables = {
        "COUNCIL_HOME": str(tmp_path),
        "DATABASE_URL": database_dsn,
        "COUNCIL_EXCHANGE_HOURS": "always",
    }
    return load_settings(variables, directory=tmp_path)


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
