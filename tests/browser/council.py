"""A served council for the browser: its app in the test's reach, and nobody sends its orders."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import mcp
from mcp.client import advertise

from council.codec import to_fact
from council.fact import Fact
from council.model.ticket import Ticket
from mcp_server.host import Host
from mcp_server.server import server_of
from mcp_server.wiring import App
from tests.browser.hosting import Browser, CardHost, chromium
from tests.browser.scene import store_week
from tests.mcp_server.conftest import OpenApp

APPS = advertise("io.modelcontextprotocol/ui", {"mimeTypes": ["text/html;profile=mcp-app"]})

Change = Callable[[App], App]


@dataclass(frozen=True, slots=True)
class Scene:
    """A council whose week waits, and a host that shows its card."""

    app: App
    tickets: tuple[Ticket, ...]
    host: CardHost

    @property
    def browser(self) -> Browser:
        """Return the browser behind the host."""
        return self.host.browser

    async def decisions(self) -> list[Fact]:
        """Return every fact that decided a trade, in order."""
        return await decisions_in(self.app)


@dataclass(frozen=True, slots=True)
class Stage:
    """What every scene is set on: PostgreSQL with the exchange, Chromium, the bundled host."""

    open_app: OpenApp
    chromium_path: Path
    bundle: Path
    profile: Path

    @asynccontextmanager
    async def scene(
        self, *, era: str = "auto", width: int = 760, change: Change = lambda app: app
    ) -> AsyncIterator[Scene]:
        """Set the scene: the week is stored, the card not yet opened."""
        async with self.open_app() as opened:
            app = change(opened)
            tickets = await store_week(app)
            async with (
                _client(app, era) as client,
                chromium(self.chromium_path, self.profile, width=width) as browser,
            ):
                yield Scene(app, tickets, CardHost(browser, client, self.bundle))


@asynccontextmanager
async def _client(app: App, era: str) -> AsyncIterator[mcp.Client]:
    @asynccontextmanager
    async def already() -> AsyncIterator[App]:
        yield app

    server = server_of(lambda: Host(already, _send_nothing))
    async with mcp.Client(server, mode=era, extensions=[APPS]) as client:
        yield client


async def _send_nothing(_: App, __: asyncio.Event) -> None:
    """Stand in for the executor: these tests are about decisions."""


async def decisions_in(app: App) -> list[Fact]:
    """Return every fact that decided a trade, in order."""
    kinds = ["TradeApproved", "TradeRejected"]
    return [to_fact(event) async for event in app.deps.store.read_all(event_types=kinds)]
