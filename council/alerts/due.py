"""What is to be told now, from the scene and the clock: pure.

What comes together within a window is told together, once the oldest of it is as old as the window.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from config.ids import meaning_id
from council.alerts.alert import Alert, AlertKind
from council.alerts.news import ticket_words
from council.alerts.scene import OpenOrder, OpenTrade, Scene
from council.trade_facts import SubmitUnknown

OLDEST: Final = timedelta(days=3)
"""What happened longer ago is no news any more, whoever slept meanwhile."""
UNCLEAR_AFTER: Final = timedelta(minutes=10)
"""An order is asked for again within seconds; after so long a person should look."""
_LAST_PART: Final = 4
"""A trade with little time expires soon in the last quarter of it."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long alerts are gathered, and how long before its expiry a trade is told of."""

    window: timedelta
    expires_soon: timedelta


def due(scene: Scene, now: datetime, told: frozenset[UUID], timing: Timing) -> tuple[Alert, ...]:
    """Return what to tell in one message now, by kind and then by age; mostly nothing."""
    alerts = [a for a in _candidates(scene, now, timing) if a.alert_id not in told]
    # What lies far ahead was dated by a clock that was wrong: it waits for nothing.
    if not any(abs(now - alert.at) >= timing.window for alert in alerts):
        return ()
    rank = list(AlertKind)
    return tuple(sorted(alerts, key=lambda alert: (rank.index(alert.kind), alert.at)))


def _candidates(scene: Scene, now: datetime, timing: Timing) -> Iterator[Alert]:
    for alert in scene.news:
        if alert.at >= now - OLDEST and _still_holds(alert, scene, now):
            yield alert
    for trade in scene.trades.values():
        if not trade.is_approved and _soon_at(trade, timing) <= now < _expires_at(trade):
            yield _expiring(trade, timing)
    for order in scene.orders.values():
        if now - OLDEST <= order.since_at <= now - UNCLEAR_AFTER:
            yield _unclear(order, scene)


def _still_holds(alert: Alert, scene: Scene, now: datetime) -> bool:
    """Whether a trade that was proposed still waits, in the round it was proposed in."""
    if alert.kind is not AlertKind.WAITING:
        return True
    trade = scene.trades.get(UUID(alert.key))
    if trade is None or trade.is_approved or now >= _expires_at(trade):
        return False
    return trade.event_id == alert.alert_id


def _expires_at(trade: OpenTrade) -> datetime:
    return trade.proposal.ticket.expires_at


def _soon_at(trade: OpenTrade, timing: Timing) -> datetime:
    whole = _expires_at(trade) - trade.proposed_at
    return _expires_at(trade) - min(timing.expires_soon, whole / _LAST_PART)


def _expiring(trade: OpenTrade, timing: Timing) -> Alert:
    proposal = trade.proposal
    return Alert(
        meaning_id("alert", AlertKind.EXPIRING, proposal.trade_id, proposal.round),
        AlertKind.EXPIRING,
        _soon_at(trade, timing),
        ticket_words(proposal.ticket),
        "nobody has decided yet",
        key=str(proposal.trade_id),
        source=proposal.source_id,
        until_at=_expires_at(trade),
    )


def _unclear(order: OpenOrder, scene: Scene) -> Alert:
    fact = order.fact
    line = "the venue was asked to cancel its order and has not done so"
    if isinstance(fact, SubmitUnknown):
        line = "nobody knows whether the venue has its order; it is asked for, and never sent twice"
    return Alert(
        meaning_id("alert", AlertKind.UNCLEAR, type(fact).__name__, fact.client_order_id),
        AlertKind.UNCLEAR,
        order.since_at + UNCLEAR_AFTER,
        scene.named(fact.trade_id, fact.account),
        line,
        key=fact.client_order_id,
    )
