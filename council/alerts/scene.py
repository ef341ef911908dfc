"""What is under way and what is new, folded from the log: all that the rules of telling ask.

A trade, an order or a frozen instrument stays in the scene until it is settled; `read_from` says
from where on the log must be read to have the same scene again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from council.alerts.alert import Alert, AlertKind
from council.alerts.news import Names, news_of, ticket_words, trade_expired
from council.alerts.spending import Charge, Spent, Watermarks, charged
from council.events import CheckpointTaken, ModelCalled
from council.fact import Fact
from council.measure_facts import ManagerFellSilent
from council.result_facts import PostmortemAbstained, PostmortemWritten
from council.slot_facts import SlotDone, SlotFailed, SlotSkipped
from council.trade_facts import (
    ApprovalRevoked,
    ApprovalVoided,
    CancelRequested,
    DriftAccepted,
    DriftDetected,
    LegClosed,
    LegFact,
    OrderAccepted,
    OrderProgressed,
    OrderRefused,
    SubmitUnknown,
    TradeApproved,
    TradeCompleted,
    TradeExpired,
    TradeIncomplete,
    TradeProposed,
    TradeRejected,
    TradingHalted,
    TradingResumed,
)
from council.upkeep_facts import ChainDamageFound, ChainHeadPublished
from store.events import StoredEvent

WATCHED: Final[tuple[type[Fact], ...]] = (
    TradeProposed,
    TradeApproved,
    TradeRejected,
    TradeExpired,
    ApprovalVoided,
    ApprovalRevoked,
    TradeCompleted,
    TradeIncomplete,
    SubmitUnknown,
    OrderAccepted,
    OrderRefused,
    OrderProgressed,
    CancelRequested,
    LegClosed,
    DriftDetected,
    DriftAccepted,
    TradingHalted,
    TradingResumed,
    CheckpointTaken,
    ManagerFellSilent,
    PostmortemWritten,
    PostmortemAbstained,
    SlotDone,
    SlotSkipped,
    SlotFailed,
    ChainDamageFound,
    ChainHeadPublished,
)
"""Every kind of fact that matters here, but for the calls to models."""
_ENDED = (TradeRejected, TradeExpired, TradeCompleted, TradeIncomplete)


@dataclass(frozen=True, slots=True)
class OpenTrade:
    """A trade that is not over, as it was last proposed."""

    proposal: TradeProposed
    event_id: UUID
    proposed_at: datetime
    position: int
    is_approved: bool = False


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order of which something is awaited: whether it arrived, or that it is cancelled."""

    fact: SubmitUnknown | CancelRequested
    since_at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class Lens:
    """How events are looked at: what is history, who relays, what a call is charged, and when."""

    after_position: int
    """What is stored up to there is nobody's news."""
    relayed: frozenset[str]
    month_of: Callable[[datetime], str]
    charge_of: Callable[[ModelCalled], Decimal]
    marks: Watermarks


@dataclass(frozen=True, slots=True)
class Scene:
    """What is under way, by id, and the `news` that may have to be told, oldest first."""

    position: int = 0
    trades: Mapping[UUID, OpenTrade] = field(default_factory=dict)
    orders: Mapping[str, OpenOrder] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    news: tuple[Alert, ...] = ()

    @property
    def read_from(self) -> int:
        """Return the position before which everything is settled."""
        since = [trade.position for trade in self.trades.values()]
        since += [order.position for order in self.orders.values()]
        return min((position - 1 for position in since), default=self.position)

    def named(self, trade_id: UUID, account: str) -> str:
        """Return a trade in words; one that is not open is named by its account and id."""
        trade = self.trades.get(trade_id)
        return ticket_words(trade.proposal.ticket) if trade else f"{account} ({str(trade_id)[:8]})"


