"""Prompts as a person calls them in a host: task, stored material, and the rules last."""

from typing import Any, Literal

import mcp
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, TextContent
from syrupy.assertion import SnapshotAssertion

from config.errors import UnreachableError
from mcp_server.readings import list_trades
from mcp_server.server import build_server
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.test_news import proposed_week
from tests.mcp_server.test_tool_schemas import never_opened

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = ("auto", "legacy")
NAMES = [
    *("weekly-review", "approve-trades", "explain-trade"),
    *("checkpoint-brief", "postmortem-talk", "setup-check"),
]


async def text_of(client: mcp.Client, name: str, **arguments: str) -> str:
    """Return the one message of a prompt."""
    (message,) = (await client.get_prompt(name, arguments)).messages
    assert message.role == "user"
    assert isinstance(message.content, TextContent)
    return message.content.text


@pytest.mark.parametrize("era", ERAS)
async def test_prompts_are_listed_with_their_arguments(era: Era) -> None:
    async with mcp.Client(build_server(never_opened), mode=era) as client:
        prompts = (await client.list_prompts()).prompts

    taken = {own.name: [(a.name, a.required) for a in own.arguments or ()] for own in prompts}
    assert list(taken) == NAMES
    assert taken["weekly-review"] == [("week", False)]
    assert taken["explain-trade"] == [("trade_id", True)]
    assert all(own.title and own.description for own in prompts)
    assert all(a.description for own in prompts for a in own.arguments or ())


async def test_each_prompt_is_a_task_with_its_material_and_ends_with_who_decides(
    open_week: OpenApp, snapshot: SnapshotAssertion
) -> None:
    week_id, trade_id = await proposed_week(open_week)
    wanted: dict[str, tuple[dict[str, str], str]] = {
        "weekly-review": ({"week": week_id}, f"Week {week_id} is finished: 2 packs"),
        "approve-trades": ({}, "6 trades wait for the user."),
        "explain-trade": ({"trade_id": trade_id}, f"trade_id: {trade_id}"),
        "checkpoint-brief": ({}, "slots: 09:00, 12:00, 14:00, 15:50 New York time"),
        "postmortem-talk": ({"week": week_id}, f"Week {week_id} is not over"),
        "setup-check": ({}, "approval_mode: conversational"),
    }

    async with mcp.Client(build_server(open_week)) as client:
        for name, (arguments, material) in wanted.items():
            text = await text_of(client, name, **arguments)
            task, told, rules = text.split("\n\n---\n\n")

            assert material in told
            assert (task, rules) == snapshot(name=name)
            assert told.startswith("Mode: rehearsal models. Venue: simulated (paper only).")
            assert text.endswith("do not approve anything yourself.")


async def test_rules_come_after_what_models_wrote_and_no_phrase_is_shown(
    open_week: OpenApp,
) -> None:
    _, trade_id = await proposed_week(open_week)
    async with open_week() as app:
        trades = await list_trades(app)

    async with mcp.Client(build_server(open_week)) as client:
        decide = await text_of(client, "approve-trades")
        review = await text_of(client, "weekly-review")
        explain = await text_of(client, "explain-trade", trade_id=trade_id[:8])

    for text in (decide, review, explain):
        assert text.count("<untrusted_text>") == text.count("</untrusted_text>") == 1
        assert text.index("</untrusted_text>") < text.index("Rules for all of this:")
    assert all(trade.trade_id in decide for trade in trades)
    assert not any(trade.confirmation in decide + explain for trade in trades)


async def test_where_nothing_waits_nothing_is_to_be_decided(open_app: OpenApp) -> None:
    async with mcp.Client(build_server(open_app)) as client:
        decide = await text_of(client, "approve-trades")
        review = await text_of(client, "weekly-review")

    assert "but none waits for a decision" in decide
    assert "nothing is stored of this one" in review


WRONG: list[tuple[str, dict[str, str], str]] = [
    ("approve-all", {}, "There is no such prompt; there are weekly-review, approve-trades"),
    ("explain-trade", {}, "The prompt explain-trade needs trade_id."),
    ("explain-trade", {"trade_id": ""}, "The prompt explain-trade needs trade_id."),
    ("explain-trade", {"trade_id": "no-such"}, "No trade is 'no-such'; waiting: none."),
    ("approve-trades", {"all": "yes"}, "The prompt approve-trades takes no arguments."),
    ("weekly-review", {"week": "2026-11-19"}, "nearest is 2026-11-18"),
]


@pytest.mark.parametrize("era", ERAS)
async def test_a_wrong_name_or_argument_is_refused_in_a_sentence_in_both_eras(
    open_app: OpenApp, era: Era
) -> None:
    async with mcp.Client(build_server(open_app), mode=era) as client:
        for name, arguments, sentence in WRONG:
            with pytest.raises(MCPError, match=sentence) as raised:
                await client.get_prompt(name, arguments)

            assert raised.value.error.code == INVALID_PARAMS


async def test_a_database_that_is_away_is_said_in_a_sentence() -> None:
    def away() -> Any:
        raise UnreachableError("The database does not answer.")

    async with mcp.Client(build_server(away)) as client:
        with pytest.raises(MCPError, match="NOT prepared: The database does not") as raised:
            await client.get_prompt("setup-check")

    assert raised.value.error.code == INTERNAL_ERROR
