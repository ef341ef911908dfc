"""Frozen rules read again, and when they alone settle a look at a trade: pure.

A trade stays while no indicator has crossed, no invalidation rule is met, its price has moved
little, and fear has not jumped. All count from the last time its author was asked and had its way;
before that from the entry, fear from the week's snapshot. Rules never leave a trade: a trade
without any, or with one that cannot be read, goes to its author. A market without a volatility
proxy has no events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from council.context import WeekContext
from council.model.checkpoint import Action, Checkpoint, IndicatorReading
from council.model.market import MarketSnapshot
from council.model.pitch import FrozenIndicator, IndicatorRule, Pitch


def frozen_indicators(account: str, context: WeekContext) -> tuple[FrozenIndicator, ...]:
    """Return the account's own; for the chairman's, those of the pitches that it followed."""
    pitches = pitches_behind(account, context)
    return _once([indicator for pitch in pitches for indicator in pitch.indicators])


def frozen_invalidation(account: str, context: WeekContext) -> tuple[FrozenIndicator, ...]:
    """Return the rules of which any ends the trade: the account's own, or those of the pitches
    that the chairman followed.
    """
    pitches = pitches_behind(account, context)
    return _once([pitch.invalidation_rule for pitch in pitches if pitch.invalidation_rule])


def pitches_behind(account: str, context: WeekContext) -> tuple[Pitch, ...]:
    """Return the account's own pitch; for the chairman, those that it followed."""
    own = context.pitch_of(account)
    if own is not None:
        return (own,)
    if context.decision is None or context.decision.account != account:
        return ()
    chosen = context.decision.selected_trade
    return tuple(
        pitch
        for pitch in context.pitches
        if (pitch.instrument, pitch.direction) == (chosen.instrument, chosen.direction)
    )


def _once(rules: Sequence[FrozenIndicator]) -> tuple[FrozenIndicator, ...]:
    return tuple({_rule(rule): rule for rule in rules}.values())


def read_again(
    indicators: Sequence[FrozenIndicator], numbers: Mapping[str, float]
) -> tuple[IndicatorReading, ...]:
    """Set each indicator's value of now, by its id, beside the frozen one; None where unknown."""
    return tuple(_reading(indicator, numbers.get(indicator.name)) for indicator in indicators)


@dataclass(frozen=True, slots=True)
class Reference:
    """Since when a trade is judged: the share's price then, and the crossings answered by then.

    `by_author` tells an author's look from the entry; `proxy_price` is the volatility proxy's then,
    None where it is unknown.
    """

    price: Decimal
    answered: frozenset[IndicatorRule] = frozenset()
    by_author: bool = False
    proxy_price: Decimal | None = None


def reference_of(
    entry_price: Decimal,
    looks: Sequence[Checkpoint],
    *,
    carried_out: UUID | None,
    proxy_price: Decimal | None = None,
) -> Reference:
    """Return since when a trade is judged, from the earlier `looks` at it, oldest first.

    An author that wanted to stay had its way; one that wanted a change had it where `carried_out`,
    the source of the last trade that led to an order, is that look; None where that order came to
    less than was wanted. Otherwise its word still stands, and no crossing counts as answered. An
    indicator that has gone back counts anew when it crosses; so does an invalidation.
    `proxy_price` is the volatility proxy's when the week began.
    """
    reference = Reference(entry_price, proxy_price=proxy_price)
    for look in looks:
        crossed = _crossed(look.indicators, look.invalidation)
        if _had_its_way(look, carried_out):
            reference = Reference(
                Decimal(look.price_usd or reference.price),
                crossed,
                by_author=True,
                proxy_price=_known(look.proxy_price_usd) or reference.proxy_price,
            )
            continue
        answered = frozenset() if look.decided_by == "model" else reference.answered & crossed
        if answered != reference.answered:
            reference = replace(reference, answered=answered)
    return reference


def event_of(
    snapshot: MarketSnapshot,
    reference: Reference,
    *,
    proxy_price: Decimal | None,
    event_atr: Decimal,
) -> str | None:
    """Return what happened to the whole market since `reference`, or None for nothing.

    The volatility proxy's price is the only witness: a rise by `event_atr` of its own ATR is an
    event, and so is that a proxy of the market table has no price now.
    """
    line = snapshot.volatility_proxy
    atr_usd = line.indicators.get("atr_14") if line else None
    if line is None or not atr_usd or reference.proxy_price is None:
        return None
    since = "its author's last look" if reference.by_author else "the week began"
    if proxy_price is None:
        return f"{line.symbol} has no price now, so that fear since {since} is unknown"
    atrs = float(proxy_price - reference.proxy_price) / atr_usd
    if atrs < event_atr:
        return None
    return f"{line.symbol} rose by {atrs:.1f} ATR since {since}"


def staying_reason(
    readings: Sequence[IndicatorReading],
    reference: Reference,
    *,
    price: Decimal,
    atr_usd: float | None,
    quiet_atr: Decimal,
    invalidation: Sequence[IndicatorReading] = (),
    event: str | None = None,
) -> str | None:
    """Return why the trade stays by the rules alone, or None where its author must be asked.

    `price` and `atr_usd` are of one share. An unknown ATR or value settles nothing, and neither
    does anything after an `event`.
    """
    unknown = not readings or any(reading.now is None for reading in (*readings, *invalidation))
    if event is not None or unknown or atr_usd is None or atr_usd <= 0:
        return None
    if not _crossed(readings, invalidation) <= reference.answered:
        return None
    atrs = abs(float(price - reference.price)) / atr_usd
    if atrs >= quiet_atr:
        return None
    since = "its author's last look" if reference.by_author else "entry"
    said = "; ".join((_indicators_said(readings), *_invalidation_said(invalidation)))
    return f"{said}; the price is {atrs:.1f} ATR from {since}."


def _indicators_said(readings: Sequence[IndicatorReading]) -> str:
    crossed = len(_crossed(readings, ()))
    if not crossed:
        return "No frozen indicator crossed"
    return f"No further frozen indicator crossed ({crossed} had, as its author knew)"


def _invalidation_said(invalidation: Sequence[IndicatorReading]) -> tuple[str, ...]:
    if not invalidation:
        return ()
    met = any(reading.met for reading in invalidation)
    return ("the invalidation is met, as its author knew" if met else "no invalidation is met",)


def _crossed(
    indicators: Sequence[IndicatorReading], invalidation: Sequence[IndicatorReading]
) -> frozenset[IndicatorRule]:
    """Return what an author must have seen: indicators that crossed, rules that end its trade."""
    crossed = [reading for reading in indicators if reading.crossed]
    return frozenset(map(_rule, (*crossed, *(one for one in invalidation if one.met))))


def _had_its_way(look: Checkpoint, carried_out: UUID | None) -> bool:
    if look.decided_by != "model":
        return False
    return look.action is Action.STAY or look.checkpoint_id == carried_out


def _known(price_usd: str | None) -> Decimal | None:
    return None if price_usd is None else Decimal(price_usd)


def _rule(rule: IndicatorRule) -> IndicatorRule:
    """Return `rule` without what was read of it."""
    return IndicatorRule(name=rule.name, operator=rule.operator, threshold=rule.threshold)


def _reading(indicator: FrozenIndicator, now: float | None) -> IndicatorReading:
    crossed = now is not None and indicator.holds(now) != indicator.holds(indicator.current)
    return IndicatorReading(**indicator.model_dump(), now=now, crossed=crossed)
