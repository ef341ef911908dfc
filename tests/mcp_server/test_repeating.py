"""The same call is answered as before while nothing has changed, and not a moment longer."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import pytest
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.server.context import ServerRequestContext

from config import telemetry
from council.ports import Deps
from council.trading.approvals import Decider
from mcp_server import repeating
from mcp_server.host import Host
from mcp_server.listing import listed_tools
from mcp_server.operations import reject
from mcp_server.repeating import Repeated
from mcp_server.server import server_of
from mcp_server.shared_reading import LONGEST
from mcp_server.tools.trades import NONCES
from mcp_server.web.app import web_app
from mcp_server.web.running import Calls
from mcp_server.web.scope_guard import ScopeGuard
from mcp_server.wiring import App, Terms, assembled
from store.errors import StoreUnavailable
from tests.council.trading.scenes import proposed
from tests.fakes import make_deps
from tests.mcp_server.conftest import settings_for
from tests.mcp_server.web import access, browser, nothing, running, unopened

VERSION = "2026-07-28"
TOOL = "list_pending_trades"


@dataclass
class Server:
    """The middleware before a tool that counts how often it is asked; its reading counts too."""

    deps: Deps
    is_whole: bool = True
    sayings: int = 1
    answer: Mapping[str, Any] = field(default_factory=dict)
    times: int = 0
    readings: int = 0

    def __post_init__(self) -> None:
        self.host = Host(self._opened, nothing, reads_only=True)
        self._repeated = Repeated({TOOL})

    async def call(self, *, tool: object = TOOL, version: str = VERSION, **arguments: Any) -> int:
        """Call it; the number of the reading that it answers with."""
        return await self.send("tools/call", tool, version, **arguments)

    async def send(self, method: str, tool: object, version: str, **arguments: Any) -> int:
        """Send a message with the words of a call."""
        ctx = SimpleNamespace(
            method=method,
            params={"name": tool, "arguments": arguments},
            protocol_version=version,
            lifespan_context=self.host,
        )
        context = cast("ServerRequestContext[Any, Any]", ctx)
        answer = await self._repeated(context, self._tool)
        assert isinstance(answer, dict)
        return int(answer["reading"])

    async def _tool(self, _: object) -> dict[str, Any]:
        self.times += 1
        await self.host.app()
        for _ in range(self.sayings):
            number = await self.host.shared.read(
                "trades", self.deps, self._read, is_whole=self.is_whole
            )
        return {"reading": number, **self.answer}

    async def _read(self) -> int:
        self.readings += 1
        return self.readings

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[App]:
        yield cast("App", SimpleNamespace(deps=self.deps, role=None))


@asynccontextmanager
async def serving(deps: Deps | None = None, **terms: Any) -> AsyncIterator[Server]:
    server = Server(deps or make_deps(), **terms)
    try:
        yield server
    finally:
        await server.host.aclose()


async def test_the_same_call_asks_the_tool_once_while_nothing_is_stored() -> None:
    async with serving() as server:
        answers = [await server.call(limit=5) for _ in range(3)]

        assert (answers, server.times) == ([1, 1, 1], 1)


async def test_a_call_after_something_was_stored_is_answered_anew() -> None:
    async with serving() as server:
        before = await server.call()
        await proposed(server.deps)

        assert (before, await server.call()) == (1, 2)


async def test_a_call_after_the_halt_file_was_written_is_answered_anew() -> None:
    wanted: list[str | None] = [None]
    async with serving(replace(make_deps(), halt_wanted=lambda: wanted[0])) as server:
        before = await server.call()
        wanted[0] = "stop"

        assert (before, await server.call()) == (1, 2)


async def test_an_answer_grows_no_older_than_what_was_read_for_it() -> None:
    async with serving() as server:
        await server.call(limit=1)
        await server.deps.clock.sleep(LONGEST - timedelta(seconds=1))
        again = await server.call(limit=2)
        await server.deps.clock.sleep(timedelta(seconds=1))

        assert (again, await server.call(limit=2)) == (1, 2)


async def test_other_words_another_client_or_another_tool_ask_by_themselves() -> None:
    async with serving() as server:
        await server.call(limit=5)
        for arguments in ({"limit": 6}, {}, {"limit": 5, "cursor": None}, {"limit": True}):
            await server.call(**arguments)
        await server.call(version="2025-11-25", limit=5)

        assert server.times == 6


@pytest.mark.parametrize("tool", ["decide_trade", None, [TOOL], {TOOL: TOOL}])
async def test_a_tool_that_is_not_named_is_asked_each_time(tool: object) -> None:
    async with serving() as server:
        for _ in range(2):
            await server.call(tool=tool)

        assert server.times == 2


async def test_another_message_of_the_same_words_is_no_call() -> None:
    async with serving() as server:
        await server.call()
        await server.send("prompts/get", TOOL, VERSION)

        assert server.times == 2


async def test_long_calls_are_not_kept_and_many_push_the_first_out() -> None:
    async with serving() as server:
        for _ in range(2):
            await server.call(cursor="x" * 2_000)
        for limit in (*range(51), 50, 0):
            await server.call(limit=limit)

        assert server.times == 2 + 51 + 1


async def test_a_call_that_is_answered_as_before_is_counted_as_every_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tallies = telemetry.Tallies()
    monkeypatch.setattr(telemetry, "TALLIES", tallies)
    async with serving() as server:
        for _ in range(3):
            await server.call()

    # The tool itself counts the first of them; this one counts nothing.
    ((labels, tally),) = tallies.of(telemetry.TOOL_CALLS)
    assert (labels, tally.count) == ((TOOL, "answered"), 2)


@pytest.mark.parametrize(
    "terms",
    [{"is_whole": False}, {"sayings": 2}, {"answer": {"isError": True}}],
    ids=["more is said", "two readings are said", "it failed"],
)
async def test_what_is_more_than_the_reading_or_an_error_is_not_repeated(
    terms: dict[str, Any],
) -> None:
    async with serving(**terms) as server:
        await server.call()
        await server.call()

        assert server.times == 2


async def test_where_the_log_does_not_answer_the_tool_says_so() -> None:
    async with serving() as server:
        await server.call()

        async def away() -> int:
            raise StoreUnavailable("The database does not answer.")

        cast("Any", server.deps.store).head = away
        with pytest.raises(StoreUnavailable):
            await server.call()

        assert server.times == 2


async def test_a_log_that_takes_long_is_left_to_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeating, "LONGEST_LOOK", timedelta(0))
    async with serving() as server:
        for _ in range(2):
            await server.call()

        assert server.times == 2


def test_what_counts_and_what_refuses_stand_before_what_repeats(tmp_path: Path) -> None:
    host = Host(unopened, nothing)
    server = server_of(lambda: host, tools_of=listed_tools)

    web_app(server, host, access(tmp_path), calls=Calls(), stateless=False)

    kinds: list[object] = [type(one) for one in server.middleware]
    assert kinds[-3:] == [Calls, ScopeGuard, Repeated]


async def test_over_http_another_process_and_the_halt_file_show_in_the_very_next_answer(
    week_dsn: str, tmp_path: Path
) -> None:
    settings = settings_for(week_dsn, tmp_path)
    host = Host(lambda: assembled(settings, Terms()), nothing)
    async with (
        running(tmp_path, host=host) as transport,
        browser(transport) as its,
        assembled(settings, Terms()) as elsewhere,
    ):
        listed = await _listed(its)
        assert await _listed(its) == listed
        gone = listed["trades"][0]["trade_id"]
        await reject(elsewhere, gone, Decider("tester", "cli", "local_user"), reason="no")
        after = await _listed(its)
        (tmp_path / "halt").write_text("the desk is empty")
        halted = await _listed(its)

    assert [trade["trade_id"] for trade in after["trades"]] == [
        trade["trade_id"] for trade in listed["trades"] if trade["trade_id"] != gone
    ]
    assert "the desk is empty" in str(halted["degraded"])
    assert "the desk is empty" not in str(after["degraded"])


async def test_a_client_that_shows_cards_gets_nonces_of_its_own_each_time(
    week_dsn: str, tmp_path: Path
) -> None:
    settings = settings_for(week_dsn, tmp_path)
    host = Host(lambda: assembled(settings, Terms()), nothing)
    cards = {"extensions": {EXTENSION_ID: {"mimeTypes": [APP_MIME_TYPE]}}}
    async with running(tmp_path, host=host) as transport, browser(transport) as its:
        plain = await _answered(its, {})
        shown = [(await _answered(its, cards))["_meta"][NONCES] for _ in range(2)]

    assert shown[0].keys() == shown[1].keys() != set()
    assert not set(shown[0].values()) & set(shown[1].values())
    assert NONCES not in plain["_meta"]


async def _listed(its: httpx2.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await _answered(its, {}))["structuredContent"]
    return found


async def _answered(its: httpx2.AsyncClient, capabilities: dict[str, Any]) -> dict[str, Any]:
    prefix = "io.modelcontextprotocol/"
    said = {
        f"{prefix}protocolVersion": VERSION,
        f"{prefix}clientInfo": {"name": "test", "version": "1"},
        f"{prefix}clientCapabilities": capabilities,
    }
    params = {"name": TOOL, "arguments": {}, "_meta": said}
    headers = {
        "Accept": "application/json",
        "Mcp-Protocol-Version": VERSION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": TOOL,
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    answer = await its.post("/mcp", json=body, headers=headers)
    found: dict[str, Any] = answer.json()["result"]
    return found
