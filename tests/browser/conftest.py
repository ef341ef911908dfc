"""The host page, bundled once, and a council with a week of trades that wait."""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.council import Stage
from tests.browser.hosting import chromium
from tests.browser.inspector import Hall, council_served, inspector
from tests.browser.scene import store_week
from tests.hosts.tools import NodeTools, installed_chromium, installed_tools
from tests.mcp_server.conftest import (
    OpenApp,
    open_app,
    open_week,
    settings,
    week_database,
    week_dsn,
)

__all__ = ["open_app", "open_week", "settings", "week_database", "week_dsn"]

_HOST = Path(__file__).with_name("host.js")


@pytest.fixture(scope="session")
def node_tools() -> NodeTools:
    """Return the npm tools, or skip what needs them."""
    return installed_tools()


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """Return the system's Chromium, or skip what needs it."""
    return installed_chromium()


@pytest.fixture(scope="session")
def host_bundle(node_tools: NodeTools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundle the host page with the official bridge in it."""
    folder = tmp_path_factory.mktemp("host")
    bundle = folder / "host.bundle.js"
    subprocess.run(
        [
            node_tools.folder / "node_modules" / ".bin" / "esbuild",
            _HOST,
            "--bundle",
            "--format=iife",
            f"--outfile={bundle}",
            "--log-level=error",
        ],
        check=True,
        timeout=120,
        env=node_tools.environment(folder),
    )
    return bundle


@pytest.fixture
def stage(open_app: OpenApp, chromium_path: Path, host_bundle: Path, tmp_path: Path) -> Stage:
    """Return what a scene is set on."""
    return Stage(open_app, chromium_path, host_bundle, tmp_path / "profile")


@pytest.fixture
async def hall(
    stage: Stage, node_tools: NodeTools, database_dsn: str, tmp_path: Path
) -> AsyncIterator[Hall]:
    """Serve a council whose week waits, and run the Inspector's web page beside it."""
    environment = {
        "HOME": str(tmp_path),
        "COUNCIL_HOME": str(tmp_path),
        "DATABASE_URL": database_dsn,
        "COUNCIL_EXCHANGE_HOURS": "always",
    }
    async with stage.open_app() as app:
        tickets = await store_week(app)
        async with (
            council_served(environment) as address,
            inspector(node_tools, tmp_path) as page,
            chromium(stage.chromium_path, stage.profile, width=1400) as browser,
        ):
            yield Hall(app, tickets, browser, page, address)
