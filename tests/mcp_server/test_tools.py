"""The tools over a client in memory, on real PostgreSQL and the real simulated exchange."""

from typing import Any

import mcp
import pytest
from mcp_types import CallToolResult

from mcp_server.server import build_server
from tests.mcp_server.conftest import OpenApp

MOST_POLLS = 1_000


def text_of(result: CallToolResult) -> str:
    return result.content[0].text  # type: ignore[union-attr]  # tools answer with text first


async def told(client: mcp.Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text_of(result)
    return result.structured_content or {}


async def refused(client: mcp.Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return text_of(result)


async def finished(client: mcp.Client, run: dict[str, Any]) -> dict[str, Any]:
    for _ in range(MOST_POLLS):
        if run["state"] != "running":
            break
        run = await told(client, "get_run", run_id=run["run_id"], wait_seconds=20)
    assert run["state"] == "finished"
    return run


async def test_a_conversation_goes_from_run_weekly_to_a_filled_order(open_app: OpenApp) -> None:
    async with mcp.Client(build_server(open_app)) as client:
        run = await finished(client, await told(client, "run_weekly"))
        pending = (await told(client, "list_pending_trades"))["trades"]
        trade = pending[0]["trade_id"]
        without_phrase = await refused(client, "approve_trade", trade_ids=[trade])
        wrong = await refused(client, "approve_trade", trade_ids=[trade], confirmation="APPROVE")
        phrase = without_phrase.split("ask the user to type: ")[1].splitlines()[0]
        approved = await told(client, "approve_trade", trade_ids=[trade], confirmation=phrase)
        rejected = await told(
            client, "reject_trade", trade_id=pending[1]["trade_id"], reason="Too much of it."
        )
        again = await told(client, "approve_trade", trade_ids=[trade], confirmation=phrase)
        status = await filled(client, run["run_id"], trade)
        once_more = await told(client, "run_weekly")

    assert len(pending) == 6
    assert "NOT approved" in without_phrase
    assert "phrase is wrong" in wrong
    assert approved["status"] == "approved"
    assert rejected["status"] == "rejected"
    assert "already approved" in again["summary"]
    assert status["accounts"][0]["position"] != "flat"
    assert (status["pending"], status["mode"], status["venue"]) == (4, "rehearsal", "simulated")
    assert once_more["state"] == "finished"


async def filled(client: mcp.Client, run_id: str, trade_id: str) -> dict[str, Any]:
    """Wait, by asking, until the server's own executor has filled the trade; return the status."""
    for _ in range(MOST_POLLS):
        run = await told(client, "get_run", run_id=run_id, wait_seconds=0)
        trade = next(line for line in run["trades"] if line["trade_id"] == trade_id)
        if trade["status"] == "open":
            break
        # Not get_status: it asks every venue, and the executor waits for the same requests.
    assert trade["status"] == "open"
    return await told(client, "get_status")


async def test_the_steps_one_by_one_give_the_same_week(open_app: OpenApp) -> None:
    async with mcp.Client(build_server(open_app)) as client:
        too_early = await refused(client, "collect_pitches")
        for tool in ("run_research", "collect_pitches", "peer_review", "synthesize"):
            await finished(client, await told(client, tool))
            if tool == "peer_review":
                blind = (await told(client, "peer_review"))["scores"]
        packs = (await told(client, "run_research"))["packs"]
        pitches = (await told(client, "collect_pitches"))["pitches"]
        scores = (await told(client, "peer_review"))["scores"]
        synthesis = await told(client, "synthesize")

    assert "lacks: run `council research" in too_early
    assert [pack["pack"] for pack in packs] == ["A", "B"]
    assert len(pitches) == 5
    assert [score["reviews"] for score in scores] == [4] * 5
    assert {score["untrusted_text"] for score in blind} == {""}
    assert all(score["untrusted_text"] for score in scores)
    assert len(synthesis["trades"]) == 6


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("get_run", {"run_id": "2026-11-18"}, "no run id"),
        ("get_run", {"run_id": "run-2026-11-19"}, "nearest is 2026-11-18"),
        ("run_weekly", {"week_id": "2031-01-01"}, "run the current week"),
        ("approve_trade", {"trade_ids": ["no-such-trade"]}, "NOT approved"),
        ("reject_trade", {"trade_id": "no-such-trade", "reason": "x"}, "NOT rejected"),
        ("reject_trade", {"trade_id": "x", "reason": ""}, "at least 1 character"),
        ("run_checkpoint", {"time": "13:37"}, "no checkpoint"),
        ("run_checkpoint", {"time": "noon"}, "pattern"),
    ],
)
async def test_what_cannot_be_done_is_a_tool_error_that_says_what_did_not_happen(
    open_app: OpenApp, tool: str, arguments: dict[str, Any], expected: str
) -> None:
    async with mcp.Client(build_server(open_app)) as client:
        assert expected in await refused(client, tool, **arguments)
