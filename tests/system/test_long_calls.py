"""A real server over stdio whose models hang: every call answers soon, and no run is lost."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any, Literal

import mcp
import pytest
from mcp import StdioServerParameters

from tests.mcp_server.test_tools import finished, told
from tests.system.chat_gateway import ChatGateway, running_gateway
from tests.system.command import gateway_environment

HANGS_SECONDS = 600.0
LONGEST_CALL_SECONDS = 45
QUESTION = {"question": "Is gold a hedge?"}
_START = "from mcp_server.start import main; main()"


def stdio(environment: dict[str, str]) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable, args=["-c", _START, "mcp"], env=environment
    )


async def timed(client: mcp.Client, tool: str, **arguments: Any) -> tuple[float, dict[str, Any]]:
    began = time.monotonic()
    answer = await told(client, tool, **arguments)
    return time.monotonic() - began, answer


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_models_that_hang_hold_no_call_up_and_the_run_survives_call_and_server(
    database_dsn: str, tmp_path: Path, mode: Literal["auto", "legacy"]
) -> None:
    gateway = ChatGateway(delay_seconds=HANGS_SECONDS)

    async with running_gateway(gateway) as address:
        environment = gateway_environment(database_dsn, tmp_path, address)
        async with mcp.Client(stdio(environment), mode=mode) as client:
            seconds, run = await timed(client, "run_weekly")
            asking, question = await timed(client, "ask_council", **QUESTION)
            following = asyncio.create_task(told(client, "get_run", run_id=run["run_id"]))
            await asyncio.sleep(0.2)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            looking, still = await timed(client, "get_run", run_id=run["run_id"], wait_seconds=1)
        hung = len(gateway.calls)
        gateway.delay_seconds = 0.0
        async with mcp.Client(stdio(environment), mode=mode) as client:
            done = await finished(client, run)
            answered = await finished(client, question)

    assert max(seconds, asking, looking) < LONGEST_CALL_SECONDS
    assert (run["state"], question["state"], still["state"]) == ("running",) * 3
    assert len(done["trades"]) == 6
    assert answered["state"] == "finished"
    answers = [call for call in gateway.calls if call.answered]
    assert len(answers) == len(gateway.calls) - hung
    assert len({(call.model, call.prompt) for call in answers}) == len(answers)
