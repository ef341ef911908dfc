"""How verdicts on trades are put into words, for people and for models alike."""

from collections.abc import Sequence
from datetime import datetime

from council.model.ticket import Ticket
from council.trade_facts import TradeExpired, TradeRejected
from council.trading.lifecycle import TradeState, TradeStatus


def verdict_on(state: TradeState) -> str:
    """Say who decided what and when, as the rest of a sentence about the trade."""
    ending = state.ending
    if isinstance(ending, TradeRejected):
        return f"was already rejected by {ending.approver} at {minute(state.changed_at)}"
    if isinstance(ending, TradeExpired):
        return f"expired at {minute(ending.expired_at)}"
    if state.approved is None:
        return f"is {state.status}"
    who = f"{state.approved.approver} through {state.approved.channel}"
    said = f"was already approved by {who} at {minute(state.approved_at)}"
    if state.status is TradeStatus.APPROVED:
        return said
    return f"{said} and is {state.status}"


def revoke_first(state: TradeState) -> str:
    """Say how an approval can still be taken back; "" where it cannot."""
    if state.status is not TradeStatus.APPROVED:
        return ""
    return f" Until its orders begin, `council revoke {state.trade_id}` takes that back."


def ticket_line(ticket: Ticket) -> str:
    """Return a ticket in a few words, such as "COUNCIL SHORT 120 TLT at simulated"."""
    size = abs(ticket.target_quantity)
    return f"{ticket.account} {ticket.direction} {size} {ticket.instrument} at {ticket.venue}"


def phrase_for(ticket: Ticket, asked_round: int) -> str:
    """Return what a person types to approve; asked again, a ticket takes another phrase.

    The old one was typed for an approval that was taken back or void, and must not be repeated.
    """
    return ticket.confirmation if asked_round == 1 else f"{ticket.confirmation} {asked_round}"


def minute(instant: datetime | None) -> str:
    """Show an instant in UTC, to the minute."""
    return "an unknown time" if instant is None else instant.strftime("%Y-%m-%d %H:%M UTC")


def no_such_trade(text: str, waiting: Sequence[str], *, ambiguous: bool = False) -> str:
    """Say that `text` names no trade, or several (`ambiguous`), and which ones wait."""
    what = f"More than one trade begins with {text!r}" if ambiguous else f"No trade is {text!r}"
    return f"{what}; waiting: {', '.join(waiting) or 'none'}."
