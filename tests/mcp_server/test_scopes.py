"""Every tool against every kind of caller, from the offers themselves: none can be forgotten."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import mcp
import pytest
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from starlette.requests import Request

from mcp_server.offers import OFFERS, Toolset
from mcp_server.scopes import SCOPES, Scope, held_by, with_narrower
from mcp_server.server import Serving
from mcp_server.web.scope_guard import LOCAL, ScopeGuard
from mcp_server.web.serving import Asked
from mcp_server.web.token_file import TokenFile
from tests.mcp_server.test_tools import text_of
from tests.mcp_server.web import ACCEPTS, INITIALIZE, Mode, browser, client, made_token, running

MODES: tuple[Mode, ...] = ("auto", "legacy")
WATCHING: tuple[Toolset, ...] = ("watch",)
READER = AuthenticatedUser(AccessToken(token="", client_id="ann", scopes=["council:read"]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scope", SCOPES)
async def test_each_scope_lists_and_calls_what_it_holds_and_nothing_above(
    tmp_path: Path, scope: Scope, mode: Mode
) -> None:
    token = made_token(tmp_path, scope)
    allowed = {own.name for own in OFFERS if own.scope in with_narrower(scope)}

    async with running(tmp_path) as transport, client(transport, token, mode=mode) as its:
        listed = {tool.name for tool in (await its.list_tools()).tools}
        answers = {own.name: text_of(await its.call_tool(own.name, {})) for own in OFFERS}

    refused = {name for name, answer in answers.items() if answer.startswith("NOT allowed")}
    assert listed == allowed
    assert refused == {own.name for own in OFFERS} - allowed


@pytest.mark.parametrize("mode", MODES)
async def test_without_any_token_made_a_local_program_may_do_everything(
    tmp_path: Path, mode: Mode
) -> None:
    async with running(tmp_path) as transport, client(transport, mode=mode) as its:
        listed = {tool.name for tool in (await its.list_tools()).tools}
        answers = [text_of(await its.call_tool(own.name, {})) for own in OFFERS]

    assert listed == {own.name for own in OFFERS}
    assert not [answer for answer in answers if answer.startswith("NOT allowed")]


async def test_with_a_token_made_nobody_gets_to_any_tool_without_one(tmp_path: Path) -> None:
    made_token(tmp_path, "read")

    async with running(tmp_path) as transport, browser(transport) as its:
        opened = await its.post("/mcp", json=INITIALIZE, headers=ACCEPTS)
        called = [
            (await its.post("/mcp", json=call(own.name), headers=ACCEPTS)).status_code
            for own in OFFERS
        ]

    assert opened.status_code == 401
    assert set(called) == {401}


def call(tool: str) -> dict[str, object]:
    parameters = {"name": tool, "arguments": {}}
    return {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": parameters}


async def test_a_refusal_says_what_was_not_done_and_what_the_operator_can_do(
    tmp_path: Path,
) -> None:
    token = made_token(tmp_path, "read")

    async with running(tmp_path) as transport, client(transport, token) as its:
        refused = await its.call_tool("halt_trading", {"reason": "Enough."})

    assert refused.is_error
    assert text_of(refused) == (
        "NOT allowed: halt_trading needs the scope council:run and this token holds council:read. "
        "Nothing was done. Do not retry. Tell the user: the operator makes another token with "
        "`council token create NAME --scope run`."
    )


@pytest.mark.parametrize("scope", SCOPES)
async def test_read_only_beats_every_scope(tmp_path: Path, scope: Scope) -> None:
    token = made_token(tmp_path, scope)
    asked = Asked(serving=Serving(read_only=True))

    async with running(tmp_path, asked) as transport, client(transport, token) as its:
        listed = {tool.name for tool in (await its.list_tools()).tools}

    assert listed == {own.name for own in OFFERS if own.reads_only}


@pytest.mark.parametrize("mode", MODES)
async def test_what_is_left_out_cannot_be_called_either(tmp_path: Path, mode: Mode) -> None:
    asked = Asked(serving=Serving(WATCHING, read_only=True))
    left_out = [own.name for own in OFFERS if own.toolset != "watch" or not own.reads_only]

    async with running(tmp_path, asked) as transport, client(transport, mode=mode) as its:
        answers = {await outcome(its, name) for name in left_out}

    assert answers == {"Unknown tool"}


async def outcome(its: mcp.Client, name: str) -> str:
    """Return how a call ended, without the tool's name."""
    try:
        said = text_of(await its.call_tool(name, {}))
    except MCPError as error:
        said = str(error)
    return said.partition(":")[0]


