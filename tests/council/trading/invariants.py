"""What must hold after every run, whatever went wrong in it; the numbers are those of the rules.

The venue's orders are the truth and the log is what is judged by them.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from broker.models import Order, Side
from council.codec import to_fact
from council.fact import Fact
from council.model.ticket import Ticket, TicketLeg
from council.ports import Deps
from council.trade_facts import (
    LegClosed,
    LegIntended,
    TradeApproved,
    TradeCompleted,
    TradeExpired,
    TradeIncomplete,
    TradeProposed,
    TradeRejected,
)
from tests.council.trading.scenes import venue_of

FactType = TypeVar("FactType", bound=Fact)

_ENDINGS = (TradeCompleted, TradeIncomplete, TradeExpired, TradeRejected)


@dataclass(frozen=True, slots=True)
class Told:
    """A fact and when it was stored."""

    fact: Fact
    at: datetime


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """All that is known of an account that has come to rest.

    `orders` and `positions` (signed whole shares) are the venue's, `told` the account's stream and
    `trades` the streams of all its trades. `timed` says whether the venue's clock is the log's.
    """

    account: str
    orders: tuple[Order, ...]
    positions: Mapping[str, int]
    told: tuple[Told, ...]
    trades: Mapping[UUID, tuple[Told, ...]]
    timed: bool = True

    def facts(self, kind: type[FactType]) -> tuple[FactType, ...]:
        """Return the facts of one kind from the account's stream."""
        return tuple(one.fact for one in self.told if isinstance(one.fact, kind))

    @property
    def intents(self) -> dict[str, LegIntended]:
        """Return the intents by the ids of their orders."""
        return {intent.client_order_id: intent for intent in self.facts(LegIntended)}

    @property
    def closes(self) -> dict[str, LegClosed]:
        """Return the recorded ends by the ids of their orders."""
        return {close.client_order_id: close for close in self.facts(LegClosed)}


async def check_invariants(deps: Deps, ticket: Ticket) -> None:
    """Assert I1 to I6 for a trade that is over, the only one of its account at a fake venue."""
    venue = venue_of(deps, ticket.account)
    record = AccountRecord(
        account=ticket.account,
        orders=tuple(venue.orders.values()),
        positions=venue.held,
        told=await told_in(deps, f"account-{ticket.account}"),
        trades={ticket.trade_id: await told_in(deps, f"trade-{ticket.trade_id}")},
        timed=False,
    )

    found = violations(record)
    assert not found, found


async def told_in(deps: Deps, stream: str) -> tuple[Told, ...]:
    """Return what a stream says."""
    events = await deps.store.read_stream(stream)
    return tuple(Told(to_fact(event), event.timestamp) for event in events)


def violations(record: AccountRecord) -> tuple[str, ...]:
    """Return every way in which the record breaks I1 to I6, each with the ids that it is about."""
    rules: tuple[Callable[[AccountRecord], Iterator[str]], ...] = (
        _one_order_each,
        _intended_first,
        _as_approved,
        _approved_first,
        _fills_as_recorded,
        _closed_before_opened,
    )
    return tuple(f"{record.account}: {found}" for rule in rules for found in rule(record))


def _one_order_each(record: AccountRecord) -> Iterator[str]:
    """I1: at most one venue order per trade, leg and attempt, and never more than approved."""
    intents = record.facts(LegIntended)
    lines = Counter((one.trade_id, one.leg, one.attempt) for one in intents)
    yield from (f"I1: intended twice: {line}" for line, count in lines.items() if count > 1)
    ids = Counter(order.client_order_id for order in record.orders)
    yield from (f"I1: ordered twice: {one}" for one, count in ids.items() if count > 1)
    filled: Counter[tuple[UUID, str, str]] = Counter()
    for order in record.orders:
        intent = record.intents.get(order.client_order_id)
        if intent is not None:
            filled[intent.trade_id, intent.leg, intent.symbol] += int(order.filled_quantity)
    for (trade_id, leg, symbol), shares in filled.items():
        if shares > _approved_shares(record.trades[trade_id], leg, symbol):
            yield f"I1: trade {trade_id} filled {shares} {symbol} to {leg}, more than approved"


def _intended_first(record: AccountRecord) -> Iterator[str]:
    """I2: every venue order was intended before it arrived, with just this body."""
    at = {one.fact.client_order_id: one.at for one in record.told if _is_intent(one.fact)}  # type: ignore[attr-defined]  # intents have ids
    for order in record.orders:
        intent = record.intents.get(order.client_order_id)
        if intent is None:
            yield f"I2: order {order.client_order_id} was never intended"
        elif record.timed and at[order.client_order_id] > order.submitted_at:
            yield f"I2: order {order.client_order_id} arrived before it was intended"
        elif (order.symbol, order.side, int(order.quantity)) != (
            intent.symbol,
            intent.side,
            intent.quantity,
        ):
            yield f"I2: order {order.client_order_id} is not the one that was intended"


