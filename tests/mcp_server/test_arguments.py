"""What callers are told of arguments that do not fit, and of what they made up."""

from typing import Any

import mcp
import pytest
from mcp.shared.exceptions import MCPError

from mcp_server.server import build_server
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.test_tools import refused


def never_opened() -> Any:
    raise AssertionError("arguments that do not fit must open nothing")


async def test_what_does_not_fit_is_named_in_one_sentence_without_what_was_sent() -> None:
    async with mcp.Client(build_server(never_opened)) as client:
        said = await refused(client, "get_run", run_id=["secret"], wait_seconds=99)

    assert said == (
        "get_run was NOT called, nothing was done: run_id: Input should be a valid string; "
        "wait_seconds: Input should be less than or equal to 25. Mend the arguments and call again."
    )


async def test_an_unknown_argument_is_refused_as_the_schema_says() -> None:
    async with mcp.Client(build_server(never_opened)) as client:
        said = await refused(client, "get_status", **{"weekid\x1b" + "x" * 500: "2026-11-18"})

    assert "there is no argument weekid\\x1bxxx" in said
    assert len(said) < 200


async def test_an_unknown_argument_is_answered_with_those_there_are() -> None:
    async with mcp.Client(build_server(never_opened)) as client:
        said = await refused(client, "halt_trading", reason="storm", account="CHATGPT")

    assert said == (
        "halt_trading was NOT called, nothing was done: there is no argument account. Its "
        "arguments: reason, accounts. Mend the arguments and call again."
    )


@pytest.mark.parametrize("week", ["\x1b[2J\u202e", "A" * 1_000_000])
async def test_a_refusal_quotes_nothing_that_steers_a_terminal_or_is_long(
    open_app: OpenApp, week: str
) -> None:
    async with mcp.Client(build_server(open_app)) as client:
        said = await refused(client, "run_weekly", week_id=week)
        with pytest.raises(MCPError) as unknown:
            await client.read_resource(f"council://weeks/{week}")

    for text in (said, str(unknown.value)):
        assert len(text) < 13_000
        assert text.replace("…", "").isascii()
        assert "\x1b" not in text
    assert said.startswith("NOT started: ")
