"""From facts to the rows of the read tables: pure, so that a rebuild gives the same rows again.

What a trade's status becomes:

    TradeProposed -> pending        each further round starts anew
    TradeApproved -> approved       TradeRejected -> rejected       TradeExpired -> expired
    ApprovalVoided -> expired       the next round, if one follows, makes it pending again
    ApprovalRevoked -> pending      the next round follows at once
    OrderAccepted -> executed       execution_timestamp is that of the newest accepted order
    TradeCompleted -> open, or closed where no position is left
    TradeIncomplete -> failed       its rejection_reason says what was left

When the trade of a checkpoint completes, the week's trade of that account becomes "closed" where
nothing is left of it, else "updated".

Documents are as this version writes them: what an older event lacks has its default.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from config.ids import trade_id_for
from council.codec import KINDS, to_fact
from council.events import (
    CheckpointTaken,
    DecisionReached,
    NoDecision,
    PitchAbstained,
    PitchMade,
    ResearchFailed,
    ResearchReceived,
    ReviewMade,
    SnapshotTaken,
    StageCompleted,
    WeekStarted,
)
from council.fact import Fact
from council.result_facts import EquityMarked, PostmortemAbstained, PostmortemWritten
from council.result_rows import equity_marked, postmortem_abstained, postmortem_written
from council.trade_facts import (
    AccountObserved,
    ApprovalRevoked,
    ApprovalVoided,
    DriftAccepted,
    LegClosed,
    LegIntended,
    OrderAccepted,
    OrderProgressed,
    OrderRefused,
    TradeApproved,
    TradeCompleted,
    TradeExpired,
    TradeFact,
    TradeIncomplete,
    TradeProposed,
    TradeRejected,
)
from store.events import RowChange, StoredEvent

READ_TABLES = (
    "week_metadata",
    "research_packs",
    "pm_pitches",
    "peer_reviews",
    "chairman_decisions",
    "checkpoint_updates",
    "trades",
    "orders",
    "positions",
    "equity_marks",
    "weekly_postmortems",
)
"""Every table that is folded from facts and may be emptied and folded again."""

Rows = tuple[RowChange, ...]


def project(event: StoredEvent) -> Rows:
    """Return the rows that `event` leaves in the read tables; many kinds leave none.

    Raises:
        UnknownFact: the event was written by a newer version, or is damaged.
    """
    fact = to_fact(event)
    rows = _ROWS.get(type(fact))
    return rows(fact, event) if rows else ()


def _week_started(fact: WeekStarted, event: StoredEvent) -> Rows:
    values = {
        "config_hash": fact.config_hash,
        "mode": fact.mode,
        "query": fact.query,
        "models": dict(fact.models),
        "degraded": list(fact.degraded),
        "started_at": event.timestamp,
    }
    return (_week(fact, values),)


def _snapshot_taken(fact: SnapshotTaken, event: StoredEvent) -> Rows:
    return (_week(fact, {"snapshot": fact.snapshot}),)


def _stage_completed(fact: StageCompleted, event: StoredEvent) -> Rows:
    return (_week(fact, {"last_stage": fact.stage, "last_stage_at": event.timestamp}),)


def _week(fact: Fact, values: dict[str, Any]) -> RowChange:
    return RowChange("week_metadata", {"week_id": fact.week_id}, values)


def _research_received(fact: ResearchReceived, event: StoredEvent) -> Rows:
    pack = fact.pack
    values = {
        "research_source": pack.research_source,
        "model": pack.model,
        "failure": None,
        "content": fact.pack,
        "received_at": event.timestamp,
    }
    return (RowChange("research_packs", {"week_id": fact.week_id, "pack": pack.pack}, values),)


def _research_failed(fact: ResearchFailed, event: StoredEvent) -> Rows:
    key = {"week_id": fact.week_id, "pack": fact.pack}
    return (RowChange("research_packs", key, {"failure": fact.reason}),)


def _pitch_made(fact: PitchMade, event: StoredEvent) -> Rows:
    pitch = fact.pitch
    values = {
        "idea_id": pitch.idea_id,
        "model": pitch.model,
        "status": fact.outcome,
        "instrument": pitch.instrument,
        "direction": pitch.direction.value,
        "conviction": pitch.conviction,
        "content": fact.pitch,
        "made_at": pitch.made_at,
    }
    return (RowChange("pm_pitches", _by_account(fact.week_id, fact.account), values),)


def _pitch_abstained(fact: PitchAbstained, event: StoredEvent) -> Rows:
    values = {"model": fact.model, "status": "abstained", "abstention": fact.reason}
    return (RowChange("pm_pitches", _by_account(fact.week_id, fact.account), values),)


def _by_account(week_id: str, account: str) -> dict[str, Any]:
    return {"week_id": week_id, "account_id": account}


def _review_made(fact: ReviewMade, event: StoredEvent) -> Rows:
    review = fact.review
    values = {
        "week_id": fact.week_id,
        "pitch_id": review.pitch_id,
        "reviewer": review.reviewer,
        "reviewer_model": review.reviewer_model,
        "anonymized_pitch_id": review.anonymized_pitch_id,
        "display_index": review.display_index,
        "mean_score": review.scores.mean,
        "content": fact.review,
        "made_at": review.made_at,
    }
    return (RowChange("peer_reviews", {"review_id": review.review_id}, values),)


def _decision_reached(fact: DecisionReached, event: StoredEvent) -> Rows:
    decision = fact.decision
    values = {
        "account_id": fact.account,
        "model": decision.model,
        "instrument": decision.selected_trade.instrument,
        "direction": decision.selected_trade.direction.value,
        "conviction": decision.conviction,
        "content": fact.decision,
        "reached_at": decision.reached_at,
    }
    return (RowChange("chairman_decisions", {"week_id": fact.week_id}, values),)


def _no_decision(fact: NoDecision, event: StoredEvent) -> Rows:
    values = {"account_id": fact.account, "refusal": fact.reason}
    return (RowChange("chairman_decisions", {"week_id": fact.week_id}, values),)


def _checkpoint_taken(fact: CheckpointTaken, event: StoredEvent) -> Rows:
    taken = fact.checkpoint
    values = {
        "week_id": fact.week_id,
        "slot": taken.slot,
        "account_id": fact.account,
        "trade_id": taken.trade_id,
        "action": taken.action.value,
        "conviction_before": taken.conviction_before,
        "conviction_after": taken.conviction_after,
        "reason_delta": taken.reason_delta,
        "content": fact.checkpoint,
        "taken_at": taken.taken_at,
    }
    return (RowChange("checkpoint_updates", {"checkpoint_id": taken.checkpoint_id}, values),)


def asked_columns(fact: TradeProposed) -> dict[str, Any]:
    """Return what a row of `trades` says of what a person is asked."""
    ticket = fact.ticket
    return {
        "week_id": fact.week_id,
        "account_id": fact.account,
        "model": fact.model,
        "venue": ticket.venue.value,
        "instrument": ticket.instrument,
        "direction": ticket.direction.value,
        "conviction": ticket.conviction,
        "ticket": ticket,
        "expires_at": ticket.expires_at,
    }


def _trade_proposed(fact: TradeProposed, event: StoredEvent) -> Rows:
    values = asked_columns(fact) | {"status": "pending", "proposed_at": event.timestamp}
    undecided = ("approval_timestamp", "execution_timestamp", "approver", "approval_channel")
    values |= dict.fromkeys((*undecided, "approval_trust", "rejection_reason"))
    return (_trade(fact, **values),)


def _trade_approved(fact: TradeApproved, event: StoredEvent) -> Rows:
    approved = _trade(
        fact,
        status="approved",
        approval_timestamp=event.timestamp,
        approver=fact.approver,
        approval_channel=fact.channel,
        approval_trust=fact.trust,
    )
    return (approved,)


def _trade_rejected(fact: TradeRejected, event: StoredEvent) -> Rows:
    rejected = _trade(
        fact,
        status="rejected",
        rejection_reason=fact.reason,
        approver=fact.approver,
        approval_channel=fact.channel,
    )
    return (rejected,)


def _trade_expired(fact: TradeExpired, event: StoredEvent) -> Rows:
    return (_trade(fact, status="expired"),)


def _approval_voided(fact: ApprovalVoided, event: StoredEvent) -> Rows:
    return (_trade(fact, status="expired", rejection_reason=fact.reason),)


def _approval_revoked(fact: ApprovalRevoked, event: StoredEvent) -> Rows:
    return (_trade(fact, status="pending", rejection_reason=fact.reason),)


def _trade_completed(fact: TradeCompleted, event: StoredEvent) -> Rows:
    is_flat = fact.position_quantity == 0
    completed = _trade(fact, status="closed" if is_flat else "open")
    original = trade_id_for(fact.week_id, fact.account)
    if fact.trade_id == original:
        return (completed,)
    status = "closed" if is_flat else "updated"
    return (completed, RowChange("trades", {"trade_id": original}, {"status": status}))


def _trade_incomplete(fact: TradeIncomplete, event: StoredEvent) -> Rows:
    return (_trade(fact, status="failed", rejection_reason=fact.reason),)


def _trade(fact: TradeFact, **values: Any) -> RowChange:
    return RowChange("trades", {"trade_id": fact.trade_id}, values)


def _leg_intended(fact: LegIntended, event: StoredEvent) -> Rows:
    values = {
        "trade_id": fact.trade_id,
        "week_id": fact.week_id,
        "account_id": fact.account,
        "leg": fact.leg,
        "attempt": fact.attempt,
        "venue": fact.venue.value,
        "symbol": fact.symbol,
        "side": fact.side.value,
        "quantity": Decimal(fact.quantity),
        "status": "intended",
        "filled_quantity": Decimal(0),
        "intended_at": event.timestamp,
    }
    return (_order(fact.client_order_id, **values),)


def _order_accepted(fact: OrderAccepted, event: StoredEvent) -> Rows:
    return (
        _order(fact.client_order_id, status="accepted", order_id=fact.order_id),
        RowChange(
            "trades",
            {"trade_id": fact.trade_id},
            {"status": "executed", "execution_timestamp": event.timestamp},
        ),
    )


def _order_refused(fact: OrderRefused, event: StoredEvent) -> Rows:
    refusal = f"{fact.message} ({fact.code})"
    return (_order(fact.client_order_id, status="refused", refusal=refusal),)


def _order_progressed(fact: OrderProgressed, event: StoredEvent) -> Rows:
    return (_order(fact.client_order_id, **_filled(fact)), _position(fact, event))


def _leg_closed(fact: LegClosed, event: StoredEvent) -> Rows:
    closed = _order(fact.client_order_id, **_filled(fact), closed_at=event.timestamp)
    return (closed, _position(fact, event))


def _filled(fact: OrderProgressed | LegClosed) -> dict[str, Any]:
    return {
        "status": str(fact.status),
        "filled_quantity": Decimal(fact.filled_quantity),
        "average_price": fact.average_price,
    }


def _order(client_order_id: str, **values: Any) -> RowChange:
    return RowChange("orders", {"client_order_id": client_order_id}, values)


def _position(fact: OrderProgressed | LegClosed, event: StoredEvent) -> RowChange:
    return _held(fact.account, fact.symbol, fact.position_quantity, event=event)


def _account_observed(fact: AccountObserved, event: StoredEvent) -> Rows:
    held = fact.positions.items()
    return tuple(_held(fact.account, symbol, quantity, event=event) for symbol, quantity in held)


def _drift_accepted(fact: DriftAccepted, event: StoredEvent) -> Rows:
    return (_held(fact.account, fact.symbol, fact.quantity, event=event),)


def _held(account: str, symbol: str, quantity: int, *, event: StoredEvent) -> RowChange:
    key = {"account_id": account, "symbol": symbol}
    values = {"quantity": Decimal(quantity), "updated_at": event.timestamp}
    return RowChange("positions", key, values)


_ROWS: dict[type[Fact], Callable[[Any, StoredEvent], Rows]] = {
    WeekStarted: _week_started,
    SnapshotTaken: _snapshot_taken,
    StageCompleted: _stage_completed,
    ResearchReceived: _research_received,
    ResearchFailed: _research_failed,
    PitchMade: _pitch_made,
    PitchAbstained: _pitch_abstained,
    ReviewMade: _review_made,
    DecisionReached: _decision_reached,
    NoDecision: _no_decision,
    CheckpointTaken: _checkpoint_taken,
    EquityMarked: equity_marked,
    PostmortemWritten: postmortem_written,
    PostmortemAbstained: postmortem_abstained,
    TradeProposed: _trade_proposed,
    TradeApproved: _trade_approved,
    TradeRejected: _trade_rejected,
    TradeExpired: _trade_expired,
    ApprovalVoided: _approval_voided,
    ApprovalRevoked: _approval_revoked,
    TradeCompleted: _trade_completed,
    TradeIncomplete: _trade_incomplete,
    LegIntended: _leg_intended,
    OrderAccepted: _order_accepted,
    OrderRefused: _order_refused,
    OrderProgressed: _order_progressed,
    LegClosed: _leg_closed,
    AccountObserved: _account_observed,
    DriftAccepted: _drift_accepted,
}

ROWLESS = frozenset(KINDS - {fact.__name__ for fact in _ROWS})
"""The kinds of event that leave no rows."""
