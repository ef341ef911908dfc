"""Where a trade stands, folded from its stream.

The statuses here are the executor's; the product's own (executed, open, closed) are projected.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from council.codec import to_fact
from council.errors import UnknownTrade
from council.ports import Deps
from council.trade_facts import (
    ApprovalRevoked,
    ApprovalVoided,
    ExecutionStarted,
    TradeApproved,
    TradeCompleted,
    TradeExpired,
    TradeIncomplete,
    TradeProposed,
    TradeRejected,
)
from store.events import StoredEvent
from store.ports import EventStore

Ending = TradeRejected | TradeExpired | TradeCompleted | TradeIncomplete


class TradeStatus(StrEnum):
    """What can still happen to a trade."""

    PENDING = "pending"
    APPROVED = "approved"
    EXECUTING = "executing"
    REJECTED = "rejected"
    EXPIRED = "expired"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class TradeState:
    """One trade in its present round; `version` is that of its stream, 0 where nobody proposed it.

    `changed_at` and `last_event_id` are the last event's, `approved_at` that of the approval.
    """

    trade_id: UUID
    version: int = 0
    proposed: TradeProposed | None = None
    approved: TradeApproved | None = None
    approved_at: datetime | None = None
    started: bool = False
    ending: Ending | None = None
    changed_at: datetime | None = None
    last_event_id: UUID | None = None

    @property
    def proposal(self) -> TradeProposed:
        """Return the newest proposal.

        Raises:
            UnknownTrade: nobody ever proposed this trade.
        """
        if self.proposed is None:
            raise UnknownTrade(f"No trade has the id {self.trade_id}.")
        return self.proposed

    @property
    def status(self) -> TradeStatus:
        """Return where the trade stands."""
        if self.ending is not None:
            return _ENDINGS[type(self.ending)]
        if self.approved is None:
            return TradeStatus.PENDING
        return TradeStatus.EXECUTING if self.started else TradeStatus.APPROVED

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen to the trade any more."""
        return self.ending is not None


_ENDINGS: dict[type[Ending], TradeStatus] = {
    TradeRejected: TradeStatus.REJECTED,
    TradeExpired: TradeStatus.EXPIRED,
    TradeCompleted: TradeStatus.COMPLETED,
    TradeIncomplete: TradeStatus.INCOMPLETE,
}


async def load_trade(store: EventStore, trade_id: UUID) -> TradeState:
    """Read the trade's stream; a trade that nobody proposed comes back at version 0."""
    return fold_trade(TradeState(trade_id), await store.read_stream(f"trade-{trade_id}"))


async def known_trade(trade_id: UUID, deps: Deps) -> TradeState:
    """Return the trade as it stands; one that is over is read once."""
    known = deps.remembered.ended.get(trade_id)
    if known is not None:
        return known
    state = await load_trade(deps.store, trade_id)
    if state.is_over:
        deps.remembered.keep_ended(state)
    return state


def fold_trade(state: TradeState, events: Iterable[StoredEvent]) -> TradeState:
    """Return `state` with `events` of its stream in it."""
    for event in events:
        state = replace(
            state,
            version=event.version,
            changed_at=event.timestamp,
            last_event_id=event.event_id,
            **_changes(event),
        )
    return state


def _changes(event: StoredEvent) -> dict[str, Any]:
    """Return the fields of `TradeState` that the event sets beside those that every event does."""
    match to_fact(event):
        case TradeProposed() as fact:
            return {"proposed": fact, "approved": None, "approved_at": None, "started": False}
        case TradeApproved() as fact:
            return {"approved": fact, "approved_at": event.timestamp}
        case ApprovalVoided() | ApprovalRevoked():
            return {"approved": None, "approved_at": None}
        case ExecutionStarted():
            return {"started": True}
        case (TradeRejected() | TradeExpired() | TradeCompleted() | TradeIncomplete()) as fact:
            return {"ending": fact}
        case _:
            return {}
