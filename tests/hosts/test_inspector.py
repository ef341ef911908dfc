"""The Inspector's command line, in both protocol eras, against real servers."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.inspector import TOOL_ERROR, Era, Inspector
from tests.hosts.served import COUNCIL, near_empty, served
from tests.hosts.tools import NodeTools

pytestmark = pytest.mark.slow

ERAS: tuple[Era, ...] = ("legacy", "modern")
MOST_POLLS = 60
CARD = "ui://council/approvals"


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> Era:
    """Return a protocol era."""
    return request.param  # type: ignore[no-any-return]  # pytest types it as Any


@pytest.fixture
def over_stdio(node_tools: NodeTools, database_dsn: str, tmp_path: Path, era: Era) -> Inspector:
    """Return the Inspector with `council mcp` to start for every call."""
    server = {
        "type": "stdio",
        "command": sys.executable,
        "args": [*COUNCIL[1:], "mcp"],
        "env": near_empty(database_dsn, tmp_path),
        "cwd": str(tmp_path),
    }
    return Inspector.of(node_tools, tmp_path, server, era)


@pytest.fixture
def over_http(
    node_tools: NodeTools, database_dsn: str, tmp_path: Path, era: Era
) -> Iterator[Inspector]:
    """Return the Inspector with a `council serve` that runs for the test."""
    with served(near_empty(database_dsn, tmp_path)) as address:
        yield Inspector.of(node_tools, tmp_path, {"type": "http", "url": address}, era)


def test_the_tools_are_portable_and_show_the_card_over_stdio(over_stdio: Inspector) -> None:
    strict = over_stdio.call("tools/list", "--strict")
    listed = over_stdio.run("--method", "tools/list", "--app-info")

    apps = {line["toolName"]: line for line in map(json.loads, listed.stdout.splitlines())}
    assert strict.code == 0, strict.stderr
    assert apps["list_pending_trades"]["hasApp"]
    assert apps["list_pending_trades"]["resourceUri"] == CARD
    assert apps["list_pending_trades"]["visibility"] == ["model", "app"]
    metas = {tool["name"]: tool.get("_meta", {}) for tool in strict.result["tools"]}
    assert metas["decide_trade"]["ui"]["visibility"] == ["app"]


def test_prompts_and_resources_can_be_listed_and_read(over_http: Inspector) -> None:
    inspector = over_http
    week = finished(inspector)["week_id"]

    prompts = inspector.call("prompts/list").result["prompts"]
    resources = inspector.call("resources/list").result["resources"]
    templates = inspector.call("resources/templates/list").result["resourceTemplates"]
    got = inspector.call(
        "prompts/get", "--prompt-name", "weekly-review", "--prompt-args", f"week={week}"
    )
    read = inspector.call("resources/read", "--uri", f"council://weeks/{week}")
    card = inspector.call("resources/read", "--uri", CARD)

    assert "weekly-review" in {prompt["name"] for prompt in prompts}
    assert CARD in {resource["uri"] for resource in resources}
    assert "council://weeks/{week_id}" in {template["uriTemplate"] for template in templates}
    assert week in json.dumps(got.result["messages"])
    assert week in read.result["contents"][0]["text"]
    assert card.result["contents"][0]["mimeType"] == "text/html;profile=mcp-app"


def test_inspector_calls_alone_go_from_run_weekly_to_a_filled_order(over_http: Inspector) -> None:
    inspector = over_http
    run = finished(inspector)
    trade = inspector.told("list_pending_trades")["trades"][0]["trade_id"]

    refused = inspector.tool("approve_trade", trade_ids=[trade])
    phrase = refused.text.split("ask the user to type: ")[1].splitlines()[0]
    approved = inspector.told("approve_trade", trade_ids=[trade], confirmation=phrase)
    status = filled(inspector, run["run_id"], trade)

    assert refused.code == TOOL_ERROR
    assert "NOT approved" in refused.text
    assert "Approved" in approved["summary"]
    assert (status["pending"], status["venue"]) == (5, "simulated")
    assert any(account["position"].startswith(("+", "-")) for account in status["accounts"])


def finished(inspector: Inspector) -> dict[str, Any]:
    """Start the week and ask for it until it is finished."""
    run = inspector.told("run_weekly")
    for _ in range(MOST_POLLS):
        if run["state"] == "finished":
            break
        run = inspector.told("get_run", run_id=run["run_id"], wait_seconds=20)
    assert run["state"] == "finished"
    return run


def filled(inspector: Inspector, run_id: str, trade_id: str) -> dict[str, Any]:
    """Ask until the server's executor has filled the trade; return the status."""
    for _ in range(MOST_POLLS):
        run = inspector.told("get_run", run_id=run_id, wait_seconds=0)
        trade = next(line for line in run["trades"] if line["trade_id"] == trade_id)
        if trade["status"] == "open":
            return inspector.told("get_status")
    raise AssertionError(f"never filled: {trade}")