def seen(scene: Scene, event: StoredEvent, fact: Fact, lens: Lens) -> Scene:
    """Return `scene` after `event`, whose fact is `fact`."""
    told = _told(scene, event, fact, lens)
    if isinstance(fact, ModelCalled):
        spent, told = charged(scene.spent, _charge(event, fact, lens), lens.marks)
        scene = replace(scene, spent=spent)
    step = _STEPS.get(type(fact))
    scene = step(scene, event, fact) if step else scene
    if event.position > lens.after_position:
        scene = replace(scene, news=(*scene.news, *told))
    return replace(scene, position=max(scene.position, event.position))


def _charge(event: StoredEvent, call: ModelCalled, lens: Lens) -> Charge:
    return Charge(
        call,
        usd=lens.charge_of(call),
        at=event.timestamp,
        month=lens.month_of(event.timestamp),
    )


def without_old_news(scene: Scene, since_at: datetime, told: frozenset[UUID]) -> Scene:
    """Return `scene` without what was told, and without what is older than `since_at`."""
    kept = tuple(a for a in scene.news if a.at >= since_at and a.alert_id not in told)
    return scene if len(kept) == len(scene.news) else replace(scene, news=kept)


def _told(scene: Scene, event: StoredEvent, fact: Fact, lens: Lens) -> tuple[Alert, ...]:
    named: Names = scene.named
    if isinstance(fact, TradeExpired):
        trade = scene.trades.get(fact.trade_id)
        is_lost = trade is not None and trade.is_approved
        return (trade_expired(event, fact, named(fact.trade_id, fact.account)),) if is_lost else ()
    alert = news_of(event, fact, named, relayed=lens.relayed)
    return () if alert is None else (alert,)


def _proposed(scene: Scene, event: StoredEvent, fact: TradeProposed) -> Scene:
    trade = OpenTrade(fact, event.event_id, event.timestamp, event.position)
    return replace(scene, trades={**scene.trades, fact.trade_id: trade})


def _decided(scene: Scene, _: StoredEvent, fact: Any) -> Scene:
    trade = scene.trades.get(fact.trade_id)
    if trade is None:
        return scene
    changed = replace(trade, is_approved=isinstance(fact, TradeApproved))
    return replace(scene, trades={**scene.trades, fact.trade_id: changed})


def _ended(scene: Scene, _: StoredEvent, fact: Any) -> Scene:
    trades = {key: trade for key, trade in scene.trades.items() if key != fact.trade_id}
    return replace(scene, trades=trades)


def _awaited(scene: Scene, event: StoredEvent, fact: SubmitUnknown | CancelRequested) -> Scene:
    # An order that is asked for again and again is unknown since the first time.
    if fact.client_order_id in scene.orders and isinstance(fact, SubmitUnknown):
        return scene
    order = OpenOrder(fact, event.timestamp, event.position)
    return replace(scene, orders={**scene.orders, fact.client_order_id: order})


def _answered(scene: Scene, _: StoredEvent, fact: LegFact) -> Scene:
    order = scene.orders.get(fact.client_order_id)
    if order is None or (isinstance(order.fact, CancelRequested) and type(fact) is not LegClosed):
        return scene
    orders = {key: one for key, one in scene.orders.items() if key != fact.client_order_id}
    return replace(scene, orders=orders)


def _accepted(scene: Scene, _: StoredEvent, fact: DriftAccepted) -> Scene:
    gone = (AlertKind.DRIFTED, f"{fact.account} {fact.symbol}")
    news = tuple(alert for alert in scene.news if (alert.kind, alert.key) != gone)
    return replace(scene, news=news)


_STEPS: dict[type[Fact], Callable[[Scene, StoredEvent, Any], Scene]] = {
    TradeProposed: _proposed,
    **dict.fromkeys((TradeApproved, ApprovalVoided, ApprovalRevoked), _decided),
    **dict.fromkeys(_ENDED, _ended),
    **dict.fromkeys((SubmitUnknown, CancelRequested), _awaited),
    **dict.fromkeys((OrderAccepted, OrderRefused, OrderProgressed, LegClosed), _answered),
    DriftAccepted: _accepted,
}
