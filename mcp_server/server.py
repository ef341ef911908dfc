"""The MCP server: its parts put together, what hosts are told of it, and serving on stdio."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version

from mcp.server.mcpserver import MCPServer

from config import telemetry
from mcp_server import duties, operations, wiring
from mcp_server.apps.card import approval_card
from mcp_server.completions import add_completions
from mcp_server.host import Host, OpenApp
from mcp_server.host_prompts import add_prompts
from mcp_server.introduction import CACHE_HINTS, ICON, INSTRUCTIONS
from mcp_server.listing import ToolsOf, built_tools, listed_tools
from mcp_server.news import News
from mcp_server.offers import TOOLSETS, Toolset, offers_of
from mcp_server.plain_errors import keep_errors_plain
from mcp_server.resources import add_resources
from mcp_server.run_tasks import RunTasks
from mcp_server.sealing import StateKeys, form_security, own_state_keys
from mcp_server.serving_host import remember_host
from mcp_server.tasks import Tasks

_SIGNALLED = 128
"""What a shell adds to a signal's number to name the exit code of a process that it ended."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What one server is to offer: which groups of tools, and whether only those that read."""

    toolsets: Collection[Toolset] = TOOLSETS
    read_only: bool = False


EVERYTHING = Serving()


def build_server(
    open_app: OpenApp, serving: Serving = EVERYTHING, *, keys: StateKeys = own_state_keys
) -> MCPServer[Host]:
    """Build the server; `open_app` is entered at the first call of a tool, not before."""
    return server_of(lambda: _new_host(open_app, serving), serving, keys=keys)


def server_of(
    new_host: Callable[[], Host],
    serving: Serving = EVERYTHING,
    *,
    keys: StateKeys = own_state_keys,
    tools_of: ToolsOf = built_tools,
) -> MCPServer[Host]:
    """Build the server around the host that `new_host` gives when it begins to serve.

    `keys` seal the state of forms; they are asked for at the first form.
    """
    news = News()

    @asynccontextmanager
    async def lifespan(_: MCPServer[Host]) -> AsyncIterator[Host]:
        host = new_host()
        try:
            yield host
        finally:
            await news.leave(host)
            await host.aclose()

    server = MCPServer(
        "council",
        title="LLM trading council (paper)",
        version=version("llm-trading-council"),
        instructions=INSTRUCTIONS,
        tools=tools_of(offers_of(serving.toolsets, read_only=serving.read_only)),
        extensions=[approval_card(), *_tasks(serving)],
        lifespan=lifespan,
        request_state_security=form_security(keys),
        icons=[ICON],
        cache_hints=CACHE_HINTS,
        subscriptions=news,
        middleware=[remember_host, keep_errors_plain],
        log_level="WARNING",
    )
    for add in (add_resources, add_prompts, add_completions):
        add(server)
    return server


def _tasks(serving: Serving) -> tuple[Tasks, ...]:
    """Return the extension for what takes long; a server that only reads starts nothing."""
    return () if serving.read_only else (Tasks(RunTasks()),)


def _new_host(open_app: OpenApp, serving: Serving) -> Host:
    return Host(open_app, _in_background, reads_only=serving.read_only)


async def serve_stdio(serving: Serving = EVERYTHING) -> None:
    """Serve over stdin and stdout until the client goes away or a signal comes; logs to stderr.

    Until the first call nothing is read, opened or imported that a list of tools does not need.
    """
    host = _new_host(_opened, serving)
    _leave_on_signals(host)
    await server_of(lambda: host, serving, tools_of=listed_tools).run_stdio_async()


@asynccontextmanager
async def _opened() -> AsyncIterator["wiring.App"]:
    async with wiring.assembled(wiring.settled(), wiring.Terms(pooled=True)) as app:
        duties.check_serves_tools(app.role)
        yield app


async def _in_background(app: "wiring.App", stop: asyncio.Event) -> None:
    await operations.work_in_background(app, stop)


def _leave_on_signals(host: Host) -> None:
    """End the process at Ctrl-C or SIGTERM as soon as the host is closed.

    A thread blocks on stdin until the client speaks; an ordinary exit would wait for it.
    """
    loop = asyncio.get_running_loop()

    def leave(number: int) -> None:
        closing = loop.create_task(host.aclose())
        closing.add_done_callback(lambda _: end(number))

    def end(number: int) -> None:
        telemetry.end()
        os._exit(_SIGNALLED + number)

    with suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, leave, number)
