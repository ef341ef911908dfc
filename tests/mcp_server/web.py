"""The web application in this process, asked without a socket; its app never opens."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import httpx2
import mcp
from mcp.client.streamable_http import streamable_http_client

from config.clock import Clock, FixedClock
from config.errors import UnreachableError
from config.settings import load_settings
from mcp_server.host import Host
from mcp_server.listing import listed_tools
from mcp_server.scopes import Scope
from mcp_server.server import server_of
from mcp_server.web.app import Access, running_sessions, web_app
from mcp_server.web.running import Calls, listener_on, running_web
from mcp_server.web.serving import Asked, access_of
from mcp_server.web.token_file import TokenFile
from mcp_server.wiring import App

Mode = Literal["auto", "legacy"]
ORIGIN = "http://127.0.0.1:8931"
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
NOTHING_SET: Mapping[str, str] = {}
AWAY = "The database does not answer."


@asynccontextmanager
async def unopened() -> AsyncIterator[App]:
    raise UnreachableError(AWAY)
    yield


async def nothing(*_: object) -> None:
    """Do nothing in the background."""


def access(
    home: Path,
    asked: Asked | None = None,
    variables: Mapping[str, str] = NOTHING_SET,
    *,
    clock: Clock | None = None,
) -> Access:
    """Return who may come in, by the token file in `home` and `variables`."""
    settings = load_settings({"COUNCIL_HOME": str(home), **variables}, directory=home)
    asked = asked or Asked()
    return access_of(settings, asked, asked.port, clock=clock or FixedClock(NOW))


@asynccontextmanager
async def running(
    home: Path,
    asked: Asked | None = None,
    *,
    host: Host | None = None,
    variables: Mapping[str, str] = NOTHING_SET,
    clock: Clock | None = None,
) -> AsyncIterator[httpx2.ASGITransport]:
    """Yield what carries requests to the application."""
    asked = asked or Asked()
    host = host or Host(unopened, nothing)
    server = server_of(lambda: host, asked.serving, tools_of=listed_tools)
    its_access = access(home, asked, variables, clock=clock)
    app = web_app(server, host, its_access, calls=Calls(), stateless=asked.stateless)
    async with running_sessions(server):
        yield httpx2.ASGITransport(app=app)


def browser(transport: httpx2.ASGITransport, token: str | None = None) -> httpx2.AsyncClient:
    """Return a plain client of the server at its usual address."""
    return httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers=bearer(token))


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def client(
    transport: httpx2.ASGITransport,
    token: str | None = None,
    *,
    mode: Mode = "auto",
) -> AbstractAsyncContextManager[mcp.Client]:
    """Return an MCP client that shows `token`."""
    return mcp.Client(
        streamable_http_client(f"{ORIGIN}/mcp", http_client=browser(transport, token)), mode=mode
    )


def made_token(home: Path, scope: Scope, **terms: Any) -> str:
    """Make a token of that scope, named like it."""
    return TokenFile.in_home(home).create(f"its-{scope}", scope, now=NOW, **terms)


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPTS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@asynccontextmanager
async def listening(
    home: Path,
    host: Host | None = None,
    *,
    calls: Calls | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[int]:
    """Serve on a real loopback port; yields the port."""
    host = host or Host(unopened, nothing)
    with listener_on("127.0.0.1", 0) as listener:
        port, calls = listener.getsockname()[1], calls or Calls()
        server = server_of(lambda: host, tools_of=listed_tools)
        its_access = access(home, Asked(port=port), clock=clock)
        app = web_app(server, host, its_access, calls=calls, stateless=False)
        async with running_sessions(server), running_web(app, listener, calls):
            yield port


async def raw(port: int, request: str | bytes) -> bytes:
    """Send bytes as they are and return all that is answered until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.encode("latin-1") if isinstance(request, str) else request)
        return await asyncio.wait_for(reader.read(), timeout=10)
    finally:
        writer.close()
