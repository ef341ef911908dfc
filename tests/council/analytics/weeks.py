"""Small weeks for the analytics: a few marks, each account's own, in round numbers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from broker.models import PositionIntent, Side
from config.ids import meaning_id
from council.analytics.inputs import (
    AccountWeek,
    CheckpointOutcome,
    EquityMark,
    Fill,
    Moment,
    PriceMark,
    Trade,
    Verdict,
    Week,
)
from council.model.base import Direction
from council.model.checkpoint import Action, Checkpoint, IndicatorReading
from council.model.decision import Decision
from council.model.pitch import Pitch
from council.model.review import Review
from council.model.ticket import LegName
from tests.builders import (
    MANAGERS,
    UNIVERSE,
    make_decision,
    make_leg,
    make_pitch,
    make_review,
    make_scores,
    make_ticket,
)

ENTRY_AT = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
LABELS = {f"P{number}": account for number, account in enumerate(MANAGERS, start=1)}


def week_id_of(number: int) -> str:
    return f"{(ENTRY_AT + timedelta(weeks=number)):%Y-%m-%d}"


def price_marks(
    *rows: Mapping[str, float], number: int = 0, moments: Sequence[Moment] | None = None
) -> tuple[PriceMark, ...]:
    """One mark a day from the entry on: closes between the two entries unless told otherwise."""
    middle = [Moment.CLOSE] * (len(rows) - 2)
    kinds = moments or [Moment.ENTRY, *middle, Moment.NEXT_ENTRY]
    start_at = ENTRY_AT + timedelta(weeks=number)
    return tuple(
        PriceMark(
            start_at + timedelta(days=day), kind, {s: Decimal(str(p)) for s, p in row.items()}
        )
        for day, (row, kind) in enumerate(zip(rows, kinds, strict=True))
    )


def make_week(*rows: Mapping[str, float], number: int = 0, **fields: Any) -> Week:
    return Week(week_id_of(number), price_marks(*rows, number=number), **fields)


def equity_marks(*equities: float, moment: Moment = Moment.CLOSE) -> tuple[EquityMark, ...]:
    return tuple(
        EquityMark(ENTRY_AT + timedelta(days=day), moment, Decimal(str(equity)))
        for day, equity in enumerate(equities)
    )


def make_fill(quantity: int, price: float, *, symbol: str = "SPY", leg: LegName = "open") -> Fill:
    return Fill(leg, symbol, quantity, Decimal(str(price)), ENTRY_AT)


def make_trade(
    *fills: Fill,
    verdict: Verdict = Verdict.APPROVED,
    checkpoint_id: UUID | None = None,
    at: datetime = ENTRY_AT,
    **ticket: Any,
) -> Trade:
    return Trade(make_ticket(**ticket), at, verdict, at, checkpoint_id=checkpoint_id, fills=fills)


def selling_leg(quantity: int, symbol: str = "SPY") -> Any:
    intent = PositionIntent.SELL_TO_CLOSE
    return make_leg(
        leg="close", symbol=symbol, side=Side.SELL, quantity=quantity, position_intent=intent
    )


def make_look(
    action: Action = Action.EXIT,
    *,
    crossed: bool = False,
    ended: bool = False,
    decided_by: str = "model",
    before: str = "1",
    after: str = "0",
) -> CheckpointOutcome:
    reading = IndicatorReading(
        name="SPY.rsi_14", operator=">", threshold=70, current=55, now=60, crossed=crossed
    )
    taken = Checkpoint.model_validate(
        {
            "checkpoint_id": meaning_id("look", action, before, after),
            "week_id": week_id_of(0),
            "slot": "12:00",
            "taken_at": ENTRY_AT,
            "account": "ALPHA",
            "trade_id": meaning_id("trade", "ALPHA"),
            "action": action,
            "conviction_before": Decimal(before),
            "conviction_after": Decimal(after),
            "reason_delta": "The price fell.",
            "indicators": (reading,),
            "invalidation": (_invalidation(now=94.0 if ended else 101.0),),
            "profit_usd": "0",
            "decided_by": decided_by,
            "model": "vendor/model" if decided_by == "model" else None,
        }
    )
    return CheckpointOutcome.of(taken)


def _invalidation(now: float) -> IndicatorReading:
    rule = {"name": "SPY.close", "operator": "<", "threshold": 95.0, "current": 100.0}
    return IndicatorReading.model_validate({**rule, "now": now, "crossed": now < 95.0})


def left_early(action: Action, *, price: float = 101.0, end: float = 104.0, **look: Any) -> Week:
    """ALPHA holds 100 SPY and leaves them at `price` by a checkpoint's trade."""
    seen = make_look(action, **look)
    trade = make_trade(make_fill(-100, price, leg="close"), checkpoint_id=seen.checkpoint_id)
    own = AccountWeek("ALPHA", positions={"SPY": 100}, trades=(trade,), checkpoints=(seen,))
    return make_week({"SPY": 100.0}, {"SPY": end}, accounts=(own,))


def pitched(account: str, instrument: str, conviction: float, **changes: Any) -> Pitch:
    sign = (conviction > 0) - (conviction < 0)
    direction = {1: Direction.LONG, -1: Direction.SHORT, 0: Direction.FLAT}[sign]
    return make_pitch(
        account,
        instrument=instrument,
        direction=direction,
        conviction=Decimal(str(conviction)),
        choice_explanation="Against the ranking.",
        **changes,
    )


def reviewed(reviewer: str, pitch: Pitch, score: int) -> Review:
    return make_review(reviewer, pitch.account, pitch_id=pitch.idea_id, scores=make_scores(score))


def decided(instrument: str, conviction: float, *, best: str = "P1", **changes: Any) -> Decision:
    direction = Direction.LONG if conviction > 0 else Direction.SHORT
    return make_decision(
        instrument=instrument,
        direction=direction,
        conviction=Decimal(str(conviction)),
        best_reviewed_label=best,
        authors=LABELS,
        **changes,
    )


def drawn_moves(count: int, *, seed: int) -> list[dict[str, float]]:
    """Draw what a market did: one return a week by symbol."""
    source = Random(seed)  # noqa: S311 - a seeded draw
    return [{symbol: source.gauss(0.0, 0.02) for symbol in UNIVERSE} for _ in range(count)]


def moved_week(moves: Mapping[str, float], number: int, **fields: Any) -> Week:
    """Return a week in which every symbol goes from 100 by its move."""
    after = {symbol: 100 * (1 + move) for symbol, move in moves.items()}
    return make_week(dict.fromkeys(moves, 100.0), after, number=number, **fields)
