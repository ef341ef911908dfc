"""Frozen indicators read again, and the rule that needs no opinion: pure.

A trade stays while no indicator has crossed and its price has moved little. Both count from the
last time its author was asked and had its way; before that from the entry. An invalidation is
prose: the frozen indicators are the part of it that a rule can check, so a trade without any, or
with one that cannot be read, goes to its author.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

from council.context import WeekContext
from council.model.checkpoint import Action, Checkpoint, IndicatorReading
from council.model.pitch import FrozenIndicator, IndicatorRule

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


@dataclass(frozen=True, slots=True)
class Reference:
    """Since when a trade is judged: the share's price then, and the crossings answered by then.

    `by_author` tells an author's look from the entry.
    """

    price: Decimal
    answered: frozenset[IndicatorRule] = frozenset()
    by_author: bool = False


def reference_of(
    entry_price: Decimal, looks: Sequence[Checkpoint], *, carried_out: UUID | None
) -> Reference:
    """Return since when a trade is judged, from the earlier `looks` at it, oldest first.

    An author that wanted to stay had its way; one that wanted a change had it where `carried_out`,
    the source of the last trade that led to an order, is that look; None where that order came to
    less than was wanted. Otherwise its word still stands, and no crossing counts as answered. An
    indicator that has gone back counts anew when it crosses.
    """
    reference = Reference(entry_price)
    for look in looks:
        crossed = frozenset(_rule(reading) for reading in look.indicators if reading.crossed)
        answered = reference.answered & crossed
        reference = replace(reference, answered=answered)
        if _had_its_way(look, carried_out):
            price = reference.price if look.price_usd is None else Decimal(look.price_usd)
            reference = Reference(price, crossed, by_author=True)
        elif look.decided_by == "model":
            reference = replace(reference, answered=frozenset())
    return reference


def staying_reason(
    readings: Sequence[IndicatorReading],
    reference: Reference,
    *,
    price: Decimal,
    atr_usd: float | None,
    quiet_atr: Decimal,
) -> str | None:
    """Return why the trade stays by the rules alone, or None where its author must be asked.

    `price` and `atr_usd` are of one share. An unknown ATR or value settles nothing.
    """
    if atr_usd is None or atr_usd <= 0 or not readings or any(r.now is None for r in readings):
        return None
    crossed = {_rule(reading) for reading in readings if reading.crossed}
    if not crossed <= reference.answered:
        return None
    atrs = abs(float(price - reference.price)) / atr_usd
    if atrs >= quiet_atr:
        return None
    indicators = "No frozen indicator crossed"
    if crossed:
        indicators = f"No further frozen indicator crossed ({len(crossed)} had, as its author knew)"
    since = "its author's last look" if reference.by_author else "entry"
    return f"{indicators}; the price is {atrs:.1f} ATR from {since}."


def _had_its_way(look: Checkpoint, carried_out: UUID | None) -> bool:
    if look.decided_by != "model":
        return False
    return look.action is Action.STAY or look.checkpoint_id == carried_out


def _rule(reading: IndicatorReading) -> IndicatorRule:
    return IndicatorRule(name=reading.name, operator=reading.operator, threshold=reading.threshold)


def _reading(indicator: FrozenIndicator, now: float | None) -> IndicatorReading:
    holds = _COMPARE[indicator.operator]
    threshold = indicator.threshold
    crossed = now is not None and (holds(now, threshold) != holds(indicator.current, threshold))
    return IndicatorReading(**indicator.model_dump(), now=now, crossed=crossed)
