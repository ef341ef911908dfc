"""A page that hosts the card in the system's Chromium, its calls answered by a real server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mcp
from playwright.async_api import FrameLocator, Locator, Page, async_playwright

LISTING = "list_pending_trades"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
STYLE = "<style>body { margin: 0 } iframe { border: 0; width: 100% }</style>"
PAGE = f'<!doctype html>{STYLE}<iframe sandbox="allow-scripts" title="card"></iframe>'
CAPABILITIES: dict[str, Any] = {"serverTools": {}, "updateModelContext": {"text": {}}}
PATIENCE_MILLISECONDS = 20_000


@dataclass(slots=True)
class Browser:
    """A page of Chromium, every address that it asked for and every error in it."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@asynccontextmanager
async def chromium(path: Path, profile: Path, *, width: int = 760) -> AsyncIterator[Browser]:
    """Yield a page of the system's Chromium that has asked for nothing yet."""
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=path,
            headless=True,
            args=list(FLAGS),
            viewport={"width": width, "height": 900},
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        browser = Browser(context.pages[0])
        context.on("request", lambda request: browser.requests.append(request.url))
        context.on("weberror", lambda error: browser.errors.append(str(error.error)))
        try:
            yield browser
        finally:
            await context.close()


@dataclass(frozen=True, slots=True)
class CardHost:
    """The official bridge in a page, with a client's server behind it."""

    browser: Browser
    client: mcp.Client
    bundle: Path

    @property
    def card(self) -> FrameLocator:
        """Return the card's own document."""
        return self.browser.page.frame_locator("iframe[title=card]")

    def trade(self, account: str) -> Locator:
        """Return the part of the card that shows the account's trade."""
        return self.card.locator("article", has=self.card.get_by_text(account, exact=True))

    async def open(self, *, theme: str = "light", **given: Any) -> dict[str, Any]:
        """Load the host and let it open the card; returns what the host saw of the resource."""
        page = self.browser.page

        # A function of its own: Playwright marks what it is given, and a method bears no mark.
        async def ask_server(method: str, params: dict[str, Any]) -> dict[str, Any]:
            return await self._ask(method, params)

        await page.expose_function("askServer", ask_server)
        await page.set_content(PAGE)
        await page.add_script_tag(path=self.bundle)
        wanted = {"tool": LISTING, "given": given, "theme": theme, "capabilities": CAPABILITIES}
        seen: dict[str, Any] = await page.evaluate("(wanted) => host.openCard(wanted)", wanted)
        await self.card.locator("#foot code").first.wait_for()
        return seen

    async def heard(self, name: str) -> list[Any]:
        """Return what the host heard from the card: contexts, sizes or calls."""
        heard: list[Any] = await self.browser.page.evaluate(f"host.heard.{name}")
        return heard

    async def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        result: Any
        if method == "tools/list":
            result = await self.client.list_tools()
        elif method == "resources/read":
            result = await self.client.read_resource(params["uri"])
        else:
            result = await self.client.call_tool(params["name"], params["arguments"])
        answer: dict[str, Any] = result.model_dump(mode="json", by_alias=True, exclude_none=True)
        return answer
