"""People at the pages: the council on a real port, and browsers that keep all that goes wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    async_playwright,
    expect,
)

from config.clock import SystemClock
from mcp_server.host import Host
from mcp_server.wiring import App
from tests.browser.hosting import FLAGS, PATIENCE_MILLISECONDS
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.signing_in import SECRET, with_passphrase
from tests.mcp_server.web import listening, nothing

SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Visit:
    """One person's browser at the pages, and what went wrong in it, in sentences."""

    page: Page
    origin: str
    faults: list[str] = field(default_factory=list)

    async def sign_in(self) -> None:
        """Sign in by the form, and arrive at the trades that wait."""
        await self.page.goto("/sign-in")
        await self.page.get_by_label("Passphrase").fill(SECRET)
        await self.page.get_by_role("main").get_by_role("button", name="Sign in").click()
        await expect(self.page).to_have_url(f"{self.origin}/approvals")

    def heed(self) -> None:
        """Note from now on what the browser complains about, and whom else it asks."""
        note = self.faults.extend
        self.page.on("console", lambda message: note(_complaint(message)))
        self.page.on("pageerror", lambda error: note([f"error: {error}"]))
        self.page.on("request", lambda request: note(_leak(request, self.origin)))
        self.page.on("response", lambda answer: note(_breakdown(answer)))


@dataclass(frozen=True, slots=True)
class Visitors:
    """Whoever comes: each with a browser of his own, at the same council."""

    browser: Browser
    origin: str

    async def visit(self, **options: Any) -> Visit:
        """Let one more person come, with Playwright's options of his browser."""
        context = await self.browser.new_context(base_url=self.origin, **options)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        visit = Visit(await context.new_page(), self.origin)
        visit.heed()
        return visit

    async def signed_in(self, **options: Any) -> Visit:
        """Let one more person come and sign in."""
        visit = await self.visit(**options)
        await visit.sign_in()
        return visit


@asynccontextmanager
async def visitors(chromium: Path, origin: str) -> AsyncIterator[Visitors]:
    """Yield the browsers for a council that is served at `origin`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            yield Visitors(browser, origin)
        finally:
            await browser.close()


@asynccontextmanager
async def visited(
    open_app: OpenApp, chromium: Path, home: Path
) -> AsyncIterator[tuple[App, Visitors]]:
    """Serve a council that sends nothing, with a passphrase; yields its app, and who visits it."""
    host = Host(open_app, nothing)
    async with listening(with_passphrase(home), host, clock=SystemClock()) as port:
        app = await host.app()
        async with visitors(chromium, f"http://127.0.0.1:{port}") as people:
            yield app, people


def _complaint(message: ConsoleMessage) -> list[str]:
    # A browser says of every answer from 400 on that it is one: pages are meant to be refused.
    is_status = message.text.startswith("Failed to load resource: the server responded")
    is_bad = message.type in ("error", "warning") and not is_status
    return [f"console: {message.text}"] if is_bad else []


def _leak(request: Request, origin: str) -> list[str]:
    is_ours = urlsplit(request.url).scheme == "data" or request.url.startswith(origin)
    return [] if is_ours else [f"asked for {request.url}"]


def _breakdown(answer: Response) -> list[str]:
    return [f"{answer.status} from {answer.url}"] if answer.status >= SERVER_ERROR else []
