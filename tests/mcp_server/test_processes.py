"""Real processes: what a person, a timer and an MCP host start, with nothing but HOME and PATH."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import mcp
import pytest
from mcp import StdioServerParameters

from mcp_server.offers import OFFERS
from tests.mcp_server.test_tools import filled, finished, refused, told

COUNCIL = "from mcp_server.start import main; main()"
HEARING_SIGNALS = f"import signal; signal.signal(2, signal.default_int_handler); {COUNCIL}"
"""A shell that runs the tests in the background has its children ignore Ctrl-C."""
HEAVY = ("pandas", "openai", "talib", "alpaca", "exchange_calendars", "numpy")
LISTING = f"""
import asyncio, sys
import mcp
import mcp_server.cli
from mcp_server.server import build_server
from mcp_server.wiring import assembled, settled

async def main():
    async with mcp.Client(build_server(lambda: assembled(settled()))) as client:
        tools = (await client.list_tools()).tools
    print(len(tools), *[name for name in {HEAVY!r} if name in sys.modules])

asyncio.run(main())
"""


def near_empty(home: Path, **variables: str) -> dict[str, str]:
    """Return the environment that a host or a timer gives: almost nothing."""
    return {"HOME": str(home), "PATH": os.defpath, **variables}


def council(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COUNCIL, *arguments],
        env=dict(environment),
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def document(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture
def home(council_home: Path, tmp_path: Path) -> Path:
    """Return an empty HOME that the embedded server's own user may enter, too."""
    own = council_home / tmp_path.name
    own.mkdir()
    own.chmod(0o755)
    return own


def test_listing_the_tools_imports_nothing_heavy(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LISTING],
        env=near_empty(home),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(len(OFFERS))]


@pytest.mark.slow
def test_the_four_commands_work_as_processes_of_their_own_on_an_empty_home(home: Path) -> None:
    environment = near_empty(home, COUNCIL_EXCHANGE_HOURS="always")

    week = document(council(environment, "run-weekly", "--json"))
    pending = document(council(environment, "trades", "--status", "pending", "--json"))["trades"]
    approved = document(council(environment, "approve", "--all", "--yes", "--json"))["results"]
    document(council(environment, "execute", "--all-accounts", "--json"))
    status = document(council(environment, "status", "--json"))

    assert [trade["trade_id"] for trade in pending] == [t["trade_id"] for t in week["trades"]]
    assert len(approved) == 6
    assert (status["database"], status["pending"]) == ("embedded", 0)
    assert sum(account["position"] is not None for account in status["accounts"]) >= 1


@pytest.fixture
def slow_gateway() -> Iterator[str]:
    """Run a gateway that takes its time, so that a week can be caught in the middle."""
    gateway = (sys.executable, "-m", "tests.system.chat_gateway", "1.0")
    with subprocess.Popen(gateway, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield running.stdout.readline().strip()
        running.terminate()


@pytest.mark.slow
def test_ctrl_c_leaves_a_week_that_resumes(home: Path, slow_gateway: str) -> None:
    environment = near_empty(home, REQUESTY_API_KEY="test-key", REQUESTY_BASE_URL=slow_gateway)
    running = subprocess.Popen(
        [sys.executable, "-c", HEARING_SIGNALS, "run-weekly"],
        env=environment,
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    for line in running.stderr:
        if line.startswith("pitch"):
            break
    running.send_signal(signal.SIGINT)
    rest = running.communicate(timeout=60)[1]

    week = document(council(environment, "run-weekly", "--json"))
    calls = [json.loads(line) for line in council(environment, "events").stdout.splitlines()]

    assert running.returncode == 130
    assert "resumes with `council run-weekly`" in rest
    assert len(week["trades"]) == 6
    asked = [e["payload"]["call_id"] for e in calls if e["event_type"] == "ModelCalled"]
    assert len(asked) == len(set(asked))


@pytest.mark.slow
def test_a_closed_pipe_ends_the_command_quietly(home: Path) -> None:
    environment = near_empty(home)
    council(environment, "run-weekly", "--json")
    pipe = f"'{sys.executable}' -c '{COUNCIL}' events | head -n 1"

    done = subprocess.run(  # noqa: S602 - a shell is the point, all of it is ours
        pipe, shell=True, env=environment, cwd=home, capture_output=True, text=True, check=False
    )

    assert json.loads(done.stdout)["position"] == 1
    assert done.stderr == ""


@pytest.mark.slow
async def test_an_mcp_client_over_stdio_goes_from_run_weekly_to_a_filled_order(home: Path) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-c", COUNCIL, "mcp"],
        env=near_empty(home, COUNCIL_EXCHANGE_HOURS="always"),
        cwd=home,
    )

    async with mcp.Client(server) as client:
        run = await finished(client, await told(client, "run_weekly"))
        trade = (await told(client, "list_pending_trades"))["trades"][0]["trade_id"]
        ticket = await refused(client, "approve_trade", trade_ids=[trade])
        phrase = ticket.split("ask the user to type: ")[1].splitlines()[0]
        await told(client, "approve_trade", trade_ids=[trade], confirmation=phrase)
        status = await filled(client, run["run_id"], trade)

    assert status["pending"] == 5


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_although_its_client_keeps_stdin_open(
    home: Path, number: signal.Signals
) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", COUNCIL, "mcp"],
        env=near_empty(home),
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}}
    hello["clientInfo"] = {"name": "tester", "version": "1"}
    call = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    server.stdin.write(json.dumps(call) + "\n")
    server.stdin.flush()
    server.stdout.readline()

    server.send_signal(number)
    code = server.wait(timeout=30)
    server.stdin.close()
    server.stdout.close()

    assert code == 128 + number
