"""The tools as hosts list them: names, schemas and hints are a contract, and have a budget."""

import json
from typing import Any

import mcp
from syrupy.assertion import SnapshotAssertion

from mcp_server.introduction import INSTRUCTIONS
from mcp_server.offers import OFFERS
from mcp_server.server import build_server
from mcp_server.tokens import token_counter
from tests.mcp_server.conftest import OpenApp

OWNERS_NAMES = {
    "run_research",
    "collect_pitches",
    "peer_review",
    "synthesize",
    "list_pending_trades",
    "approve_trade",
    "run_checkpoint",
}
SCHEMA_BUDGET_TOKENS = 5_000
MOST_TOOLS = 20


def never_opened() -> Any:
    raise AssertionError("listing tools must open nothing")


async def listed() -> list[dict[str, Any]]:
    async with mcp.Client(build_server(never_opened)) as client:
        tools = (await client.list_tools()).tools
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]


async def test_the_tools_are_listed_as_agreed(snapshot: SnapshotAssertion) -> None:
    assert await listed() == snapshot


async def test_the_owners_tools_are_all_there_and_the_budget_holds() -> None:
    tools = await listed()

    assert {tool["name"] for tool in tools} >= OWNERS_NAMES
    assert len(tools) <= MOST_TOOLS
    assert token_counter()(json.dumps(tools, separators=(",", ":"))) < SCHEMA_BUDGET_TOKENS


async def test_every_tool_has_a_title_four_hints_and_typed_results() -> None:
    for tool in await listed():
        hints = {name for name in tool["annotations"] if name.endswith("Hint")}
        assert tool["title"], tool["name"]
        assert len(hints) == 4, tool["name"]
        assert {"summary", "mode", "venue", "next_step"} <= set(tool["outputSchema"]["properties"])
        assert "\n    " not in tool["description"], "the docstring is dedented"


async def test_only_reading_tools_say_that_they_only_read() -> None:
    reading = {offer.call.__name__ for offer in OFFERS if offer.reads_only}

    looking = {"list_trades", "get_trade", "get_week", "get_postmortem", "get_leaderboard"}
    assert reading == {"list_pending_trades", "get_status"} | looking


async def test_what_may_be_left_out_is_listed_by_its_own_type_and_null_is_taken_all_the_same(
    open_app: OpenApp,
) -> None:
    async with mcp.Client(build_server(open_app)) as client:
        tools = (await client.list_tools()).tools
        nothing = {"status": None, "week_id": None, "cursor": None}
        answer = await client.call_tool("list_trades", nothing)

    fields = [field for tool in tools for field in tool.input_schema["properties"].values()]
    assert not [field for field in fields if "anyOf" in field or field.get("default", 0) is None]
    assert not answer.is_error


def test_the_instructions_fit_what_hosts_show() -> None:
    assert len(INSTRUCTIONS.encode()) <= 1_200


def test_no_tool_invites_the_model_to_approve() -> None:
    approve = next(o.call.__doc__ or "" for o in OFFERS if o.call.__name__ == "approve_trade")

    assert "Only a person approves" in approve
