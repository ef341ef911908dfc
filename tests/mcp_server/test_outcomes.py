"""What the tools, resources and the prompt tell of a postmortem and of who is ahead."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import mcp
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, ImageContent

from config.errors import UsageError
from config.ids import random_id
from council.errors import WeekNotOver
from mcp_server import news, operations
from mcp_server.server import EVERYTHING, Serving, build_server
from mcp_server.tokens import token_counter
from store.addresses import with_database
from tests.conftest import copy_database, drop_database, run_apart
from tests.mcp_server.conftest import settings_for
from tests.mcp_server.past_weeks import PastWeek, past_week
from tests.mcp_server.test_host_prompts import text_of as prompt_of
from tests.mcp_server.test_news import heard
from tests.mcp_server.test_resources import read
from tests.mcp_server.test_tools import refused, text_of, told

MOST_TOKENS = 8_000
NEVER = "2026-11-11"


@pytest.fixture(scope="module")
def written(
    cluster_dsn: str, week_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PastWeek]:
    """Write the postmortem of this week once, after its end, for the tests that only read."""
    name = f"test_{random_id().hex}"
    run_apart(lambda: copy_database(cluster_dsn, week_database, name))
    dsn = with_database(cluster_dsn, name)
    past = past_week(settings_for(dsn, tmp_path_factory.mktemp("past")))
    run_apart(lambda: write(past))
    yield past
    run_apart(lambda: drop_database(cluster_dsn, name))


async def write(past: PastWeek) -> None:
    async with past.opening()() as app:
        # What waits beyond the week's end expires first, or a server would let it meanwhile.
        await operations.execute(app, ())
        await operations.write_postmortem(app, past.week_id)


@pytest.fixture
def unwritten(week_dsn: str, tmp_path: Path) -> PastWeek:
    """Return this week without any postmortem."""
    return past_week(settings_for(week_dsn, tmp_path))


def client_of(past: PastWeek, serving: Serving = EVERYTHING) -> mcp.Client:
    return mcp.Client(build_server(past.opening(), serving))


async def test_a_postmortem_tells_numbers_stages_claims_and_lessons(written: PastWeek) -> None:
    async with client_of(written) as client:
        answer = await told(client, "get_postmortem")
        by_name = await told(client, "get_postmortem", week_id=written.week_id)

    assert answer == by_name
    assert (answer["state"], answer["week_id"]) == ("written", written.week_id)
    assert [line["account"] for line in answer["accounts"]][-1] == "COUNCIL"
    assert {"SPY", "FLAT", "Managers' mean"} <= {line["book"] for line in answer["books"]}
    assert {line["said"] for line in answer["stages"]} <= {
        f"not enough weeks: {count} of 8" for count in (0, 1)
    }
    assert all(line["evidence"] for line in answer["claims"])
    assert {(line["said"], line["age_weeks"]) for line in answer["lessons"]} == {("new", 0)}
    assert answer["mode"] == "rehearsal"
    assert f"--week {written.week_id} --html FILE" in answer["next_step"]


async def test_structure_and_text_say_the_same_and_fit_a_host(written: PastWeek) -> None:
    async with client_of(written) as client:
        results = [
            await client.call_tool(tool, {}) for tool in ("get_postmortem", "get_leaderboard")
        ]

    for result in results:
        structure, text = result.structured_content or {}, text_of(result)
        assert token_counter()(text) < MOST_TOKENS
        assert structure["summary"] in text
        assert all(sentence in text for sentence in structure["degraded"])
        assert structure["next_step"] in text
        assert text.index("Mode: rehearsal") < text.index(structure["summary"])


async def test_the_charts_come_only_where_they_are_asked_for(written: PastWeek) -> None:
    pytest.importorskip("resvg_py", reason="the extra `charts` is not installed")

    async with client_of(written) as client:
        plain = await client.call_tool("get_postmortem", {})
        drawn = await client.call_tool("get_postmortem", {"with_chart": True})

    assert len(plain.content) == 1
    assert isinstance(drawn.content[1], ImageContent)
    assert drawn.content[1].mime_type == "image/png"
    assert drawn.structured_content == plain.structured_content


async def test_without_the_extra_the_numbers_come_and_say_what_the_picture_needs(
    written: PastWeek, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)

    async with client_of(written) as client:
        answer = await client.call_tool("get_postmortem", {"with_chart": True})

    assert len(answer.content) == 1
    assert "--extra charts" in (answer.structured_content or {})["notices"][-1]


async def test_who_is_ahead_stands_beside_spy_cash_and_the_managers_mean(
    written: PastWeek,
) -> None:
    async with client_of(written) as client:
        answer = await told(client, "get_leaderboard")

    kinds = {line["name"]: line["kind"] for line in answer["leaders"]}
    assert (kinds["SPY"], kinds["FLAT"], kinds["Managers' mean"]) == ("book",) * 3
    assert kinds["COUNCIL"] == "account"
    left_out = {line["name"]: line["left_out_by_paper"] for line in answer["leaders"]}
    assert (left_out["SPY"], left_out["COUNCIL"][:10]) == ("\N{EN DASH}", "dividends ")
    assert answer["weeks"] == 1
    assert {line["reviewer"] for line in answer["reviewers"]} > {"all together"}
    assert "not enough weeks" in answer["summary"]


async def test_a_week_that_is_over_says_who_writes_its_postmortem_and_nothing_is_written(
    unwritten: PastWeek,
) -> None:
    async with unwritten.opening()() as app:
        before = await app.deps.store.head()
    async with client_of(unwritten, Serving(read_only=True)) as client:
        missing = await told(client, "get_postmortem")
        never = await told(client, "get_postmortem", week_id=NEVER)
        no_week = await refused(client, "get_postmortem", week_id="2026-11-19")
    async with unwritten.opening()() as app:
        after = await app.deps.store.head()

    assert (missing["state"], missing["week_id"]) == ("missing", unwritten.week_id)
    assert f"`council postmortem --week {unwritten.week_id}` in a terminal" in missing["next_step"]
    assert (missing["claims"], missing["page"]) == ([], "")
    assert never["state"] == "not_started"
    assert "NOT found" in no_week
    assert before == after


async def test_a_week_that_runs_says_when_it_ends_and_is_not_written(unwritten: PastWeek) -> None:
    before_end = unwritten.window.ends_at - timedelta(hours=1)

    async with unwritten.opening(before_end)() as app:
        shape = await operations.postmortem(app, unwritten.week_id)
        with pytest.raises(WeekNotOver, match=f"Week {unwritten.week_id} runs until ") as raised:
            await operations.write_postmortem(app, unwritten.week_id)
        with pytest.raises(UsageError, match="No week is over yet"):
            await operations.write_postmortem(app, None)

    assert (shape.state, shape.ends_at) == ("running", unwritten.window.ends_at)
    assert raised.value.exit_code == 5


async def test_without_a_name_the_newest_week_that_is_over_is_written_once(
    unwritten: PastWeek,
) -> None:
    async with unwritten.opening()() as app:
        first = await operations.write_postmortem(app, None)
        head = await app.deps.store.head()
        again = await operations.write_postmortem(app, None)
        same_head = await app.deps.store.head()

    assert first == again == unwritten.week_id
    assert head == same_head


async def test_the_resources_are_the_tools_text_and_a_page(written: PastWeek) -> None:
    uri = f"council://weeks/{written.week_id}/postmortem"

    async with client_of(written) as client:
        answer = await client.call_tool("get_postmortem", {"week_id": written.week_id})
        text = await read(client, uri)
        page = await read(client, f"{uri}.html")
        listed = (await client.list_resource_templates()).resource_templates

    kinds = {own.uri_template: own.mime_type for own in listed}
    assert text.text == text_of(answer)
    assert (answer.structured_content or {})["page"] == f"{uri}.html"
    assert (page.mime_type, page.text[:15].lower()) == ("text/html", "<!doctype html>")
    assert kinds["council://weeks/{week_id}/postmortem.html"] == "text/html"


async def test_a_postmortem_that_is_not_written_is_no_resource(unwritten: PastWeek) -> None:
    async with client_of(unwritten) as client:
        for week_id in (unwritten.week_id, NEVER, "yesterday"):
            for end in ("", ".html"):
                with pytest.raises(MCPError) as raised:
                    await client.read_resource(f"council://weeks/{week_id}/postmortem{end}")

                assert raised.value.error.code == INVALID_PARAMS


async def test_the_prompt_gives_the_task_then_the_postmortem_then_the_rules(
    written: PastWeek,
) -> None:
    async with client_of(written) as client:
        text = await prompt_of(client, "postmortem-talk")
        named = await prompt_of(client, "postmortem-talk", week=written.week_id)

    task, material, rules = text.split("\n\n---\n\n")
    assert text == named
    assert "say exactly that and give no verdict" in task
    assert f"Week {written.week_id}: " in material
    assert rules.startswith("Rules for all of this:")


async def test_whoever_listens_hears_that_a_postmortem_was_written(
    unwritten: PastWeek, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "WINDOW", timedelta(milliseconds=20))
    uri = f"council://weeks/{unwritten.week_id}/postmortem"
    uris = (uri, f"{uri}.html", f"council://weeks/{unwritten.week_id}")

    async with (
        client_of(unwritten) as client,
        client.listen(resource_subscriptions=uris) as listening,
        unwritten.opening()() as other,
    ):
        await operations.write_postmortem(other, unwritten.week_id)
        told_of = await heard(listening, *uris)

    assert told_of == set(uris)
