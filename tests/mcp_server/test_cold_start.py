"""A host waits for the server's start: from spawn to list, beside a bare one."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mcp
import pytest
from mcp import StdioServerParameters

from mcp_server.host import Host
from mcp_server.listing import FILE, built_tools, current, listed_tools
from mcp_server.server import server_of
from tests.mcp_server.installations import hosts_environment

TIMES = 9
MOST_OF_BARE = 1.2
BARE = (sys.executable, "-m", "tests.mcp_server.bare_server")
OURS = (sys.executable, "-m", "mcp_server.start", "mcp")
ROOT = Path(__file__).parents[2]
HEAVY = {
    "alpaca",
    "asyncpg",
    "exchange_calendars",
    "jinja2",
    "numpy",
    "openai",
    "pandas",
    "structlog",
    "talib",
    "typer",
    "yaml",
}
CALLS = "".join(
    json.dumps({"jsonrpc": "2.0", **call}) + "\n"
    for call in (
        {
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "host", "version": "1"},
            },
        },
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list"},
    )
)


def listed(command: Sequence[str], home: Path) -> tuple[float, int, str]:
    """Start a server and ask for its tools: seconds until they came, how many, its stderr."""
    # A file, because a pipe that nobody reads meanwhile would fill and stop the server.
    with (home / "stderr").open("w+") as said:
        began = time.perf_counter()
        with subprocess.Popen(
            command,
            env=hosts_environment(home),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(CALLS)
            server.stdin.flush()
            answers = [server.stdout.readline() for _ in range(2)]
            seconds = time.perf_counter() - began
            server.stdin.close()
        said.seek(0)
        return seconds, len(json.loads(answers[1])["result"]["tools"]), said.read()


def test_nothing_heavy_is_imported_before_a_call(tmp_path: Path) -> None:
    timed = (sys.executable, "-X", "importtime", *OURS[1:])

    _, _, said = listed(timed, tmp_path)

    names = {line.rpartition("|")[2].strip() for line in said.splitlines() if "import time" in line}
    assert "mcp.server.mcpserver" in names
    assert {name.partition(".")[0] for name in names} & HEAVY == set()
    assert not [name for name in names if name.startswith(("store.", "broker."))]


def test_the_stored_list_is_what_the_code_says() -> None:
    assert FILE.read_text(encoding="utf-8") == current(), "run `python -m mcp_server.listing`"


async def test_a_server_that_lists_what_is_stored_lists_what_the_other_builds() -> None:
    lists = []
    for tools_of in (built_tools, listed_tools):
        async with mcp.Client(
            server_of(lambda: Host(never_opened, never_opened), tools_of=tools_of)
        ) as client:
            lists.append((await client.list_tools()).tools)

    assert lists[0] == lists[1]


async def test_a_tool_that_was_listed_from_the_store_is_built_when_it_is_called() -> None:
    server = server_of(lambda: Host(never_opened, never_opened), tools_of=listed_tools)

    async with mcp.Client(server) as client:
        refused = await client.call_tool("get_run", {"run_id": "x", "colour": "red"})

    assert refused.is_error
    assert "there is no argument colour" in str(refused.content)


def never_opened(*_: Any) -> Any:
    raise AssertionError("nothing is opened for this")


@pytest.mark.slow
def test_listing_the_tools_takes_hardly_longer_than_the_sdk_alone(tmp_path: Path) -> None:
    taken: dict[Sequence[str], list[float]] = {BARE: [], OURS: []}

    for _ in range(TIMES):
        for command, seconds in taken.items():
            seconds.append(listed(command, tmp_path)[0])

    bare, ours = min(taken[BARE]), min(taken[OURS])
    assert ours <= MOST_OF_BARE * bare, f"{ours:.3f} s, a bare server {bare:.3f} s"


@pytest.mark.slow
async def test_the_server_answers_with_nothing_but_home_and_path(
    tmp_path: Path, council_home: Path
) -> None:
    home = council_home / tmp_path.name
    home.mkdir(mode=0o755)
    server = StdioServerParameters(
        command=OURS[0], args=list(OURS[1:]), env=hosts_environment(home), cwd=home
    )

    async with mcp.Client(server) as client:
        tools = (await client.list_tools()).tools
        status = await client.call_tool("get_status", {})

    assert {"run_weekly", "get_status"} <= {tool.name for tool in tools}
    assert status.structured_content is not None
    assert status.structured_content["mode"] == "rehearsal"
    assert (home / ".council").is_dir()
