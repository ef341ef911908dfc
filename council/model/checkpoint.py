"""A checkpoint: the daily look at an open trade, on frozen indicators only."""

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from council.model.base import Conviction, Direction, ShortText, Value, conviction_disagreement
from council.model.pitch import FrozenIndicator


class Action(StrEnum):
    """What to do with an open trade; all but STAY wait for a person."""

    STAY = "STAY"
    EXIT = "EXIT"
    FLIP = "FLIP"
    REDUCE = "REDUCE"


class IndicatorReading(FrozenIndicator):
    """A frozen indicator with its value now; None where it cannot be computed."""

    now: float | None
    crossed: bool
    """Whether the rule holds now and did not when the week began, or the other way round."""

    @property
    def met(self) -> bool:
        """Whether the rule is known to hold now."""
        return self.now is not None and self.holds(self.now)


class CheckpointAnswer(Value):
    """What a portfolio manager's model returns at a checkpoint."""

    action: Action
    conviction_after: Conviction
    reason_delta: ShortText


class Checkpoint(Value):
    """One look at one account's trade; `decided_by` tells rules from a model."""

    checkpoint_id: UUID
    week_id: str
    slot: str
    """Local New York time of the slot, HH:MM."""
    taken_at: datetime
    account: str
    trade_id: UUID
    action: Action
    conviction_before: Conviction
    conviction_after: Conviction
    reason_delta: str
    indicators: tuple[IndicatorReading, ...]
    invalidation: tuple[IndicatorReading, ...] = ()
    """The rules that end the trade, any of them: of the author's pitch, or of those that the
    chairman followed; older records lack them."""
    profit_usd: str
    """Unrealised, as a decimal string."""
    price_usd: str | None = None
    """Of one share at the look, as a decimal string; older records lack it."""
    proxy_price_usd: str | None = None
    """Of the volatility proxy at the look, as a decimal string; None where it was not known."""
    event: str | None = None
    """What happened to the whole market, so that every author was asked; None for nothing."""
    decided_by: Literal["rules", "model"]
    model: str | None

    @property
    def invalidation_met(self) -> bool:
        """Whether a rule that ends the trade held at the look."""
        return any(reading.met for reading in self.invalidation)


def checkpoint_problems(answer: CheckpointAnswer, *, held: Direction) -> tuple[str, ...]:
    """Return why the conviction contradicts the action on a `held` position, if it does."""
    kept = held if answer.action in (Action.STAY, Action.REDUCE) else None
    if answer.action is Action.EXIT:
        kept = Direction.FLAT
    if answer.action is Action.FLIP:
        kept = Direction.SHORT if held is Direction.LONG else Direction.LONG
    problem = conviction_disagreement(kept or held, answer.conviction_after)
    return (problem,) if problem else ()
