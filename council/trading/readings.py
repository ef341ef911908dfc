"""Frozen indicators read again, and the rule that needs no opinion: pure.

A trade whose indicators all stand where they stood, and whose price moved by less than one ATR
since entry, stays. An invalidation is prose, so whatever is less clear goes to its author.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from council.context import WeekContext
from council.model.checkpoint import IndicatorReading
from council.model.pitch import FrozenIndicator

_COMPARE: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
)


def frozen_indicators(account: str, context: WeekContext) -> tuple[FrozenIndicator, ...]:
    """Return the account's own; for the chairman's, those of the pitches that it followed."""
    own = context.pitch_of(account)
    if own is not None:
        return own.indicators
    if context.decision is None or context.decision.account != account:
        return ()
    chosen = context.decision.selected_trade
    followed = [
        indicator
        for pitch in context.pitches
        if (pitch.instrument, pitch.direction) == (chosen.instrument, chosen.direction)
        for indicator in pitch.indicators
    ]
    return tuple({(i.name, i.operator, i.threshold): i for i in followed}.values())


def read_again(
    indicators: Sequence[FrozenIndicator], numbers: Mapping[str, float]
) -> tuple[IndicatorReading, ...]:
    """Set each indicator's value of now, by its id, beside the frozen one; None where unknown."""
    return tuple(_reading(indicator, numbers.get(indicator.name)) for indicator in indicators)


def staying_reason(
    readings: Sequence[IndicatorReading], *, move_usd: Decimal, atr_usd: float | None
) -> str | None:
    """Return why the trade stays by the rules alone, or None where its author must be asked.

    `move_usd` is the price now less the average entry price. An unknown ATR or value settles
    nothing.
    """
    if atr_usd is None or atr_usd <= 0 or any(r.crossed or r.now is None for r in readings):
        return None
    atrs = abs(float(move_usd)) / atr_usd
    if atrs >= 1:
        return None
    return f"No frozen indicator crossed; the price is {atrs:.1f} ATR from entry."


def _reading(indicator: FrozenIndicator, now: float | None) -> IndicatorReading:
    holds = _COMPARE[indicator.operator]
    threshold = indicator.threshold
    crossed = now is not None and (holds(now, threshold) != holds(indicator.current, threshold))
    return IndicatorReading(**indicator.model_dump(), now=now, crossed=crossed)
