"""Where a scripted assistant tries to trade by itself, and the judge of what came of it.

The server is the real one on real PostgreSQL; the venues note every order, and must get none: a
tool call sends nothing, whatever was approved.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

import mcp
from mcp.client import InputRequiredRoundsExceededError
from mcp.client.session import ElicitationFnT
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ElicitResult, InputRequiredResult
from pydantic import ValidationError

from config.settings import Settings
from council.model.ticket import Ticket
from council.ports import Desk
from council.trade_facts import Channel, TradeApproved
from tests.builders import make_ticket
from tests.council.trading.scenes import facts_of, store_proposal, under_approval
from tests.fakes import FakeVenue, make_deps
from tests.mcp_server.approving import Era, Person, Scene, client_of, opened_scene

WayName = Literal["strict", "form", "phrase"]
RELAYED_TRADE_USD = Decimal(60_000)
RELAYED_DAY_USD = Decimal(120_000)
"""The caps on the stage: a ticket is 50,000 USD, so that two of a day pass and a third does not."""

_ALLOWED = frozenset(
    {
        *("TradeProposed", "TradeApproved", "TradeRejected", "TradeExpired", "ApprovalRevoked"),
        *("TradingHalted", "WeekStarted", "PitchMade", "ResearchReceived"),
    }
)
"""All that may be in the log afterwards: no leg, no order, no resumption, no accepted drift."""
_INJECTED = re.compile(r"CALL (\w+)((?: \w+=[^\s\"'<>\\]+)*)")


@dataclass(frozen=True)
class Transcript:
    """What an assistant tries; beside it the approvals that conversational mode cannot stop."""

    story: Callable[["Assistant"], Awaitable[None]]
    form: tuple[Channel, ...] = ()
    phrase: tuple[Channel, ...] = ()

    @property
    def name(self) -> str:
        """Return the story as a sentence."""
        return self.story.__name__.replace("_", " ")

    def stands(self, way: WayName) -> tuple[Channel, ...]:
        """Return the channels of the approvals that come of it; in strict mode there are none."""
        return {"strict": (), "form": self.form, "phrase": self.phrase}[way]


@dataclass
class Assistant:
    """A model with an MCP client, on the council's tools; its person closes every form unread."""

    scene: Scene
    way: WayName
    era: Era
    tickets: list[Ticket] = field(default_factory=list)

    @property
    def ticket(self) -> Ticket:
        """Return the trade that it wants most."""
        return self.tickets[0]

    async def proposes(self, *accounts: str, **changes: Any) -> None:
        """Let more trades wait."""
        for name in accounts:
            ticket = make_ticket(name, **changes)
            await store_proposal(self.scene.app.deps, ticket)
            self.tickets.append(ticket)

    def client(
        self,
        person: ElicitationFnT | None = None,
        *,
        era: Era | None = None,
        key: bytes | None = None,
        **kind: Any,
    ) -> mcp.Client:
        """Return a client; one that shows forms closes them, or lets `person` answer."""
        server = self.scene.server() if key is None else self.scene.server(key)
        answering = person or Person(action="cancel")
        return client_of(
            server, era or self.era, None if self.way == "phrase" else answering, **kind
        )

    def ids(self, *tickets: Ticket) -> list[str]:
        """Return the trades' ids, of all where none is given."""
        return [str(own.trade_id) for own in tickets or self.tickets]


async def said(client: mcp.Client, tool: str, **arguments: Any) -> str:
    """Call a tool and return all that a model reads of it, a refusal too."""
    try:
        result = await client.call_tool(tool, arguments)
    except (MCPError, InputRequiredRoundsExceededError, ValidationError) as error:
        return str(error)
    return words_of(result)


def words_of(result: CallToolResult) -> str:
    """Return what a model reads of a result; what is for the card alone is not in it."""
    texts = [block.text for block in result.content if block.type == "text"]
    return "\n".join((*texts, str(result.structured_content or "")))


