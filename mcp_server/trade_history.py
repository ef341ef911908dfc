"""What became of a trade, one sentence for each fact about it, in the order in which they came."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from council.codec import to_fact
from council.fact import Fact
from council.trade_facts import (
    ApprovalRevoked,
    ApprovalVoided,
    CancelRequested,
    ExecutionStarted,
    LegClosed,
    LegFact,
    LegIntended,
    OrderAccepted,
    OrderProgressed,
    OrderRefused,
    SubmitAttempted,
    SubmitUnknown,
    TradeApproved,
    TradeCompleted,
    TradeExpired,
    TradeIncomplete,
    TradeProposed,
    TradeRejected,
)
from council.untrusted import clean_text
from store.events import StoredEvent
from store.ports import EventStore

Step = tuple[datetime, str]
"""When something happened to a trade, and what, in a sentence."""

_TOGETHER: Final = 4
"""So far apart may be what is stored at once, in the log of all streams."""
_ENDINGS: Final = frozenset({TradeCompleted.__name__, TradeIncomplete.__name__})


async def read_history(store: EventStore, trade_id: str, account: str) -> tuple[Step, ...]:
    """Return what happened to the trade and to its orders, oldest first."""
    own = await store.read_stream(f"trade-{trade_id}")
    return history_of((*own, *await _orders(own, account, store)), UUID(trade_id))


async def _orders(
    own: Sequence[StoredEvent], account: str, store: EventStore
) -> tuple[StoredEvent, ...]:
    """Return the account's orders while the trade was under way, and not of its whole life.

    The first intent is stored together with the trade's beginning, and when it ends, no order of it
    is open any more.
    """
    began = [event.position for event in own if event.event_type == ExecutionStarted.__name__]
    ended = [event.position for event in own if event.event_type in _ENDINGS]
    found = []
    if began:
        async for event in store.read_all(began[0] - _TOGETHER, event_types=_ORDER_KINDS):
            if ended and event.position > ended[-1] + _TOGETHER:
                break
            if event.stream == f"account-{account}":
                found.append(event)
    return tuple(found)


def history_of(events: Iterable[StoredEvent], trade_id: UUID) -> tuple[Step, ...]:
    """Return the steps of the trade among `events`, in the order of the log."""
    ordered = sorted(events, key=lambda event: event.position)
    told = [(event.timestamp, _sentence(to_fact(event), trade_id)) for event in ordered]
    return tuple((at, sentence) for at, sentence in told if sentence)


def _sentence(fact: Fact, trade_id: UUID) -> str | None:
    """Return the sentence about a fact; None for another trade's, and for a kind that adds none."""
    said = _SENTENCES.get(type(fact))
    is_own = getattr(fact, "trade_id", None) == trade_id
    return clean_text(said(fact)) if said and is_own else None


def _proposed(fact: TradeProposed) -> str:
    ticket = fact.ticket.digest[:4]
    again = "" if fact.round == 1 else f" again, for the {_ordinal(fact.round)} time"
    return f"The user was asked{again} to decide on ticket {ticket}."


def _ordinal(number: int) -> str:
    return {2: "2nd", 3: "3rd"}.get(number, f"{number}th")


def _approved(fact: TradeApproved) -> str:
    trust = fact.trust.replace("_", " ")
    return f"{fact.approver} approved ticket {fact.digest[:4]} through {fact.channel} ({trust})."


def _rejected(fact: TradeRejected) -> str:
    return f"{fact.approver} rejected it through {fact.channel}: {_clause(fact.reason)}."


def _expired(fact: TradeExpired) -> str:
    return "Its time was over before anything was sent: it expired."


def _voided(fact: ApprovalVoided) -> str:
    return f"The approval was void, nothing was sent: {_clause(fact.reason)}."


def _revoked(fact: ApprovalRevoked) -> str:
    who = f"{fact.approver} took the approval back through {fact.channel}"
    return f"{who}: {_clause(fact.reason)}."


def _started(fact: ExecutionStarted) -> str:
    return "Its orders began; from here on the approval stands."


def _completed(fact: TradeCompleted) -> str:
    return f"Completed: the position is {fact.position_quantity:+d}."


def _incomplete(fact: TradeIncomplete) -> str:
    return f"Ended short of its target: {_clause(fact.reason)}."


def _intended(fact: LegIntended) -> str:
    order = f"{fact.side} {fact.quantity} {fact.symbol}"
    return f"Order to {fact.leg}: {order} at {fact.venue}, as {fact.client_order_id}."


def _attempted(fact: SubmitAttempted) -> str:
    return f"Sent to the venue, attempt {fact.number}."


def _accepted(fact: OrderAccepted) -> str:
    return "The venue has the order."


def _refused(fact: OrderRefused) -> str:
    return f"The venue refused the order: {_clause(fact.message)} ({fact.code})."


def _unknown(fact: SubmitUnknown) -> str:
    return f"Nobody knows yet whether the venue has the order: {_clause(fact.reason)}."


def _progressed(fact: OrderProgressed) -> str:
    return f"The order is {_plain(fact.status)}: {_fill(fact)}."


def _closed(fact: LegClosed) -> str:
    why = f", given up: {_clause(fact.reason)}" if fact.reason else ""
    return f"The order is over, {_plain(fact.status)}: {_fill(fact)}{why}."


def _cancelled(fact: CancelRequested) -> str:
    return f"The venue was asked to cancel the order: {_clause(fact.reason)}."


def _fill(fact: OrderProgressed | LegClosed) -> str:
    price = "" if fact.average_price is None else f" at {fact.average_price:.2f}"
    return f"{fact.filled_quantity} {fact.symbol} filled{price}"


def _plain(status: str) -> str:
    return status.replace("_", " ")


def _clause(text: str) -> str:
    """Return a reason as the end of a sentence."""
    return text.strip().rstrip(".")


_SENTENCES: dict[type[Fact], Callable[[Any], str]] = {
    TradeProposed: _proposed,
    TradeApproved: _approved,
    TradeRejected: _rejected,
    TradeExpired: _expired,
    ApprovalVoided: _voided,
    ApprovalRevoked: _revoked,
    ExecutionStarted: _started,
    TradeCompleted: _completed,
    TradeIncomplete: _incomplete,
    LegIntended: _intended,
    SubmitAttempted: _attempted,
    OrderAccepted: _accepted,
    OrderRefused: _refused,
    SubmitUnknown: _unknown,
    OrderProgressed: _progressed,
    LegClosed: _closed,
    CancelRequested: _cancelled,
}
_ORDER_KINDS: Final = tuple(kind.__name__ for kind in _SENTENCES if issubclass(kind, LegFact))
