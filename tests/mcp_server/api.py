"""A running server with a stored week, and programs that ask its API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from council.model.ticket import Ticket
from council.trade_facts import TradeApproved, TradeRejected
from mcp_server.host import Host
from mcp_server.scopes import Scope
from mcp_server.wiring import App
from tests.browser.scene import store_week
from tests.council.trading.scenes import facts_of
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.web import browser, made_token, nothing, running

PROBLEM = "application/problem+json"
READS = (
    "/api/pending-trades",
    "/api/trades",
    "/api/weeks",
    "/api/leaderboard",
    "/api/costs",
    "/api/events",
    "/api/status",
    "/api/openapi.json",
)


@dataclass(frozen=True)
class Asking:
    """A server where six trades wait, and what carries requests to it."""

    app: App
    tickets: tuple[Ticket, ...]
    transport: httpx2.ASGITransport
    home: Path
    here: httpx2.AsyncClient
    """A program on this machine, without a token."""

    def holder(self, scope: Scope) -> httpx2.AsyncClient:
        """Return a program that shows a new token of that scope."""
        return browser(self.transport, made_token(self.home, scope))

    async def head(self) -> int:
        """Return the position of the newest event."""
        return await self.app.deps.store.head()

    async def verdicts(self, ticket: Ticket) -> list[TradeApproved | TradeRejected]:
        """Return every verdict on a trade."""
        facts = await facts_of(self.app.deps, f"trade-{ticket.trade_id}")
        return [fact for fact in facts if isinstance(fact, TradeApproved | TradeRejected)]


@asynccontextmanager
async def asking(
    open_app: OpenApp, home: Path, *, reads_only: bool = False
) -> AsyncIterator[Asking]:
    """Yield a server with a stored week."""
    host = Host(open_app, nothing, reads_only=reads_only)
    async with running(home, host=host) as transport, browser(transport) as here:
        app = await host.app()
        yield Asking(app, await store_week(app), transport, home, here)


def approve_path(ticket: Ticket) -> str:
    return f"/api/trades/{ticket.trade_id}/approve"


def reject_path(ticket: Ticket) -> str:
    return f"/api/trades/{ticket.trade_id}/reject"


def shown(ticket: Ticket, **changes: Any) -> dict[str, Any]:
    """Return the body by which a program passes on that a person approved the ticket."""
    return {"digest": ticket.digest, "confirmation": ticket.confirmation, **changes}


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    """Return status and code of a problem, whose form is checked."""
    assert answer.headers["content-type"] == PROBLEM, answer.text
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "code"}
    assert problem["status"] == answer.status_code
    assert problem["type"] == "about:blank"
    return answer.status_code, problem["code"]
