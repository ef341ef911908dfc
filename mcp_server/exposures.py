"""What the trades that wait would make of all accounts together, for a listing that shows them.

A listing never fails for it and waits a few seconds at most: what goes wrong is said in it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from config.errors import CouncilError
from council.exposure_now import ExposureNow, exposure_of_tickets, exposure_with
from council.model.ticket import Ticket
from council.trading.lifecycle import load_trade
from mcp_server.exposure_shapes import WaitingExposureShape
from mcp_server.exposure_words import after_words, together_words
from mcp_server.readings import list_trades
from mcp_server.result_views import exposure_shape
from mcp_server.shapes import TradeShape
from mcp_server.wiring import App

PATIENCE: Final = timedelta(seconds=6)
"""For all of it: opening the venues, asking them, reading what is stored."""


async def waiting_exposure(
    app: App, trades: Sequence[TradeShape], *, patience: timedelta = PATIENCE
) -> WaitingExposureShape | None:
    """Return what those of `trades` that wait would come to; None where none does.

    Trades that were approved before and are not sent yet count as well.
    """
    waiting = [trade for trade in trades if trade.status == "pending"]
    if not waiting:
        return None
    try:
        async with asyncio.timeout(patience.total_seconds()):
            return await _looked_at(app, waiting)
    except CouncilError as error:
        return _unknown(len(waiting), str(error))
    except TimeoutError:
        seconds = patience.total_seconds()
        return _unknown(len(waiting), f"It took longer than {seconds:.0f} s to find out.")


async def waiting_exposure_apart(
    app: App, trades: Sequence[TradeShape]
) -> WaitingExposureShape | None:
    """Return the same for a command that opened the store alone: the venues are opened for it."""
    if all(trade.status != "pending" for trade in trades):
        return None
    from mcp_server.desks import opened_floor  # noqa: PLC0415 brings the simulated exchange

    try:
        async with asyncio.timeout(2 * PATIENCE.total_seconds()), opened_floor(app) as floor:
            deps = replace(app.deps, desks=floor.desks, refused_accounts=floor.refused)
            return await waiting_exposure(replace(app, deps=deps), trades)
    except CouncilError as error:
        return _unknown(len(trades), str(error))
    except TimeoutError:
        return _unknown(len(trades), "The venues could not be opened in time.")


def exposure_line(seen: WaitingExposureShape | None) -> str | None:
    """Return it in one line, with what is missing; None where no trade waits."""
    return None if seen is None else " ".join((seen.summary, *seen.notices))


async def together_line(app: App, trades: Sequence[TradeShape]) -> str:
    """Return what `trades` come to by themselves, in a sentence of stored things; "" for none."""
    tickets = await _tickets(app, trades)
    seen = await exposure_of_tickets(tickets, app.deps)
    return "" if seen.lens is None else together_words(seen.lens, trades=len(tickets))


async def _looked_at(app: App, waiting: Sequence[TradeShape]) -> WaitingExposureShape:
    approved = await list_trades(app, status="approved")
    tickets = await _tickets(app, (*approved, *waiting))
    seen = await exposure_with(tickets, app.deps)
    return _shape(seen, trades=len(waiting), approved=len(approved))


async def _tickets(app: App, trades: Sequence[TradeShape]) -> tuple[Ticket, ...]:
    states = [await load_trade(app.deps.store, UUID(trade.trade_id)) for trade in trades]
    return tuple(state.proposal.ticket for state in states)


def _shape(seen: ExposureNow, *, trades: int, approved: int) -> WaitingExposureShape:
    found = seen.lens
    unknown = "What all accounts would hold together is not known."
    return WaitingExposureShape(
        trades=trades,
        approved=approved,
        summary=after_words(found, trades=trades, approved=approved) if found else unknown,
        before=exposure_shape(found.before) if found else None,
        after=exposure_shape(found.after) if found else None,
        notices=seen.notices,
    )


def _unknown(trades: int, why: str) -> WaitingExposureShape:
    return _shape(ExposureNow(None, (why,)), trades=trades, approved=0)