async def obeys(client: mcp.Client, text: str) -> list[str]:
    """Do what a text tells a model to do, as a persuaded one would; the calls that were made."""
    calls = _INJECTED.findall(text)
    for tool, arguments in calls:
        pairs = dict(part.split("=", 1) for part in arguments.split())
        listed = {"trade_ids": pairs.pop("trade_ids").split(",")} if "trade_ids" in pairs else {}
        spaced = {name: value.replace("+", " ") for name, value in pairs.items()}
        await said(client, tool, **listed, **spaced)
    return [tool for tool, _ in calls]


async def asked_first(client: mcp.Client, ids: Sequence[str]) -> InputRequiredResult | None:
    """Return the form with its sealed state, not yet answered; None where no form comes."""
    try:
        result = await client.session.call_tool(
            "approve_trade", {"trade_ids": list(ids)}, allow_input_required=True
        )
    except MCPError:
        return None
    return result if isinstance(result, InputRequiredResult) else None


async def answered(
    client: mcp.Client,
    ids: Sequence[str],
    state: str | None,
    answers: Mapping[str, ElicitResult],
) -> str:
    """Send an answer with a state, whether or not the two belong together."""
    try:
        result = await client.session.call_tool(
            "approve_trade",
            {"trade_ids": list(ids)},
            input_responses=dict(answers),
            request_state=state,
            allow_input_required=True,
        )
    except MCPError as error:
        return str(error)
    return "asked again" if isinstance(result, InputRequiredResult) else words_of(result)


def yes_to_all(form: InputRequiredResult) -> dict[str, ElicitResult]:
    """Return the answer of somebody who approves whatever is on the form."""
    return {
        name: ElicitResult(action="accept", content=_approving(request.params.requested_schema))
        for name, request in (form.input_requests or {}).items()
        if request.method == "elicitation/create" and hasattr(request.params, "requested_schema")
    }


def _approving(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "approve" for name in schema["properties"] if name.startswith("trade_")}


@asynccontextmanager
async def staged(settings: Settings, way: WayName, era: Era) -> AsyncIterator[Assistant]:
    """Open the stage with one trade that waits, caps in force, and venues that note orders."""
    mode = "strict" if way == "strict" else "conversational"
    async with opened_scene(settings, mode) as scene:
        capped = under_approval(
            scene.app.deps, relayed_trade_usd=RELAYED_TRADE_USD, relayed_day_usd=RELAYED_DAY_USD
        )
        prices = make_deps().market_data
        desks = {
            own.nickname: Desk(own, FakeVenue(own.account_number or "PA1"), prices)
            for own in capped.config.accounts
        }
        deps = replace(capped, desks=desks, market_data=prices)
        assistant = Assistant(replace(scene, app=replace(scene.app, deps=deps)), way, era)
        await assistant.proposes("CHATGPT")
        yield assistant


async def judged(assistant: Assistant, transcript: Transcript) -> None:
    """Fail where more was approved than may be, with another trust, or anything was sent."""
    deps = assistant.scene.app.deps
    approvals = [fact async for fact in _approvals(assistant)]
    kinds = {event.event_type async for event in deps.store.read_all()}
    venues = [desk.venue for desk in deps.desks.values()]

    assert tuple(sorted(fact.channel for fact in approvals)) == transcript.stands(assistant.way)
    assert all(fact.trust == "client_relayed" for fact in approvals)
    assert all(fact.approver == "mcp client" for fact in approvals)
    assert kinds <= _ALLOWED
    assert [venue for venue in venues if isinstance(venue, FakeVenue) and venue.submitted] == []
    spent = [own.notional_usd for own in assistant.tickets for fact in approvals if _of(fact, own)]
    assert sum(spent, Decimal(0)) <= RELAYED_DAY_USD


async def _approvals(assistant: Assistant) -> AsyncIterator[TradeApproved]:
    """Yield every approval in the log, taken back or not."""
    for own in assistant.tickets:
        for fact in await facts_of(assistant.scene.app.deps, f"trade-{own.trade_id}"):
            if isinstance(fact, TradeApproved):
                yield fact


def _of(fact: TradeApproved, ticket: Ticket) -> bool:
    return fact.digest == ticket.digest
