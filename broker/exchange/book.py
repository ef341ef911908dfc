"""The life of an order, as a function of the order, the prices and the time: no clock, no database.

Orders are advanced only when somebody looks, but to the same outcome whenever and however often
they do: they are tested at fixed instants (a moment after they go live, then at each whole minute
of a session), and what a client_order_id draws decides whether a fill comes in two parts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from uuid import UUID

from broker.exchange.hours import TimeInForce, TradingHours
from broker.exchange.seeds import fraction_of
from broker.models import OrderStatus, PositionIntent, Quote, Side
from config.ids import meaning_id

QuoteAt = Callable[[str, datetime], Quote | None]

ACKNOWLEDGED_AFTER = timedelta(milliseconds=50)
FILL_LATENCY = timedelta(milliseconds=150)
PARTIAL_GAP = timedelta(milliseconds=850)
PARTIAL_SHARE = 0.10
"""Share of eligible fills that come in two parts, as on Alpaca's paper venue."""
_MAX_TESTS = 40_000
"""Minutes of the sessions of 90 days and some: no order is tested more often."""
_WHOLE_SHARE = Decimal(1)


@dataclass(frozen=True, slots=True)
class BookOrder:
    """An order as the exchange keeps it.

    `live_at` is when the market can first see it, `next_test_at` when it is next held against the
    quote, `filled_value` the sum of quantity times price over its fills.
    """

    order_id: UUID
    account_number: str
    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    time_in_force: TimeInForce
    position_intent: PositionIntent
    submitted_at: datetime
    live_at: datetime
    next_test_at: datetime
    expires_at: datetime
    updated_at: datetime
    status: OrderStatus = OrderStatus.PENDING_NEW
    filled_quantity: Decimal = Decimal(0)
    filled_value: Decimal = Decimal(0)
    filled_at: datetime | None = None
    canceled_at: datetime | None = None
    expired_at: datetime | None = None

    @property
    def remaining(self) -> Decimal:
        """Return the shares that have not traded."""
        return self.quantity - self.filled_quantity

    @property
    def average_fill_price(self) -> Decimal | None:
        """Return the mean price of the fills, None without any."""
        return self.filled_value / self.filled_quantity if self.filled_quantity else None

    @property
    def is_working(self) -> bool:
        """Return whether anything can still happen to it."""
        return not self.status.is_terminal

    @property
    def is_opening(self) -> bool:
        """Return whether it opens or increases a position."""
        return self.position_intent in {PositionIntent.BUY_TO_OPEN, PositionIntent.SELL_TO_OPEN}


@dataclass(frozen=True, slots=True)
class BookFill:
    """One execution; its id is a function of the order and of what had traded before."""

    execution_id: UUID
    order_id: UUID
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    filled_at: datetime

    @property
    def signed_quantity(self) -> Decimal:
        """Return the shares added to the position: negative for a sale."""
        return self.quantity if self.side is Side.BUY else -self.quantity


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """An order as its sender wrote it, well-formed but not yet judged."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    position_intent: PositionIntent | None = None


def entered(
    draft: OrderDraft,
    intent: PositionIntent,
    *,
    account_number: str,
    at: datetime,
    hours: TradingHours,
) -> BookOrder:
    """Return the working order that `draft` becomes at `at`: queued while the market is closed."""
    live_at = hours.open_from(at)
    return BookOrder(
        order_id=meaning_id("exchange-order", account_number, draft.client_order_id),
        account_number=account_number,
        client_order_id=draft.client_order_id,
        symbol=draft.symbol,
        side=draft.side,
        quantity=draft.quantity,
        limit_price=draft.limit_price,
        time_in_force=draft.time_in_force,
        position_intent=intent,
        submitted_at=at,
        live_at=live_at,
        next_test_at=live_at + FILL_LATENCY,
        expires_at=hours.expiry(at, draft.time_in_force),
        updated_at=at,
        status=OrderStatus.PENDING_NEW if live_at == at else OrderStatus.ACCEPTED,
    )


def advanced(
    order: BookOrder, now: datetime, *, quote_at: QuoteAt, hours: TradingHours
) -> tuple[BookOrder, tuple[BookFill, ...]]:
    """Return the order as of `now` and the fills since it was last advanced, oldest first.

    Prices are asked for at instants up to `now` only.
    """
    fills: list[BookFill] = []
    for _ in range(_MAX_TESTS):
        if not order.is_working or order.next_test_at > now or _lapses_first(order):
            break
        order, fill = _tested(order, quote_at(order.symbol, order.next_test_at), hours)
        fills += [fill] if fill else []
    return _aged(order, now), tuple(fills)


def canceled(order: BookOrder, at: datetime) -> BookOrder:
    """Return the working order as canceled at `at`; what has traded stays."""
    return replace(order, status=OrderStatus.CANCELED, canceled_at=at, updated_at=at)


def is_marketable(order: BookOrder, quote: Quote) -> bool:
    """Return whether `order` can trade against `quote`."""
    if order.limit_price is None:
        return True
    if order.side is Side.BUY:
        return quote.ask <= order.limit_price
    return quote.bid >= order.limit_price


def _lapses_first(order: BookOrder) -> bool:
    return order.next_test_at >= order.expires_at


def _tested(
    order: BookOrder, quote: Quote | None, hours: TradingHours
) -> tuple[BookOrder, BookFill | None]:
    """Hold the order against the quote of its test's instant."""
    at = order.next_test_at
    if quote is None or not is_marketable(order, quote):
        return replace(order, next_test_at=hours.next_minute(at)), None
    fill = _fill(order, quote.ask if order.side is Side.BUY else quote.bid)
    done = fill.quantity == order.remaining
    after = replace(
        order,
        filled_quantity=order.filled_quantity + fill.quantity,
        filled_value=order.filled_value + fill.quantity * fill.price,
        status=OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED,
        filled_at=at if done else None,
        updated_at=at,
        next_test_at=_after_partial(at, hours),
    )
    return after, fill


def _after_partial(at: datetime, hours: TradingHours) -> datetime:
    soon = at + PARTIAL_GAP
    return soon if hours.is_open(soon) else hours.open_from(soon) + FILL_LATENCY


def _fill(order: BookOrder, price: Decimal) -> BookFill:
    quantity = order.remaining if order.filled_quantity else _first_part(order)
    return BookFill(
        execution_id=meaning_id("exchange-fill", order.order_id, order.filled_quantity),
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=quantity,
        price=price,
        filled_at=order.next_test_at,
    )


def _first_part(order: BookOrder) -> Decimal:
    """Return what trades first: mostly all, in one of ten cases a random part in whole shares."""
    if fraction_of("partial", order.client_order_id) >= PARTIAL_SHARE:
        return order.quantity
    share = Decimal(repr(fraction_of("part", order.client_order_id)))
    part = (order.quantity * share).quantize(_WHOLE_SHARE, ROUND_DOWN)
    return part if part > 0 else order.quantity


def _aged(order: BookOrder, now: datetime) -> BookOrder:
    """Return the order with what time alone does to it: it goes live, or it lapses."""
    if not order.is_working:
        return order
    if now >= order.expires_at:
        lapsed_at = order.expires_at
        return replace(
            order, status=OrderStatus.EXPIRED, expired_at=lapsed_at, updated_at=lapsed_at
        )
    acknowledged_at = order.live_at + ACKNOWLEDGED_AFTER
    waiting = order.status in {OrderStatus.PENDING_NEW, OrderStatus.ACCEPTED}
    if waiting and now >= acknowledged_at:
        return replace(order, status=OrderStatus.NEW, updated_at=acknowledged_at)
    return order
