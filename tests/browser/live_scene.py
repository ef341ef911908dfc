"""Pages of a served council in Chromium, while other processes change what they show."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from council.trading.approvals import Decider
from mcp_server import operations
from mcp_server.host import Host
from mcp_server.readings import list_trades
from mcp_server.shapes import TradeShape
from mcp_server.wiring import App
from tests.browser.hosting import Browser, chromium
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.test_processes import COUNCIL, near_empty
from tests.mcp_server.web import listening, nothing

BY = Decider("tester", "cli", "local_user")
WATCHING = """
  window.violations = [];
  document.addEventListener('securitypolicyviolation', (event) => {
    violations.push(`${event.violatedDirective} ${event.blockedURI}`);
  });
  document.addEventListener('DOMContentLoaded', () => {
    new MutationObserver(() => { window.titledAt = Date.now(); })
      .observe(document.querySelector('title'), { childList: true });
  });
"""


@dataclass(frozen=True, slots=True)
class LiveScene:
    """A served council, an open browser, and the app of another process."""

    app: App
    browser: Browser
    address: str
    console: list[str] = field(default_factory=list)

    @property
    def page(self) -> Page:
        """Return the page that is open first."""
        return self.browser.page

    async def open(self, path: str = "/approvals", page: Page | None = None) -> Page:
        """Open a page and wait until it hears the stream."""
        page = page or self.page
        async with page.expect_response("**/live?after=*"):
            await page.goto(f"{self.address}{path}")
        return page

    async def pending(self) -> list[TradeShape]:
        """Return the trades that wait."""
        return list(await list_trades(self.app, status="pending"))

    async def reject(self, trade: TradeShape) -> None:
        """Reject a trade in another process."""
        await operations.reject(self.app, trade.trade_id, BY, reason="Not this week.")

    async def violations(self) -> list[Any]:
        """Return what the pages' policy refused, by the page and by the browser's console."""
        told = [text for text in self.console if "Content Security Policy" in text]
        pages = self.page.context.pages
        return told + [own for page in pages for own in await page.evaluate("violations")]


@dataclass(frozen=True, slots=True)
class Theatre:
    """What a scene is set on."""

    open_app: OpenApp
    chromium_path: Path
    home: Path

    @asynccontextmanager
    async def scene(self) -> AsyncIterator[LiveScene]:
        """Serve the council and open a browser; at the end no page has broken its policy."""
        async with (
            listening(self.home, Host(self.open_app, nothing)) as port,
            self.open_app() as other,
            chromium(self.chromium_path, self.home / "profile") as browser,
        ):
            scene = LiveScene(other, browser, f"http://127.0.0.1:{port}")
            context = browser.page.context
            context.on("console", lambda message: scene.console.append(message.text))
            await context.add_init_script(WATCHING)
            yield scene
            assert (await scene.violations(), browser.errors) == ([], [])

    async def in_a_shell(self, dsn: str, *arguments: str) -> None:
        """Run a command of the council as a person does."""
        environment = near_empty(self.home, COUNCIL_HOME=str(self.home), DATABASE_URL=dsn)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", COUNCIL, *arguments),
            env={**environment, "COUNCIL_EXCHANGE_HOURS": "always"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
