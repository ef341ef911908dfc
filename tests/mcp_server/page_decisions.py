"""A person with a browser at the page, on a database where trades wait."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2

from council.fact import Fact
from council.model.ticket import Ticket
from council.projections import project
from council.trade_facts import TradeProposed
from mcp_server.host import Host
from mcp_server.web.serving import Asked
from mcp_server.wiring import App
from store.event_store import PostgresEventStore
from tests.council.trading.scenes import facts_of
from tests.mcp_server.approving import Scene
from tests.mcp_server.signing_in import SAME_ORIGIN, signed_in, with_passphrase
from tests.mcp_server.web import browser, nothing, running

_HIDDEN = re.compile(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">')


@dataclass(frozen=True)
class Person:
    """Someone who has signed in, if he has, and sends forms as his browser does."""

    its: httpx2.AsyncClient
    csrf: str = ""

    async def looks(self, path: str) -> httpx2.Response:
        """Open a page."""
        return await self.its.get(path)

    async def form(self, path: str) -> dict[str, Any]:
        """Open the page of a form; returns what the form would send without being filled in."""
        return fields_in((await self.looks(path)).text)

    async def sends(self, path: str, fields: dict[str, Any], **more: Any) -> httpx2.Response:
        """Send a form."""
        return await self.its.post(path, data={**fields, **more}, headers=SAME_ORIGIN)

    async def does(self, path: str, **more: Any) -> httpx2.Response:
        """Open the page of a form, fill it in and send it."""
        return await self.sends(path, await self.form(path), **more)


def fields_in(page: str) -> dict[str, Any]:
    """Return the hidden fields of the forms on a page, but those of the sign-out alone."""
    main = page.partition("<main")[2]
    fields: dict[str, Any] = {}
    for name, value in _HIDDEN.findall(main):
        fields.setdefault(name, []).append(value)
    return fields


@asynccontextmanager
async def served_to(app: App, *, reads_only: bool = False) -> AsyncIterator[httpx2.ASGITransport]:
    """Serve the app as it is; its home gets a passphrase."""

    @asynccontextmanager
    async def shared() -> AsyncIterator[App]:
        yield app

    home = with_passphrase(app.settings.council_home)
    host = Host(shared, nothing, reads_only=reads_only)
    async with running(home, Asked(), host=host) as transport:
        yield transport


@asynccontextmanager
async def person_at(scene: Scene, **how: Any) -> AsyncIterator[Person]:
    """Serve a scene to a person who has signed in."""
    async with served_to(scene.app, **how) as transport, browser(transport) as its:
        yield Person(its, await signed_in(its))


def impatient(scene: Scene) -> Scene:
    """Return the scene with a store that tries again without resting in between."""
    store = PostgresEventStore(scene.app.pool, project, sleep=nothing)
    return replace(scene, app=replace(scene.app, deps=replace(scene.app.deps, store=store)))


def path_of(ticket: Ticket, verb: str = "") -> str:
    """Return the address of a ticket, or of what can be done with it."""
    return f"/approvals/{ticket.trade_id}" + (f"/{verb}" if verb else "")


async def verdicts_on(app: App, ticket: Ticket) -> Sequence[Fact]:
    """Return every fact about the trade but that it was proposed."""
    facts = await facts_of(app.deps, f"trade-{ticket.trade_id}")
    return [fact for fact in facts if not isinstance(fact, TradeProposed)]
