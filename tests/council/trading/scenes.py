"""Small scenes for the trading tests: a store, a trade that waits, a person who approves it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from broker.models import Quote
from config.ids import trade_id_for
from council.codec import to_fact
from council.fact import Fact
from council.model.base import Direction
from council.model.ticket import Ticket
from council.ports import Deps
from council.projections import project
from council.trade_facts import TradeProposed
from council.trading.approvals import Decider, approve
from council.trading.desks import holdings_of, look
from council.trading.journal import record
from council.trading.tickets import Desire, TicketTerms, build_ticket
from store.event_store import PostgresEventStore
from store.pool import open_pool
from tests.builders import EXPIRES_AT, NOW, WEEK_ID
from tests.fakes import FakeMarketData, FakeVenue, make_deps

ACCOUNT = "ALPHA"
ANNA = Decider("anna", "cli", "local_user")
BAND = Decimal("0.02")


def venue_of(deps: Deps, account: str = ACCOUNT) -> FakeVenue:
    """Return the fake behind an account."""
    venue = deps.desks[account].venue
    assert isinstance(venue, FakeVenue)
    return venue


def with_quote(deps: Deps, price: Decimal, symbol: str = "SPY", at: datetime = NOW) -> None:
    """Let the market move."""
    assert isinstance(deps.market_data, FakeMarketData)
    deps.market_data.quotes[symbol] = Quote(symbol, price, price, at)


async def proposed(
    deps: Deps,
    *,
    account: str = ACCOUNT,
    instrument: str = "SPY",
    direction: Direction = Direction.LONG,
    expires_at: datetime = EXPIRES_AT,
    trade_id: UUID | None = None,
    **desire: Any,
) -> Ticket:
    """Store a proposal of half the account's equity, long SPY by default, and return its ticket."""
    desk = deps.desks[account]
    holdings = holdings_of(desk, await look(desk, instrument, deps.clock), instrument)
    fields: dict[str, Any] = {
        "conviction": Decimal(direction.sign),
        "equity_share": Decimal("0.5") if direction.sign else Decimal(0),
    }
    ticket = build_ticket(
        Desire(instrument, direction, **{**fields, **desire}),
        holdings,
        TicketTerms(trade_id or trade_id_for(WEEK_ID, account), WEEK_ID, BAND, expires_at),
    )
    await store_proposal(deps, ticket)
    return ticket


async def store_proposal(deps: Deps, ticket: Ticket) -> None:
    """Store a proposal as the first event of its trade."""
    fact = TradeProposed(
        week_id=ticket.week_id,
        trade_id=ticket.trade_id,
        account=ticket.account,
        model="rehearsal/momentum",
        source_id=None,
        ticket=ticket,
    )
    await record(deps, [fact], {fact.stream: 0})


async def approved(deps: Deps, **proposal: Any) -> Ticket:
    """Store a proposal and let Anna approve it."""
    ticket = await proposed(deps, **proposal)
    await approve(ticket.trade_id, deps, decider=ANNA)
    return ticket


async def facts_of(deps: Deps, stream: str) -> list[Fact]:
    """Return every fact of one stream, in order."""
    return [to_fact(event) for event in await deps.store.read_stream(stream)]


async def kinds_of(deps: Deps, stream: str) -> list[str]:
    """Return the names of the facts of one stream, in order."""
    return [type(fact).__name__ for fact in await facts_of(deps, stream)]


def in_mode(deps: Deps, mode: str) -> Deps:
    """Return the same dependencies under another approval mode."""
    return under_approval(deps, mode=mode)


def under_approval(deps: Deps, **rules: Any) -> Deps:
    """Return the same dependencies under other rules of approval."""
    risk = deps.config.risk
    approval = risk.approval.model_copy(update=rules)
    config = deps.config.model_copy(update={"risk": risk.model_copy(update={"approval": approval})})
    return replace(deps, config=config)


@asynccontextmanager
async def deps_on(kind: str, request: pytest.FixtureRequest) -> AsyncIterator[Deps]:
    """Yield dependencies on the store `kind`: "memory" or "postgres"."""
    if kind == "memory":
        yield make_deps()
        return
    dsn = request.getfixturevalue("database_dsn")
    pool = await open_pool(dsn, min_size=1, max_size=8, command_timeout_seconds=10)
    try:
        yield make_deps(store=PostgresEventStore(pool, project))
    finally:
        await pool.close()
