"""From contexts and read tables to shapes: pure, and where Decimals become numbers.

What models wrote is cleaned here once more, so that it cannot steer a terminal or a reading model.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from broker.models import Position
from config.schema import Config
from council.anonymise import number_flags
from council.context import WeekContext
from council.llm.spending import Spending
from council.model.checkpoint import Checkpoint
from council.model.decision import Decision
from council.model.review import Review
from council.model.ticket import Ticket, TicketLeg
from council.pipeline import STAGES
from council.untrusted import clean_text
from mcp_server.measure_views import bias_shapes, drift_shape, measure_sentences
from mcp_server.shapes import (
    CheckpointShape,
    DecisionShape,
    EventShape,
    HoldingShape,
    LegShape,
    PackShape,
    PitchShape,
    ScoreShape,
    TradeShape,
    WeekShape,
)
from store.events import StoredEvent

Row = Mapping[str, Any]


def trade_shape(row: Row, orders: Iterable[Row]) -> TradeShape:
    """Show a row of `trades` with those of `orders` that carry it out; others are passed over."""
    ticket = Ticket.model_validate(row["ticket"])
    own = [order for order in orders if str(order["trade_id"]) == str(row["trade_id"])]
    return TradeShape(
        **_identity(row),
        **_approval(row),
        quantity=ticket.target_quantity,
        notional_usd=float(ticket.notional_usd),
        reference_price=float(ticket.reference_price),
        lowest_price=float(ticket.lowest_price),
        highest_price=float(ticket.highest_price),
        equity_share=float(ticket.equity_share),
        confirmation=ticket.confirmation,
        digest=ticket.digest,
        expires_at=ticket.expires_at,
        legs=tuple(_leg_shape(leg, own) for leg in ticket.legs),
    )


def _identity(row: Row) -> dict[str, Any]:
    return {
        "trade_id": str(row["trade_id"]),
        "week_id": row["week_id"],
        "account": row["account_id"],
        "venue": row["venue"],
        "model": row["model"],
        "instrument": row["instrument"],
        "direction": row["direction"],
        "conviction": float(row["conviction"]),
        "status": row["status"],
    }


def _approval(row: Row) -> dict[str, Any]:
    names = ("approver", "approval_channel", "approval_trust", "approval_timestamp")
    further = ("execution_timestamp", "rejection_reason")
    return {name: row.get(name) for name in (*names, *further)}


def _leg_shape(leg: TicketLeg, orders: Sequence[Row]) -> LegShape:
    """Show a leg with its newest order, or as planned where none was sent."""
    sent = sorted((o for o in orders if o["leg"] == leg.leg), key=lambda o: int(o["attempt"]))
    order: Row = sent[-1] if sent else {}
    price = order.get("average_price")
    return LegShape(
        leg=leg.leg,
        side=leg.side,
        quantity=leg.quantity,
        symbol=leg.symbol,
        client_order_id=order.get("client_order_id"),
        status=order.get("status", "planned"),
        filled_quantity=int(order.get("filled_quantity", 0)),
        average_price=None if price is None else float(price),
    )


def week_shape(
    context: WeekContext,
    trades: Sequence[TradeShape],
    *,
    outcomes: Mapping[str, str],
    spending: Spending,
    venue: str,
    mode: str,
) -> WeekShape:
    """Show a week.

    `outcomes` says by account how its pitch was answered; `venue` and `mode` are those in force,
    used where the week has none yet.
    """
    return WeekShape(
        week_id=context.week_id,
        mode=context.started.mode if context.started else mode,
        venue=one_venue([trade.venue for trade in trades]) or venue,
        degraded=context.degraded,
        state=week_state(context),
        completed=tuple(stage for stage in STAGES if stage in context.completed),
        research=_packs(context),
        pitches=_pitches(context, outcomes),
        reviews=len(context.reviews),
        scores=_scores(context),
        review_bias=bias_shapes(context.review_bias),
        drift=tuple(map(drift_shape, context.drifts)),
        measured=measure_sentences(context),
        decision=_decision(context.decision),
        trades=tuple(trades),
        cost_usd=None if spending.cost_usd is None else float(spending.cost_usd),
        cost_known_usd=float(spending.known_usd),
        cost_unknown_calls=spending.unknown,
    )


def week_state(context: WeekContext) -> Any:
    """Return "not_started", "unfinished" or "finished"."""
    if context.started is None:
        return "not_started"
    return "finished" if set(STAGES) <= context.completed else "unfinished"


def one_venue(names: Iterable[str]) -> str:
    """Return the venue of all, "alpaca-paper and simulated" where both occur, "" for none."""
    return " and ".join(sorted({str(name) for name in names}))


def _packs(context: WeekContext) -> tuple[PackShape, ...]:
    return tuple(
        PackShape(
            pack=pack.pack,
            source=pack.research_source,
            model=pack.model,
            risk_mode=pack.macro_regime.risk_mode,
            narratives=tuple(clean_text(story.name) for story in pack.top_narratives),
            sources=len(pack.sources),
        )
        for pack in context.packs
    )


def _pitches(context: WeekContext, outcomes: Mapping[str, str]) -> tuple[PitchShape, ...]:
    numbers = context.snapshot.numbers() if context.snapshot else {}
    made = [
        PitchShape(
            account=pitch.account,
            model=pitch.model,
            instrument=pitch.instrument,
            direction=pitch.direction,
            conviction=float(pitch.conviction),
            status=outcomes.get(pitch.account, "valid"),
            thesis=tuple(map(clean_text, pitch.thesis_bullets)),
            number_flags=number_flags(pitch, numbers),
        )
        for pitch in context.pitches
    ]
    return (*made, *(_abstention(a.account, a.model) for a in context.pitch_abstentions))


def _abstention(account: str, model: str) -> PitchShape:
    nothing = {"instrument": None, "direction": None, "conviction": None, "thesis": ()}
    return PitchShape(account=account, model=model, status="abstained", **nothing)


def _scores(context: WeekContext) -> tuple[ScoreShape, ...]:
    """Show every score; before the chairman is done in an order that gives no reviewer away.

    Nobody reviews a pitch of its own, so a label's reviewers would tell who wrote it.
    """
    decided = context.decision is not None or context.no_decision is not None
    authors = {pitch.idea_id: pitch.account for pitch in context.pitches} if decided else {}
    reviews = context.reviews if decided else sorted(context.reviews, key=_without_reviewer)
    return tuple(
        ScoreShape(
            reviewer=review.reviewer if decided else None,
            label=review.anonymized_pitch_id,
            author=authors.get(review.pitch_id),
            mean_score=round(review.scores.mean, 2),
            best_argument_against=clean_text(review.best_argument_against),
        )
        for review in reviews
    )


def _without_reviewer(review: Review) -> tuple[str, float, str]:
    return review.anonymized_pitch_id, review.scores.mean, review.best_argument_against


def _decision(decision: Decision | None) -> DecisionShape | None:
    if decision is None:
        return None
    return DecisionShape(
        instrument=decision.selected_trade.instrument,
        direction=decision.selected_trade.direction,
        conviction=float(decision.conviction),
        model=decision.model,
        rationale=clean_text(decision.rationale),
        dissent=tuple(
            clean_text(f"{decision.authors.get(view.label, view.label)}: {view.view}")
            for view in decision.dissent_summary
        ),
        overrides_vote=decision.overrides_vote,
    )


def holding_shape(position: Position) -> HoldingShape:
    """Show a position with its sign."""
    return HoldingShape(
        instrument=position.symbol,
        quantity=float(position.quantity),
        market_value_usd=float(position.market_value),
        unrealized_profit_usd=float(position.unrealized_profit),
    )


def checkpoint_shape(checkpoint: Checkpoint, trade_id: str | None) -> CheckpointShape:
    """Show a checkpoint with the trade that it proposed, if it proposed one."""
    return CheckpointShape(
        account=checkpoint.account,
        slot=checkpoint.slot,
        action=checkpoint.action,
        conviction_before=float(checkpoint.conviction_before),
        conviction_after=float(checkpoint.conviction_after),
        reason_delta=clean_text(checkpoint.reason_delta),
        decided_by=checkpoint.decided_by,
        invalidation_met=checkpoint.invalidation_met,
        event=checkpoint.event,
        profit_usd=float(checkpoint.profit_usd),
        trade_id=trade_id,
    )


def event_shape(event: StoredEvent) -> EventShape:
    """Show a stored event as it stands in the log."""
    return EventShape(
        position=event.position,
        stream=event.stream,
        version=event.version,
        event_id=str(event.event_id),
        event_type=event.event_type,
        week_id=event.week_id,
        account_id=event.account_id,
        timestamp=event.timestamp,
        payload=event.payload,
        parent_event_id=None if event.parent_event_id is None else str(event.parent_event_id),
    )


def zero_size_notice(trade: TradeShape, config: Config) -> str | None:
    """Return why a directional trade buys nothing, or None where it has a size or is FLAT."""
    if trade.quantity or trade.direction == "FLAT":
        return None
    if trade.equity_share == 0:
        policy = config.risk.sizing_policy
        return f"Conviction {trade.conviction:+g} sizes to nothing by {policy} in risk.yaml."
    return "The account's share of equity buys less than one whole share."