async def passed(message: ServerRequestContext[Any, Any]) -> HandlerResult:
    """Stand for the rest of the server."""
    return {"tools": [{"name": "get_status"}], "ttlMs": 1000, "cacheScope": "public"}


def message(method: str, **scope: object) -> ServerRequestContext[Any, Any]:
    """Return a message that came over HTTP with this ASGI scope."""
    request = Request({"type": "http", **scope})
    asked = SimpleNamespace(method=method, params={"name": "get_status"}, request=request)
    asked.protocol_version = "2026-07-28"
    return cast("ServerRequestContext[Any, Any]", asked)


@pytest.mark.parametrize(
    ("scope", "cache"), [({"user": READER}, "private"), ({LOCAL: True}, "public")]
)
async def test_a_list_made_for_one_token_is_kept_out_of_shared_caches(
    scope: dict[str, object], cache: str
) -> None:
    guard = ScopeGuard({"get_status": "read"})

    listed = await guard(message("tools/list", **scope), passed)

    assert isinstance(listed, dict)
    assert listed["cacheScope"] == cache


@pytest.mark.parametrize("method", ["tools/list", "tools/call", "resources/read", "initialize"])
async def test_a_request_that_nobody_vouches_for_gets_nothing(method: str) -> None:
    guard = ScopeGuard({"get_status": "read"})

    with pytest.raises(MCPError, match="send a bearer token"):
        await guard(message(method), passed)


async def test_a_tool_that_no_offer_names_needs_the_widest_scope() -> None:
    guard = ScopeGuard({})

    refused = await guard(message("tools/call", user=READER), passed)

    assert isinstance(refused, dict)
    assert refused["isError"]


@pytest.mark.parametrize("method", ["tasks/cancel", "tasks/update"])
async def test_who_only_reads_cannot_stop_a_task(method: str) -> None:
    guard = ScopeGuard({})

    with pytest.raises(MCPError, match="needs the scope council:run"):
        await guard(message(method, user=READER), passed)


@pytest.mark.parametrize(
    ("names", "held"),
    [
        ((), None),
        (("openid", "council"), None),
        (("council:read",), "read"),
        (("council:approve", "council:read"), "approve"),
        (("council:run", "admin"), "run"),
    ],
)
def test_the_widest_of_our_scopes_counts_and_other_names_mean_nothing(
    names: tuple[str, ...], held: Scope | None
) -> None:
    assert held_by(names) == held


@pytest.mark.parametrize("other", ["read", "none", "revoked"])
async def test_a_session_goes_on_with_the_token_that_began_it_and_no_other(
    tmp_path: Path, other: str
) -> None:
    began, reader = made_token(tmp_path, "approve"), made_token(tmp_path, "read")
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}

    async with running(tmp_path) as transport:
        async with browser(transport, began) as its:
            opened = await its.post("/mcp", json=INITIALIZE, headers=ACCEPTS)
        session = {**ACCEPTS, "Mcp-Session-Id": opened.headers["mcp-session-id"]}
        if other == "revoked":
            TokenFile.in_home(tmp_path).revoke("its-approve")
        token = {"read": reader, "none": None, "revoked": began}[other]
        async with browser(transport, token) as its:
            answer = await its.post("/mcp", json=call, headers=session)

    assert answer.status_code == (404 if other == "read" else 401)


async def test_a_session_that_began_without_a_token_ends_when_the_first_is_made(
    tmp_path: Path,
) -> None:
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}

    async with running(tmp_path) as transport, browser(transport) as its:
        opened = await its.post("/mcp", json=INITIALIZE, headers=ACCEPTS)
        session = {**ACCEPTS, "Mcp-Session-Id": opened.headers["mcp-session-id"]}
        token = made_token(tmp_path, "approve")
        without = await its.post("/mcp", json=call, headers=session)
        with_token = {**session, "Authorization": f"Bearer {token}"}
        taken_over = await its.post("/mcp", json=call, headers=with_token)

    assert (without.status_code, taken_over.status_code) == (401, 404)
