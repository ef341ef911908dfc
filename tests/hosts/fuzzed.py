"""A server in memory with a finished week, and how it takes what hostile callers send."""

import re
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import mcp
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolResult,
    CompleteResult,
    GetPromptResult,
    ReadResourceResult,
    TextContent,
    TextResourceContents,
    Tool,
)

from config.settings import Settings
from council.trading.opening import mark_opening
from mcp_server.server import build_server
from mcp_server.wiring import App, Terms, assembled
from tests.hosts.inspector import Era
from tests.mcp_server.test_tools import finished, told

INTERNAL_ERROR = -32603
LONGEST_ANSWER_CHARACTERS = 13_000
UNFIT = re.compile(
    r"unexpected|Traceback|errors\.pydantic\.dev|Internal server error|[\x00-\x08\x0b-\x1f]"
    r"|^Error executing tool \w+$"
)
"""What no answer may hold: a crash's name, a library's address, a control character."""


@dataclass
class Seen:
    """How the server took the calls of one run."""

    seconds: list[float] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)

    async def take(self, answering: Awaitable[Any], *asked: object) -> None:
        """Wait for an answer, note how long it took and whether it is fit to be read."""
        started = time.perf_counter()
        text = await _said(answering)
        self.seconds.append(time.perf_counter() - started)
        if UNFIT.search(text) or len(text) > LONGEST_ANSWER_CHARACTERS:
            self.unfit.append(f"{ascii(asked)[:200]} -> {text[:150]!a}")


async def _said(answering: Awaitable[Any]) -> str:
    """Return all that the server says, as it would go over a wire."""
    try:
        text = "\n".join(_texts(await answering))
    except MCPError as error:
        return f"unexpected {error}" if error.error.code == INTERNAL_ERROR else str(error)
    # A lone surrogate can not be written out and would break the stream.
    return text if text.encode(errors="replace").decode() == text else "\x00"


def _texts(result: object) -> list[str]:
    match result:
        case CallToolResult():
            parts: list[Any] = list(result.content)
        case GetPromptResult():
            parts = [message.content for message in result.messages]
        case ReadResourceResult():
            parts = list(result.contents)
        case CompleteResult():
            return list(result.completion.values)
        case _:
            raise AssertionError(f"nobody asked for {result!r}")
    return [p.text for p in parts if isinstance(p, TextContent | TextResourceContents)]


@dataclass(frozen=True)
class Council:
    """A server with a finished week, its tools, and what its callers know."""

    client: mcp.Client
    app: App
    tools: tuple[Tool, ...]
    known: dict[str, tuple[str, ...]]

    async def events(self) -> list[str]:
        """Return the kind of every event in the log, in order."""
        return [event.event_type async for event in self.app.deps.store.read_all()]


@asynccontextmanager
async def serving(settings: Settings, era: Era) -> AsyncIterator[Council]:
    """Serve a finished rehearsal week whose six trades wait, in one protocol era."""
    async with assembled(settings, Terms()) as app:
        server = build_server(lambda: _same(app))
        mode = "legacy" if era == "legacy" else "auto"
        async with mcp.Client(server, mode=mode) as client:
            run = await finished(client, await told(client, "run_weekly"))
            # The server's executor would do it within a minute, in the middle of the calls.
            await mark_opening(app.deps)
            assert await app.deps.store.rows("equity_marks"), "the opening could not be marked"
            tools = tuple((await client.list_tools()).tools)
            ids = tuple(trade["trade_id"] for trade in run["trades"])
            known = {"week": (run["week_id"],), "run": (run["run_id"],), "trade": ids}
            yield Council(client, app, tools, known)


@asynccontextmanager
async def _same(app: App) -> AsyncIterator[App]:
    yield app
