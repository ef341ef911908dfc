"""A server that only reads: it sends nothing either, whatever was approved elsewhere."""

from pathlib import Path
from typing import Any

import httpx2
import mcp
import pytest

from mcp_server.server import Serving, build_server
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.test_serve_commands import home as home  # noqa: PLC0414 - their fixture
from tests.mcp_server.test_serve_commands import serving
from tests.mcp_server.test_tools import told


@pytest.mark.parametrize(("read_only", "executors"), [(True, 0), (False, 1)])
async def test_a_server_that_only_reads_runs_no_executor(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, *, read_only: bool, executors: int
) -> None:
    begun = []

    async def executing(*_: Any) -> None:
        begun.append("executor")

    monkeypatch.setattr("mcp_server.operations.execute_in_background", executing)
    async with mcp.Client(build_server(open_app, Serving(read_only=read_only))) as client:
        await told(client, "get_status")

    assert len(begun) == executors


@pytest.mark.slow
def test_a_web_server_that_only_reads_is_ready_and_says_that_it_sends_nothing(home: Path) -> None:
    with serving(home, "--read-only") as (_, said):
        ready = httpx2.get(f"{said['address']}/ready")

    assert ready.status_code == 200
    assert ready.json()["executor"] == "not here: this server only reads"
