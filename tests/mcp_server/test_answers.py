"""What answers say in words: counts, where a person decides, and what is left of a failed run."""

from collections.abc import AsyncIterator

import mcp
import pytest

from config.settings import Settings
from council.trading.verdicts import phrase_for
from mcp_server.readings import list_trades
from mcp_server.server import build_server
from tests.mcp_server.approving import Scene, approve, client_of, opened_scene
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.test_tools import refused, text_of, told


@pytest.fixture
async def scene(settings: Settings) -> AsyncIterator[Scene]:
    async with opened_scene(settings) as opened:
        yield opened


async def test_who_is_shown_no_form_learns_the_command_and_when_the_page_is_there(
    scene: Scene,
) -> None:
    tickets = await scene.propose("GROQ")
    trade_id = tickets[0].trade_id

    async with client_of(scene.server()) as client:
        refusal = text_of(await approve(client, tickets))
    async with client_of(scene.in_mode("strict").server()) as client:
        strict = (await approve(client, tickets)).structured_content or {}

    for said in (refusal, strict["next_step"]):
        assert f"`council approve {trade_id}` in a terminal" in said
        assert f"/approvals/{trade_id} while `council serve` runs" in said


async def test_the_text_says_when_the_address_beside_a_list_can_be_opened(scene: Scene) -> None:
    await scene.propose("GROQ")

    async with client_of(scene.server()) as client:
        listed = await client.call_tool("list_pending_trades", {})

    assert "1 trade is pending." in text_of(listed)
    assert "/approvals (the user can decide there while `council serve` runs)" in text_of(listed)


async def test_a_trade_that_is_asked_again_is_listed_with_its_new_phrase(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")
    await scene.change(ticket)

    (listed,) = await list_trades(scene.app)

    assert listed.confirmation == phrase_for(ticket, 2)
    assert listed.confirmation != ticket.confirmation


async def test_a_week_that_can_never_begin_promises_no_going_on(open_app: OpenApp) -> None:
    async with mcp.Client(build_server(open_app)) as client:
        said = await refused(client, "run_weekly", week_id="2025-11-19")

    assert "was never begun: run the current week" in said
    assert said.endswith("Nothing of it is stored. Tell the user.")


async def test_an_answered_question_sends_nobody_back_to_the_tool_that_answered(
    open_app: OpenApp,
) -> None:
    async with mcp.Client(build_server(open_app)) as client:
        asked = await told(client, "ask_council", question="Which moved most?")
        while asked["state"] == "running":
            await told(client, "get_run", run_id=asked["run_id"])
            asked = await told(client, "ask_council", question="Which moved most?")
        followed = await told(client, "get_run", run_id=asked["run_id"])

    assert "ask_council" not in asked["next_step"]
    assert "ask_council with the same question" in followed["next_step"]
