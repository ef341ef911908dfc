"""Resources as hosts attach them: the tools' own texts, and reading one starts nothing."""

from typing import Any, Literal

import mcp
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, TextResourceContents

from config.errors import UnreachableError
from mcp_server import operations
from mcp_server.server import build_server
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.test_news import proposed_week
from tests.mcp_server.test_tool_schemas import never_opened

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = ("auto", "legacy")


async def read(client: mcp.Client, uri: str) -> TextResourceContents:
    contents = (await client.read_resource(uri)).contents[0]
    assert isinstance(contents, TextResourceContents)
    return contents


@pytest.mark.parametrize("era", ERAS)
async def test_what_can_be_read_is_listed_with_title_kind_and_audience(era: Era) -> None:
    async with mcp.Client(build_server(never_opened), mode=era) as client:
        resources = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates

    ours: list[Any] = [own for own in resources if own.uri.startswith("council://")]
    assert {own.uri for own in ours} == {"council://status", "council://weeks/current"}
    assert {own.uri_template for own in templates} == {
        "council://weeks/{week_id}",
        "council://weeks/{week_id}/postmortem",
        "council://weeks/{week_id}/postmortem.html",
        "council://trades/{trade_id}",
        "council://runs/{run_id}",
    }
    for own in (*ours, *templates):
        assert own.title
        assert own.description
        is_page = getattr(own, "uri_template", "").endswith(".html")
        assert own.mime_type == ("text/html" if is_page else "text/markdown")
        assert own.annotations.audience == ["user", "assistant"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_resource_says_what_its_tool_says(open_week: OpenApp, era: Era) -> None:
    week_id, trade_id = await proposed_week(open_week)
    same: dict[str, tuple[str, dict[str, Any]]] = {
        "council://status": ("get_status", {}),
        "council://weeks/current": ("get_week", {}),
        f"council://weeks/{week_id}": ("get_week", {"week_id": week_id}),
        f"council://trades/{trade_id}": ("get_trade", {"trade_id": trade_id}),
        f"council://runs/run-{week_id}": ("get_run", {"run_id": f"run-{week_id}"}),
    }

    async with mcp.Client(build_server(open_week), mode=era) as client:
        for uri, (tool, arguments) in same.items():
            told = await client.call_tool(tool, arguments)
            page = await read(client, uri)

            assert (page.uri, page.mime_type) == (uri, "text/markdown")
            assert page.text == told.content[0].text  # type: ignore[union-attr]  # text first


async def test_reading_a_run_neither_begins_nor_carries_it_on(open_app: OpenApp) -> None:
    async with open_app() as app:
        week_id = operations.week_in_force(app)
        await operations.run_step(app, "research", week_id=week_id, query=None)
        before = await app.deps.store.read_stream(f"week-{week_id}")
        async with mcp.Client(build_server(open_app)) as client:
            page = await read(client, f"council://runs/run-{week_id}")
        after = await app.deps.store.read_stream(f"week-{week_id}")

    assert "is unfinished; stored: snapshot, research." in page.text
    assert before == after


ABSENT = (
    "council://trades/no-such-trade",
    "council://trades/%2e%2e",
    "council://weeks/2026-11-11",
    "council://weeks/2026-11-19",
    "council://weeks/yesterday",
    "council://runs/run-2026-11-11",
    "council://runs/ask-nothing",
    "council://runs/nonsense",
    "council://elsewhere",
)


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_not_there_is_not_found(open_app: OpenApp, era: Era) -> None:
    async with mcp.Client(build_server(open_app), mode=era) as client:
        for uri in ABSENT:
            with pytest.raises(MCPError) as raised:
                await client.read_resource(uri)

            assert raised.value.error.code == INVALID_PARAMS, uri


async def test_a_database_that_is_away_is_said_in_a_sentence() -> None:
    def away() -> Any:
        raise UnreachableError("The database does not answer.")

    async with mcp.Client(build_server(away)) as client:
        with pytest.raises(MCPError, match="NOT read: The database does not answer") as raised:
            await client.read_resource("council://status")

    assert raised.value.error.code == INTERNAL_ERROR


async def test_lists_may_be_kept_for_an_hour_and_what_is_read_not_at_all(
    open_app: OpenApp,
) -> None:
    async with mcp.Client(build_server(open_app)) as client:
        lists = (
            await client.list_resources(),
            await client.list_resource_templates(),
            await client.list_prompts(),
        )
        tools = await client.list_tools()
        page = await client.read_resource("council://status")

    assert {(kept.ttl_ms, kept.cache_scope) for kept in lists} == {(3_600_000, "public")}
    assert (tools.ttl_ms, tools.cache_scope) == (3_600_000, "private")
    assert (page.ttl_ms, page.cache_scope) == (0, "private")


async def test_the_icon_is_one_small_picture() -> None:
    async with mcp.Client(build_server(never_opened)) as client:
        info = client.server_info

    assert info is not None
    assert info.icons is not None
    assert len(info.icons) == 1
    assert len(info.icons[0].src) < 500
