"""Whether an approved ticket may be carried out at this moment: asked again before every send.

Pure: what the venue said comes in as a `Standing`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from broker.models import Account, MarketClock, OrderStatus, Position, Quote
from config.clock import NEW_YORK
from council.model.ticket import Ticket
from council.trade_facts import TradeApproved
from council.trading.account_legs import LegState
from council.trading.approvals import RELAYED

MAX_CLOSE_ATTEMPTS = 2
"""How often a closing order that expired unfilled at the end of a day is written anew."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why nothing may be sent now; `is_final` where waiting does not mend it."""

    reason: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """An account and its market as the venue showed them a moment ago; `quote` None: no price."""

    account: Account
    positions: Mapping[str, int]
    quote: Quote | None
    market: MarketClock


def objection_to(
    ticket: Ticket,
    approval: TradeApproved,
    standing: Standing,
    *,
    now: datetime,
    mode: Literal["conversational", "strict"],
) -> Objection | None:
    """Return the first reason against sending an order for `ticket` now, or None."""
    lasting = _broken_seal(ticket, approval) or _untrusted(approval, mode) or _expired(ticket, now)
    if lasting:
        return Objection(lasting, is_final=True)
    passing = _wrong_account(ticket, standing.account) or _closed(standing)
    if passing:
        return Objection(passing, is_final=False)
    if standing.quote is None:
        return Objection(f"no quote for {ticket.instrument}", is_final=False)
    moved = _out_of_band(ticket, standing.quote)
    return Objection(moved, is_final=True) if moved else None


def shortfall(legs: Sequence[LegState]) -> str | None:
    """Return why a trade with these finished legs ends short of its target, or None to go on."""
    if not legs or legs[-1].closed is None:
        return None
    last, closed = legs[-1], legs[-1].closed
    if closed.status == "refused":
        return _refusal(last, flip=len(legs) > 1)
    if closed.filled_quantity == last.intended.quantity:
        return None
    if _may_close_again(legs):
        return None
    name = "open_partly" if last.intended.leg == "open" else "flip_closed_partly"
    wanted = f"{last.filled} of {last.intended.quantity} {last.intended.symbol} filled"
    return f"{name}: {wanted}, then {closed.status}"


def drift(legs: Sequence[LegState], positions: Mapping[str, int]) -> str | None:
    """Return how the venue's positions differ from what the fills of `legs` left, or None."""
    expected = {
        leg.closed.symbol: leg.closed.position_quantity for leg in legs if leg.closed is not None
    }
    for symbol, quantity in expected.items():
        shown = positions.get(symbol, 0)
        if shown != quantity:
            return f"the venue shows {shown} {symbol} where the fills leave {quantity}"
    return None


def whole_positions(positions: Sequence[Position]) -> dict[str, int]:
    """Return signed whole shares by symbol; what is less than a share is no position."""
    shares = {position.symbol: int(position.quantity) for position in positions}
    return {symbol: quantity for symbol, quantity in shares.items() if quantity}


def middle(quote: Quote) -> Decimal:
    """Return the price halfway between bid and ask."""
    return (quote.bid + quote.ask) / 2


def _broken_seal(ticket: Ticket, approval: TradeApproved) -> str | None:
    if ticket.computed_digest() == ticket.digest == approval.digest:
        return None
    return "the ticket is not the one that was approved"


def _untrusted(approval: TradeApproved, mode: str) -> str | None:
    if mode == "strict" and approval.channel in RELAYED:
        return "approval.mode is strict and a model relayed the approval"
    return None


def _expired(ticket: Ticket, now: datetime) -> str | None:
    return "the ticket expired" if now >= ticket.expires_at else None


def _wrong_account(ticket: Ticket, account: Account) -> str | None:
    if account.account_number != ticket.account_number:
        return (
            f"the venue answers as account {account.account_number}, "
            f"the ticket is for {ticket.account_number}"
        )
    return "the venue blocks this account from trading" if account.trading_blocked else None


def _closed(standing: Standing) -> str | None:
    if standing.market.is_open:
        return None
    opens_at = standing.market.next_open_at.astimezone(NEW_YORK)
    return f"waits for the open at {opens_at:%a %d %b %H:%M} New York"


def _out_of_band(ticket: Ticket, quote: Quote) -> str | None:
    price = middle(quote)
    if ticket.lowest_price <= price <= ticket.highest_price:
        return None
    return (
        f"{ticket.instrument} is at {price}, outside of {ticket.lowest_price} to "
        f"{ticket.highest_price}"
    )


def _refusal(leg: LegState, *, flip: bool) -> str:
    refused = leg.refused
    said = f"{refused.message} ({refused.code})" if refused else "no reason given"
    name = "flip_open_refused" if flip and leg.intended.leg == "open" else "refused"
    return f"{name}: {leg.intended.side} {leg.intended.quantity} {leg.intended.symbol}: {said}"


def _may_close_again(legs: Sequence[LegState]) -> bool:
    """Whether a close that ran out of its day may be tried on the next one."""
    last = legs[-1]
    if last.intended.leg != "close" or last.closed is None:
        return False
    tries = sum(
        leg.intended.leg == "close" and leg.intended.symbol == last.intended.symbol for leg in legs
    )
    return last.closed.status == OrderStatus.EXPIRED and tries < MAX_CLOSE_ATTEMPTS
