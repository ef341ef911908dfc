"""What all accounts together would hold once the trades that wait were filled, as of this moment.

Each venue is asked for its positions, once; all else is stored. It is there for who decides, so it
never fails and never waits for long: what cannot be known is said, and then there are no numbers.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from broker.models import Position
from config.errors import CouncilError
from council.analytics.lens import AccountHoldings, Lens, LensMarket, lens, market_betas_of
from council.model.market import MarketSnapshot
from council.model.ticket import Ticket
from council.parallel import all_at_once
from council.pipeline import load_stages
from council.ports import Deps, Desk, whole_shares
from store.events import Page

PATIENCE: Final = timedelta(seconds=3)
"""So long a venue may take to say what it holds."""


@dataclass(frozen=True, slots=True)
class ExposureNow:
    """All accounts together before and after; `lens` is None where that cannot be known.

    `notices` say why, and which accounts count nowhere, one sentence each.
    """

    lens: Lens | None
    notices: tuple[str, ...]


async def exposure_with(tickets: Sequence[Ticket], deps: Deps) -> ExposureNow:
    """Return what all accounts come to now, and with every one of `tickets` filled."""
    snapshot = await _snapshot(tickets, deps)
    if snapshot is None:
        return ExposureNow(None, ("No market table is stored to see the exposure by.",))
    seen = await all_at_once([_positions(desk) for desk in deps.desks.values()])
    held = dict(zip(deps.desks, seen, strict=True))
    away = tuple(
        f"{name} cannot be looked at: {found}"
        for name, found in held.items()
        if isinstance(found, str)
    )
    if away or not held:
        return ExposureNow(None, away or ("No account has a venue to ask.",))
    known = {name: found for name, found in held.items() if not isinstance(found, str)}
    equities = await _equities(known, tickets, deps)
    holdings = [_holdings(name, known[name], equity) for name, equity in equities.items()]
    market = _market(_prices(known, tickets, snapshot), snapshot, deps)
    return ExposureNow(lens(holdings, tickets, market), _left_out(equities, deps))


async def exposure_of_tickets(tickets: Sequence[Ticket], deps: Deps) -> ExposureNow:
    """Return what `tickets` alone come to, as if nothing else were held.

    It depends on nothing but what is stored, so that a form that shows it stays the same form.
    """
    snapshot = await _snapshot(tickets, deps)
    if snapshot is None:
        return ExposureNow(None, ("No market table is stored to see the exposure by.",))
    own = {ticket.account: ticket.equity_usd for ticket in tickets}
    holdings = [AccountHoldings(name, equity, {}) for name, equity in own.items()]
    market = _market(_prices({}, tickets, snapshot), snapshot, deps)
    return ExposureNow(lens(holdings, tickets, market), ())


def _market(prices: Mapping[str, Decimal], snapshot: MarketSnapshot, deps: Deps) -> LensMarket:
    instruments = deps.config.assets.instruments
    return LensMarket(instruments, prices, market_betas_of(snapshot), snapshot)


async def _snapshot(tickets: Sequence[Ticket], deps: Deps) -> MarketSnapshot | None:
    """Return the market table of the newest week that has a ticket."""
    newest = max((ticket.week_id for ticket in tickets), default=None)
    return None if newest is None else (await load_stages(newest, deps)).snapshot


async def _positions(desk: Desk) -> tuple[Position, ...] | str:
    """Return what the desk's account holds, or why that is not known."""
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return await desk.venue.positions()
    except CouncilError as error:
        return str(error)
    except TimeoutError:
        return f"its venue did not answer within {PATIENCE.total_seconds():.0f} s."


async def _equities(
    accounts: Iterable[str], tickets: Sequence[Ticket], deps: Deps
) -> dict[str, Decimal]:
    """Return what each account was worth when last seen, those left out of whom nothing is known.

    That is by its ticket among `tickets`, else by its newest mark, else by its newest proposal.
    """
    asked = {ticket.account: ticket.equity_usd for ticket in tickets}
    found = {name: asked.get(name) or await _last_equity(name, deps) for name in accounts}
    return {name: equity for name, equity in found.items() if equity is not None}


async def _last_equity(account: str, deps: Deps) -> Decimal | None:
    where = {"account_id": account}
    desk = deps.desks.get(account)
    here = {"venue": desk.venue.name.value} if desk else {}
    newest = Page(limit=1, descending=True)
    marks = await deps.store.rows(
        "equity_marks", where=where | here, order_by=("marked_at",), page=newest
    )
    if marks:
        return Decimal(marks[0]["equity_usd"])
    proposed = await deps.store.rows("trades", where=where, order_by=("proposed_at",), page=newest)
    return Decimal(proposed[0]["ticket"]["equity_usd"]) if proposed else None


def _holdings(account: str, positions: Sequence[Position], equity: Decimal) -> AccountHoldings:
    held = {position.symbol: whole_shares(position.quantity) for position in positions}
    return AccountHoldings(account, equity, held)


def _prices(
    held: Mapping[str, Sequence[Position]], tickets: Sequence[Ticket], snapshot: MarketSnapshot
) -> dict[str, Decimal]:
    """Return a price a share by symbol: the venue's, else the ticket's, else the last close."""
    closes = {line.symbol: line.last_close for line in snapshot.instruments}
    asked = {ticket.instrument: ticket.reference_price for ticket in tickets}
    positions = [position for own in held.values() for position in own if position.quantity]
    return {**closes, **asked, **{p.symbol: p.market_value / p.quantity for p in positions}}


def _left_out(equities: Mapping[str, Decimal], deps: Deps) -> tuple[str, ...]:
    """Say which accounts count nowhere: refused ones, and those that nobody has priced yet."""
    refused = tuple(f"{name} is refused and not counted." for name in deps.refused_accounts)
    unknown = [name for name in deps.desks if name not in equities]
    return (*refused, *(f"{name} is not counted: its equity is not known." for name in unknown))
