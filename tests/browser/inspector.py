"""The Inspector's web page as a host, before a council that is served over HTTP."""

import asyncio
import json
import secrets
import socket
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from playwright.async_api import Page

from council.model.ticket import Ticket
from mcp_server.wiring import App
from tests.browser.hosting import Browser
from tests.hosts.tools import NodeTools
from tests.system.command import started

PATIENCE_SECONDS = 60
_UP = "up and running"


@dataclass(frozen=True, slots=True)
class Inspector:
    """A running Inspector and the token that opens it."""

    port: int
    token: str

    def address(self, server: str, *, app: str | None = None) -> str:
        """Return the page that connects to `server`, and opens the card of the tool `app`."""
        query = {"serverUrl": server, "transport": "http", "autoConnect": self.token}
        if app is not None:
            nothing = urlsafe_b64encode(b"{}").decode().rstrip("=")
            query |= {"openApp": app, "appArgs": nothing, "autoOpen": self.token}
        return f"http://127.0.0.1:{self.port}/?{urlencode(query)}"


@dataclass(frozen=True, slots=True)
class Hall:
    """A served council whose week waits, the Inspector before it, and a browser that shows it."""

    app: App
    tickets: tuple[Ticket, ...]
    browser: Browser
    inspector: Inspector
    served_at: str

    async def enter(self, *, app: str | None = None) -> Page:
        """Open the Inspector's page and wait until it is connected; what it fetches is refused."""
        page = self.browser.page
        # It asks for web fonts, which are not there for a test.
        await page.route("https://**", lambda route: route.abort())
        await page.goto(self.inspector.address(self.served_at, app=app))
        connected = "[data-testid=connection-status][data-status=connected]"
        await page.locator(connected).wait_for()
        return page


@asynccontextmanager
async def inspector(tools: NodeTools, home: Path) -> AsyncIterator[Inspector]:
    """Run the Inspector's web page on two free ports, with a HOME of its own."""
    port, sandbox = _free_port(), _free_port()
    running = Inspector(port, secrets.token_hex(16))
    process = await asyncio.create_subprocess_exec(
        *tools.command("mcp-inspector"),
        "--web",
        env={
            **tools.environment(home),
            "HOST": "127.0.0.1",
            "CLIENT_PORT": str(port),
            "MCP_SANDBOX_PORT": str(sandbox),
            "MCP_AUTO_OPEN_ENABLED": "false",
            "MCP_INSPECTOR_API_TOKEN": running.token,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with _ending(process):
        await _told_until(_UP, process)
        yield running


@asynccontextmanager
async def council_served(environment: Mapping[str, str]) -> AsyncIterator[str]:
    """Run `council serve` on a free port; yields the address of its MCP endpoint."""
    process = await started("serve", "--port", "0", "--json", environment=environment)
    async with _ending(process):
        told = await _told_until("}", process)
        address: str = json.loads(told)["mcp_url"]
        yield address


async def _told_until(words: str, process: asyncio.subprocess.Process) -> str:
    """Return what the process says, up to the end of the first line with `words` in it."""
    assert process.stdout is not None
    told = ""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while line := (await process.stdout.readline()).decode():
            told += line
            if words in line:
                return told
    raise AssertionError(f"the process ended without saying {words!r}: {told}")


@asynccontextmanager
async def _ending(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
