"""The pages that show, and the answers for whoever watches the server."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from config.settings import Settings
from mcp_server.host import Host
from mcp_server.wiring import App
from tests.browser.scene import IMAGE, SCRIPT, store_week
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.web import browser, made_token, nothing, running

MOST_LOOKS = 1_000
POLICY = "content-security-policy"


@asynccontextmanager
async def visited(open_app: OpenApp, home: Path) -> AsyncIterator[tuple[App, httpx2.AsyncClient]]:
    """Yield the app of a running server and a browser that looks at it."""
    host = Host(open_app, nothing)
    async with running(home, host=host) as transport, browser(transport) as its:
        yield await host.app(), its


async def head_of(app: App) -> Any:
    return await app.pool.fetchval("SELECT max(position) FROM events")


async def test_the_pages_show_every_trade_that_waits_and_change_nothing(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with visited(open_app, tmp_path) as (app, its):
        tickets = await store_week(app)
        before = await head_of(app)
        listed = (await its.get("/approvals")).text
        pages = [(await its.get(f"/approvals/{own.trade_id}")).text for own in tickets]
        after = await head_of(app)

    assert "6 trades wait for you" in listed
    for ticket, shown in zip(tickets, pages, strict=True):
        assert f'href="/approvals/{ticket.trade_id}"' in listed
        assert f"<code>council approve {ticket.trade_id}</code>" in shown
        assert f"<code>council reject {ticket.trade_id} --reason" in shown
        assert ticket.digest[:16] in shown
        assert "PAPER" in shown
    assert "A weak auction is behind us" in pages[-1]
    assert before == after


async def test_what_models_wrote_stays_text(open_app: OpenApp, tmp_path: Path) -> None:
    async with visited(open_app, tmp_path) as (app, its):
        tickets = await store_week(app)
        pages = [(await its.get(f"/approvals/{own.trade_id}")).text for own in tickets]

    assert "&lt;script&gt;window.stolen" in pages[0]
    assert not [page for page in pages if SCRIPT in page or IMAGE in page]
    assert not [page for page in pages if re.search(r"<(img|iframe|object|embed)\b", page)]


async def test_a_page_loads_our_files_alone_and_stands_in_no_frame(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with visited(open_app, tmp_path) as (_, its):
        answer = await its.get("/approvals")
        style = re.findall(r'<link rel="stylesheet" href="([^"]+)">', answer.text)
        sheet = await its.get(style[0])
        stale = await its.get(re.sub("[0-9a-f]{16}", "0" * 16, style[0]))

    policy = dict(rule.split(" ", 1) for rule in answer.headers[POLICY].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert (sheet.status_code, sheet.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in sheet.headers["cache-control"]
    assert stale.status_code == 404


async def test_where_nothing_waits_the_page_says_so(open_app: OpenApp, tmp_path: Path) -> None:
    async with visited(open_app, tmp_path) as (_, its):
        home = await its.get("/")
        listed = await its.get("/approvals")
        missing = await its.get("/approvals/no-such-trade")

    assert (home.status_code, home.headers["location"]) == (303, "/approvals")
    assert "No trades wait for you" in listed.text
    assert missing.status_code == 404
    assert "no-such-trade" in missing.text
    assert POLICY in missing.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_the_pages_take_nothing(tmp_path: Path, method: str) -> None:
    async with running(tmp_path) as transport, browser(transport) as its:
        answers = [
            (await its.request(method, path)).status_code
            for path in ("/", "/approvals", "/approvals/x", "/health", "/ready")
        ]

    assert set(answers) == {405}


async def test_while_the_database_is_away_a_page_says_so(tmp_path: Path) -> None:
    async with running(tmp_path) as transport, browser(transport) as its:
        shown = await its.get("/approvals")

    assert shown.status_code == 503
    assert "The database does not answer." in shown.text
    assert POLICY in shown.headers


async def test_a_token_is_no_ticket_to_the_pages_of_this_machine(tmp_path: Path) -> None:
    made_token(tmp_path, "read")

    async with running(tmp_path) as transport, browser(transport) as its:
        at_home = await its.get("/approvals")
        by_proxy = await its.get("/approvals", headers={"X-Forwarded-For": "192.0.2.1"})

    assert (at_home.status_code, by_proxy.status_code) == (503, 401)


async def test_pages_that_others_could_reach_need_a_token_that_reads(tmp_path: Path) -> None:
    token, published = made_token(tmp_path, "read"), {"COUNCIL_WEB_URL": "https://council.example"}

    async with (
        running(tmp_path, variables=published) as transport,
        browser(transport) as nobody,
        browser(transport, token) as reader,
    ):
        answers = [
            (await who.get(path)).status_code
            for who in (nobody, reader)
            for path in ("/approvals", "/approvals/x", "/")
        ]

    assert answers == [401, 401, 401, 503, 503, 303]


async def test_a_server_that_works_is_ready_and_says_in_which_mode(
    open_app: OpenApp, settings: Settings
) -> None:
    async with visited(open_app, settings.council_home) as (_, its):
        ready = await its.get("/ready")

    assert ready.status_code == 200
    assert ready.json() == {
        "ready": True,
        "executor": "working",
        "database": "answers",
        "mode": "rehearsal",
        "venue": "simulated",
    }


async def test_a_server_whose_database_is_away_lives_but_is_not_ready(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with visited(open_app, tmp_path) as (app, its):
        await app.pool.close()
        health, ready = await its.get("/health"), await its.get("/ready")

    assert health.status_code == 200
    assert (ready.status_code, ready.json()["database"]) == (503, "away")


async def test_a_server_whose_executor_died_is_not_ready(open_app: OpenApp, tmp_path: Path) -> None:
    async def dies(*_: object) -> None:
        raise RuntimeError("It died.")

    host = Host(open_app, dies)
    async with running(tmp_path, host=host) as transport, browser(transport) as its:
        await host.app()
        for _ in range(MOST_LOOKS):
            ready = await its.get("/ready")
            if ready.json()["executor"] != "working":
                break

    assert ready.status_code == 503
    assert ready.json()["executor"].startswith("stopped")
    assert ready.json()["database"] == "answers"


async def test_a_server_that_only_reads_is_ready_without_an_executor(
    open_app: OpenApp, tmp_path: Path
) -> None:
    host = Host(open_app, nothing, reads_only=True)
    async with running(tmp_path, host=host) as transport, browser(transport) as its:
        await host.app()
        ready = await its.get("/ready")

    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert ready.json()["executor"] == "not here: this server only reads"
