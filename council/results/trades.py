"""A week's trades with what a person and the venue made of them, from facts in any order: pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from broker.models import Side
from council.analytics.inputs import Fill, Trade, Verdict
from council.fact import Fact
from council.trade_facts import (
    ApprovalRevoked,
    ApprovalVoided,
    LegClosed,
    LegFact,
    LegIntended,
    OrderProgressed,
    TradeApproved,
    TradeCompleted,
    TradeExpired,
    TradeFact,
    TradeIncomplete,
    TradeProposed,
    TradeRejected,
)

_REFUSALS = {TradeRejected: Verdict.REJECTED, TradeExpired: Verdict.EXPIRED}
_CARRIED_OUT = (TradeCompleted, TradeIncomplete)


@dataclass(frozen=True, slots=True)
class Dated:
    """A fact and the instant from which on it counts."""

    fact: Fact
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """An order as its venue showed it over time; `progress` has what was filled from when on."""

    intended: LegIntended
    progress: tuple[tuple[datetime, int], ...]
    price: Decimal | None
    is_over: bool

    @property
    def fill(self) -> Fill | None:
        """Return what the order came to, None where nothing was filled."""
        if not self.progress or self.price is None:
            return None
        most = max(filled for _, filled in self.progress)
        filled_at = min(at for at, filled in self.progress if filled == most)
        leg = self.intended
        return Fill(leg.leg, leg.symbol, _signed(leg, most), self.price, filled_at)

    def held_at(self, at: datetime) -> int:
        """Return the signed shares that were filled by `at`."""
        filled = [shares for seen_at, shares in self.progress if seen_at <= at]
        return _signed(self.intended, max(filled, default=0))


@dataclass(frozen=True, slots=True)
class TradeSeen:
    """A trade of an account; `is_over` where nothing can happen to it any more."""

    account: str
    trade: Trade
    is_over: bool


def orders_of(facts: Iterable[Dated]) -> tuple[OrderSeen, ...]:
    """Return every order that `facts` tell of, in the order of their intents."""
    legs: dict[str, list[Dated]] = {}
    for dated in facts:
        if isinstance(dated.fact, LegFact):
            legs.setdefault(dated.fact.client_order_id, []).append(dated)
    found = [order for own in legs.values() if (order := _order(own)) is not None]
    return tuple(order for _, order in sorted(found, key=lambda pair: pair[0]))


def trades_of(
    facts: Iterable[Dated], orders: Sequence[OrderSeen], *, looks: frozenset[UUID]
) -> tuple[TradeSeen, ...]:
    """Return every proposed trade by the time of its proposal; `looks` are ids of checkpoints."""
    found: dict[UUID, list[Dated]] = {}
    for dated in facts:
        if isinstance(dated.fact, TradeFact):
            found.setdefault(dated.fact.trade_id, []).append(dated)
    seen = [trade for own in found.values() if (trade := _trade(own, orders, looks)) is not None]
    return tuple(sorted(seen, key=lambda one: (one.trade.proposed_at, one.account)))


def _order(own: Sequence[Dated]) -> tuple[tuple[datetime, str], OrderSeen] | None:
    intended = next((d for d in own if isinstance(d.fact, LegIntended)), None)
    if intended is None or not isinstance(intended.fact, LegIntended):
        return None
    seen = [(d.at, d.fact) for d in own if isinstance(d.fact, OrderProgressed | LegClosed)]
    filled = [(at, fact) for at, fact in seen if fact.filled_quantity > 0]
    priced = [
        (fact.filled_quantity, at, fact.average_price)
        for at, fact in filled
        if fact.average_price is not None
    ]
    order = OrderSeen(
        intended=intended.fact,
        progress=tuple(sorted((at, fact.filled_quantity) for at, fact in filled)),
        price=max(priced)[2] if priced else None,
        is_over=any(isinstance(fact, LegClosed) for _, fact in seen),
    )
    return (intended.at, intended.fact.client_order_id), order


def _trade(
    own: Sequence[Dated], orders: Sequence[OrderSeen], looks: frozenset[UUID]
) -> TradeSeen | None:
    rounds = {d.fact.round: d for d in own if isinstance(d.fact, TradeProposed)}
    if not rounds:
        return None
    first = rounds[min(rounds)]
    fact = first.fact
    if not isinstance(fact, TradeProposed):
        return None
    verdict, decided_at, is_over = _verdict(own, newest_round=max(rounds))
    fills = [o.fill for o in orders if o.intended.trade_id == fact.trade_id]
    trade = Trade(
        ticket=fact.ticket,
        proposed_at=first.at,
        verdict=verdict,
        decided_at=decided_at,
        checkpoint_id=fact.source_id if fact.source_id in looks else None,
        fills=tuple(sorted((f for f in fills if f), key=lambda fill: fill.filled_at)),
    )
    return TradeSeen(fact.account, trade, is_over)


def _verdict(own: Sequence[Dated], *, newest_round: int) -> tuple[Verdict, datetime | None, bool]:
    """Return the verdict, when it was given, and whether the trade is over."""
    for dated in own:
        if (refused := _REFUSALS.get(type(dated.fact))) is not None:
            return refused, dated.at, True
    ended = [dated.at for dated in own if isinstance(dated.fact, _CARRIED_OUT)]
    approved = {d.fact.round: d.at for d in own if isinstance(d.fact, TradeApproved)}
    undone = {d.fact.round for d in own if isinstance(d.fact, ApprovalVoided | ApprovalRevoked)}
    if ended:
        return Verdict.APPROVED, max(approved.values(), default=ended[0]), True
    if newest_round in approved and newest_round not in undone:
        return Verdict.APPROVED, approved[newest_round], False
    return Verdict.WAITING, None, False


def _signed(leg: LegIntended, shares: int) -> int:
    return shares if leg.side is Side.BUY else -shares
