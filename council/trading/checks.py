"""Whether an approved ticket may be carried out at this moment: asked again before every send.

Pure: what the venue said comes in as a `Standing`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from broker.models import Account, MarketClock, OrderStatus, Position, Quote, VenueName
from config.clock import NEW_YORK
from council.model.ticket import Ticket, TicketLeg
from council.trade_facts import TradeApproved
from council.trading.account_guard import AccountGuard
from council.trading.account_legs import LegState
from council.trading.approvals import STRICT_TRUSTS, TRUSTS
from council.trading.relaying import RELAYED
from council.trading.scripts import SCRIPTS
from council.trading.tickets import filled_on, permits

MAX_CLOSE_ATTEMPTS = 2
"""How often a closing order that expired unfilled at the end of a day is written anew."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why nothing may be sent now; `is_final` where waiting does not mend it.

    `blocks` where only a person can mend it; `ends` where a fresh ticket would not help either.
    """

    reason: str
    is_final: bool
    blocks: bool = False
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """An account and its market as the venue showed them a moment ago; `quote` None: no price.

    `positions` holds the signed whole shares of `holdings` by symbol; `skew` is how far the
    venue's clock is from ours at the least.
    """

    venue: VenueName
    account: Account
    holdings: tuple[Position, ...]
    positions: Mapping[str, int]
    quote: Quote | None
    market: MarketClock
    skew: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Rules:
    """What else decides whether an order may be sent: the time, the mode, halts and drifts.

    `over_caps` says which cap a relayed approval breaks, if one; with `scripts_decide` nobody's
    money is at stake, and a script stands in for the person.
    """

    now: datetime
    mode: Literal["conversational", "strict"]
    guard: AccountGuard
    over_caps: str | None = None
    scripts_decide: bool = False


def objection_to(
    ticket: Ticket, approval: TradeApproved, standing: Standing, *, symbol: str, rules: Rules
) -> Objection | None:
    """Return the first reason against sending an order in `symbol` for `ticket` now, or None."""
    lasting = (
        _broken_seal(ticket, approval)
        or _untrusted(approval, rules)
        or rules.over_caps
        or _expired(ticket, rules.now)
    )
    if lasting:
        return Objection(lasting, is_final=True)
    blocking = _halted(rules.guard) or _frozen(rules.guard, symbol)
    if blocking:
        return Objection(blocking, is_final=False, blocks=True)
    passing = (
        _elsewhere(ticket, standing)
        or _wrong_account(ticket, standing.account)
        or _closed(standing)
    )
    if passing:
        return Objection(passing, is_final=False)
    if standing.quote is None:
        return Objection(f"no quote for {ticket.instrument}", is_final=False)
    moved = _out_of_band(ticket, standing.quote)
    return Objection(moved, is_final=True) if moved else None


def unplanned(ticket: Ticket, line: TicketLeg, legs: Sequence[LegState]) -> Objection | None:
    """Object to an order that the person who approved has not seen."""
    sent = [(leg.intended.leg, leg.intended.symbol, leg.filled) for leg in legs]
    if permits(ticket, line, already_filled=filled_on(sent, line)):
        return None
    order = f"{_order(line)} ({line.position_intent})"
    return Objection(f"the position changed, {order} is not on the ticket", is_final=True)


def shortfall(legs: Sequence[LegState]) -> str | None:
    """Return why a trade with these finished legs ends short of its target, or None to go on."""
    if not legs or legs[-1].closed is None:
        return None
    last, closed = legs[-1], legs[-1].closed
    if closed.status in {"refused", OrderStatus.REJECTED} and not last.filled:
        return _refusal(last, flip=len(legs) > 1)
    if closed.reason is not None:
        return f"not_sent: {_order(last.line)}: {closed.reason}"
    if closed.filled_quantity == last.intended.quantity:
        return None
    if _may_close_again(legs):
        return None
    name = "open_partly" if last.intended.leg == "open" else "flip_closed_partly"
    wanted = f"{last.filled} of {last.intended.quantity} {last.intended.symbol} filled"
    return f"{name}: {wanted}, then {closed.status}"


def unexplained(guard: AccountGuard, positions: Mapping[str, int]) -> str | None:
    """Return how the venue's positions differ from what the record leaves, or None.

    What a person was told of already is left out: it is frozen, which is an objection of its own.
    """
    symbols = sorted({*guard.expected, *positions} - set(guard.frozen))
    return next((d for symbol in symbols if (d := drifted(guard, positions, symbol))), None)


def drifted(guard: AccountGuard, positions: Mapping[str, int], symbol: str) -> str | None:
    """Return how the venue's position in `symbol` differs from what the record leaves, or None."""
    expected, shown = guard.expected.get(symbol, 0), positions.get(symbol, 0)
    if shown == expected:
        return None
    return f"the venue shows {shown} {symbol} where the fills leave {expected}"


def skew(venue_at: datetime, asked_at: datetime, answered_at: datetime) -> timedelta:
    """Return how far the venue's clock is from ours, whenever between the two it was read."""
    return max(asked_at - venue_at, venue_at - answered_at, timedelta(0))


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


def _untrusted(approval: TradeApproved, rules: Rules) -> str | None:
    if approval.trust not in TRUSTS[approval.channel]:
        # The caps go by the channel, the database's grants by the trust: they must fit together.
        return f"an approval through {approval.channel} cannot count as {approval.trust}"
    if approval.trust in SCRIPTS and not rules.scripts_decide:
        return "a script approved it, which counts in a simulation alone"
    if rules.mode != "strict" or approval.trust in STRICT_TRUSTS:
        return None
    if approval.channel in RELAYED:
        return "approval.mode is strict and a model relayed the approval"
    return "approval.mode is strict and the approval was given without the secret"


def _expired(ticket: Ticket, now: datetime) -> str | None:
    return "the ticket expired" if now >= ticket.expires_at else None


def _halted(guard: AccountGuard) -> str | None:
    if guard.halted is None:
        return None
    return f"trading is halted ({guard.halted.reason}), a person ends it with `council resume`"


def _frozen(guard: AccountGuard, symbol: str) -> str | None:
    drift = guard.frozen.get(symbol)
    if drift is None:
        return None
    accept = f"`council accept-drift {drift.account} {symbol}`"
    return f"{symbol} is frozen: {drift.reason}; a person accepts it with {accept}"


def _elsewhere(ticket: Ticket, standing: Standing) -> str | None:
    if ticket.venue is standing.venue:
        return None
    return f"the ticket is for {ticket.venue} and the account is now at {standing.venue}"


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
    return f"{name}: {_order(leg.line)}: {said}"


def _order(line: TicketLeg) -> str:
    return f"{line.side} {line.quantity} {line.symbol}"


def _may_close_again(legs: Sequence[LegState]) -> bool:
    """Whether a close that ran out of its day may be tried on the next one."""
    last = legs[-1]
    if last.intended.leg != "close" or last.closed is None:
        return False
    tries = sum(
        leg.intended.leg == "close" and leg.intended.symbol == last.intended.symbol for leg in legs
    )
    return last.closed.status == OrderStatus.EXPIRED and tries < MAX_CLOSE_ATTEMPTS
