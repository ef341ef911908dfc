"""A scene for the tools that decide: trades that wait in PostgreSQL, a server, and fake clients."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal
from uuid import UUID

import mcp
from mcp.client import advertise
from mcp.client.session import ElicitationFnT
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, ElicitResult, Implementation

from config.clock import VirtualClock
from config.market_calendar import xnys
from config.settings import Settings
from council.model.ticket import Ticket
from council.trade_facts import TradeApproved, TradeProposed, TradeRejected
from council.trading.approvals import reject, revoke
from council.trading.journal import record
from council.trading.lifecycle import load_trade
from mcp_server.host import Host
from mcp_server.server import EVERYTHING, Serving, server_of
from mcp_server.wiring import App, Terms, opened_store
from tests.builders import NOW, make_ticket
from tests.council.trading.scenes import ANNA, facts_of, in_mode, store_proposal

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = ("auto", "legacy")
ACCOUNTS = ("CHATGPT", "GEMINI", "GROQ", "CLAUDE", "DEEPSEEK", "COUNCIL")
KEY = b"0123456789abcdef0123456789abcdef"


async def _idle(_: App, stop: asyncio.Event) -> None:
    """Execute nothing: these tests look at decisions alone."""
    await stop.wait()


class TickingClock(VirtualClock):
    """A clock that never shows the same instant twice, as a machine's own hardly ever does."""

    def now(self) -> datetime:
        """Return the instant, a microsecond after the one before."""
        self.advance_to(super().now() + timedelta(microseconds=1))
        return super().now()


@dataclass(frozen=True)
class Scene:
    """One database, in a mode; `clock` moves as the test says."""

    app: App
    clock: VirtualClock

    def in_mode(self, mode: str) -> "Scene":
        """Return the same database under another approval mode."""
        return replace(self, app=replace(self.app, deps=in_mode(self.app.deps, mode)))

    def server(self, key: bytes = KEY, *, serving: Serving = EVERYTHING) -> MCPServer[Host]:
        """Return one more server on the database."""

        @asynccontextmanager
        async def shared() -> AsyncIterator[App]:
            yield self.app

        host = partial(Host, shared, _idle, reads_only=serving.read_only)
        return server_of(host, serving, keys=lambda: (key,))

    async def propose(self, *accounts: str, **changes: Any) -> list[Ticket]:
        """Store a proposal to buy 500 SPY for each account."""
        tickets = [make_ticket(name, **changes) for name in accounts]
        for ticket in tickets:
            await store_proposal(self.app.deps, ticket)
        return tickets

    async def change(self, ticket: Ticket, **changes: Any) -> Ticket:
        """Let the trade be asked again with another ticket; return that."""
        state = await load_trade(self.app.deps.store, ticket.trade_id)
        fields = {name: value for name, value in ticket if name != "digest"}
        fresh = Ticket.sealed(**{**fields, **changes})
        fact = state.proposal.model_copy(
            update={"ticket": fresh, "round": state.proposal.round + 1}
        )
        assert isinstance(fact, TradeProposed)
        await record(self.app.deps, [fact], {fact.stream: state.version})
        return fresh

    async def take_back(self, ticket: Ticket) -> None:
        """Let Anna revoke the approval: the same ticket waits again."""
        await revoke(ticket.trade_id, "Changed my mind.", self.app.deps, decider=ANNA)

    async def settle(self, ticket: Ticket) -> None:
        """Let Anna take the approval back and reject the trade: it counts for nothing any more."""
        await self.take_back(ticket)
        await reject(ticket.trade_id, "Over.", self.app.deps, decider=ANNA)

    async def verdicts(self, *tickets: Ticket) -> list[tuple[str, ...]]:
        """Return every verdict on the trades: kind, channel, and an approval's trust."""
        facts = [await facts_of(self.app.deps, f"trade-{own.trade_id}") for own in tickets]
        return [_verdict(fact) for stream in facts for fact in stream if _is_verdict(fact)]


def _is_verdict(fact: object) -> bool:
    return isinstance(fact, TradeApproved | TradeRejected)


def _verdict(fact: Any) -> tuple[str, ...]:
    last = fact.trust if isinstance(fact, TradeApproved) else fact.reason
    return (type(fact).__name__, fact.channel, last)


APPROVED_BY_FORM = ("TradeApproved", "elicitation", "client_relayed")
APPROVED_BY_PHRASE = ("TradeApproved", "tool", "client_relayed")
APPROVED_ON_CARD = ("TradeApproved", "app_card", "client_relayed")


@asynccontextmanager
async def opened_scene(settings: Settings, mode: str = "conversational") -> AsyncIterator[Scene]:
    """Open the store alone: deciding needs no venue."""
    clock = TickingClock(NOW)
    async with opened_store(settings, Terms(clock=clock)) as app:
        deps = replace(app.deps, calendar=xnys())
        yield Scene(replace(app, deps=deps), clock).in_mode(mode)


def client_of(
    server: MCPServer[Host],
    era: Era = "auto",
    answering: ElicitationFnT | None = None,
    *,
    name: str = "fake",
    shows_apps: bool = False,
) -> mcp.Client:
    """Return a client in memory; without `answering` it declares no forms."""
    apps = advertise(EXTENSION_ID, {"mimeTypes": [APP_MIME_TYPE]})
    return mcp.Client(
        server,
        mode=era,
        elicitation_callback=answering,
        client_info=Implementation(name=name, version="1"),
        extensions=[apps] if shows_apps else None,
    )


class Person:
    """Answers every form in the same way, and remembers what was shown."""

    def __init__(
        self, content: Mapping[str, Any] | None = None, *, action: Any = "accept", every: str = ""
    ) -> None:
        self.shown: list[Any] = []
        self._content, self._action, self._every = content, action, every

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        """Answer: `every` trade's field alike, or else the content as it is."""
        self.shown.append(params)
        content = self._content
        if self._every:
            fields = params.requested_schema["properties"]
            content = {field: self._every for field in fields if field.startswith("trade_")}
        return ElicitResult(action=self._action, content=dict(content or {}))


def field_of(trade_id: UUID) -> str:
    """Return the name of a trade's field on the form."""
    return f"trade_{str(trade_id).replace('-', '_')}"


async def approve(client: mcp.Client, tickets: Sequence[Ticket], **further: Any) -> CallToolResult:
    """Call approve_trade for the tickets."""
    ids = [str(ticket.trade_id) for ticket in tickets]
    return await client.call_tool("approve_trade", {"trade_ids": ids, **further})