def _as_approved(record: AccountRecord) -> Iterator[str]:
    """I3: every trade is over, at its target or with a reason, and the venue holds what it left."""
    for trade_id, told in record.trades.items():
        ending = told[-1].fact
        if not isinstance(ending, _ENDINGS):
            yield f"I3: trade {trade_id} is not over"
        elif isinstance(ending, TradeIncomplete) and not ending.reason:
            yield f"I3: trade {trade_id} is incomplete without a reason"
        elif isinstance(ending, TradeCompleted):
            target = _ticket(told).target_quantity
            if ending.position_quantity != target:
                yield f"I3: trade {trade_id} completed at {ending.position_quantity}, not {target}"
    left = {close.symbol: close.position_quantity for close in record.facts(LegClosed)}
    for symbol, quantity in left.items():
        held = record.positions.get(symbol, 0)
        if held != quantity:
            yield f"I3: the venue holds {held} {symbol} where the record leaves {quantity}"


def _approved_first(record: AccountRecord) -> Iterator[str]:
    """I4: no order without an approval before it, none for a trade that was rejected or expired."""
    for order in record.orders:
        intent = record.intents.get(order.client_order_id)
        if intent is None:
            continue
        told = record.trades[intent.trade_id]
        if isinstance(told[-1].fact, TradeRejected | TradeExpired):
            yield f"I4: order {order.client_order_id} of a trade that nobody approved"
        before = [one for one in told if isinstance(one.fact, TradeApproved)]
        if record.timed:
            before = [one for one in before if one.at <= order.submitted_at]
        if intent.digest not in [one.fact.digest for one in before]:  # type: ignore[attr-defined]  # approvals have digests
            yield f"I4: order {order.client_order_id} arrived before its approval"


def _fills_as_recorded(record: AccountRecord) -> Iterator[str]:
    """I5: recorded fills are the venue's, and nothing is left open."""
    at_venue = {order.client_order_id: order for order in record.orders}
    for order_id in record.intents:
        close, order = record.closes.get(order_id), at_venue.get(order_id)
        filled = int(order.filled_quantity) if order else 0
        price = order.average_fill_price if order else None
        if close is None:
            yield f"I5: order {order_id} was never closed"
        elif close.filled_quantity != filled:
            yield f"I5: order {order_id} filled {filled}, recorded {close.filled_quantity}"
        elif close.average_price != price:
            yield f"I5: order {order_id} filled at {price}, recorded {close.average_price}"
        elif order and not order.status.is_terminal:
            yield f"I5: order {order_id} works on though its leg is closed"


def _closed_before_opened(record: AccountRecord) -> Iterator[str]:
    """I6: an opening leg follows filled closing legs only, and starts from no opposite position."""
    at_venue = {order.client_order_id: order for order in record.orders}
    for opening in record.facts(LegIntended):
        if opening.leg != "open":
            continue
        sign = 1 if opening.side is Side.BUY else -1
        if opening.start_quantity * sign < 0:
            yield f"I6: order {opening.client_order_id} opens against a position"
        for closing in _closings_before(opening, record):
            last, first = at_venue.get(closing.client_order_id), opening.client_order_id
            if last is None or last.filled_at is None:
                yield f"I6: order {first} opens before {closing.client_order_id} is filled"
            elif record.timed and first in at_venue and _precedes(at_venue[first], last):
                yield f"I6: order {first} arrived before {closing.client_order_id} was filled"


def _closings_before(opening: LegIntended, record: AccountRecord) -> tuple[LegIntended, ...]:
    """Return, of each symbol that the trade closes, the newest closing order."""
    closings = {
        intent.symbol: intent
        for intent in record.facts(LegIntended)
        if intent.trade_id == opening.trade_id and intent.leg == "close"
    }
    return tuple(closings.values())


def _precedes(opening: Order, closing: Order) -> bool:
    return closing.filled_at is not None and opening.submitted_at < closing.filled_at


def _approved_shares(told: tuple[Told, ...], leg: str, symbol: str) -> int:
    """Return the most shares that any approved ticket of a trade has on its line for the leg."""
    digests = {one.fact.digest for one in told if isinstance(one.fact, TradeApproved)}
    lines: list[TicketLeg] = [
        line
        for one in told
        if isinstance(one.fact, TradeProposed) and one.fact.ticket.digest in digests
        for line in one.fact.ticket.legs
    ]
    shares = [line.quantity for line in lines if (line.leg, line.symbol) == (leg, symbol)]
    return max(shares, default=0)


def _ticket(told: tuple[Told, ...]) -> Ticket:
    return [one.fact.ticket for one in told if isinstance(one.fact, TradeProposed)][-1]


def _is_intent(fact: Fact) -> bool:
    return isinstance(fact, LegIntended)
