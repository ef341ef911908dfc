"""What an executor's turn did with orders and trades, in a few words for a person."""

from typing import Final

from council.trade_facts import TradeCompleted, TradeExpired, TradeIncomplete
from council.trading.account_legs import LegState
from council.trading.checks import Objection

UNSENT: Final = "the ticket expired before anything was sent"


def progress_of(leg: LegState, held_back: Objection | None) -> str:
    """Say how far an order came; `held_back` says why it was not sent, where it was not."""
    intended = leg.intended
    order = f"{intended.side} {intended.quantity} {intended.symbol}"
    if leg.closed is not None:
        if leg.closed.reason is not None:
            return f"{order}: given up, {leg.closed.reason}"
        price = leg.closed.average_price
        paid = "" if price is None else f" at {price}"
        return f"{order}: {leg.closed.status}, {leg.filled} filled{paid}"
    if leg.accepted is not None:
        return f"{order}: under way, {leg.filled} filled"
    if held_back is not None:
        return f"{order}: not sent, {held_back.reason}"
    return f"{order}: not confirmed yet, asking the venue again"


def ending_note(ending: TradeCompleted | TradeIncomplete | TradeExpired) -> str:
    """Say how a trade ended."""
    if isinstance(ending, TradeCompleted):
        return f"done: the position is {ending.position_quantity}"
    if isinstance(ending, TradeIncomplete):
        return f"incomplete: {ending.reason}"
    return UNSENT
