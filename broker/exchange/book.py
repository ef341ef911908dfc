"""The life of an order, as a function of the order, the prices and the time: no clock, no database.

Orders are advanced only when somebody looks, but to the same outcome whenever and however often
they do: they are tested at fixed instants (a moment after they go live, then at each whole minute
of a session), and what a client_order_id draws decides whether a fill comes in two parts.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from uuid import UUID

from broker.exchange.hours import TradingHours
from broker.exchange.orders import BookFill, BookOrder, OrderDraft, OrderEvent, UpdateKind
from broker.exchange.seeds import fraction_of
from broker.models import OrderStatus, PositionIntent, Quote, Side
from config.ids import meaning_id

QuoteAt = Callable[[str, datetime], Quote | None]

ACKNOWLEDGED_AFTER = timedelta(milliseconds=50)
FILL_LATENCY = timedelta(milliseconds=150)
PARTIAL_GAP = timedelta(milliseconds=850)
PARTIAL_SHARE = 0.10
"""Share of eligible fills that come in two parts, as on Alpaca's paper venue."""
FINEST_QUANTITY = Decimal("0.000000001")
_MAX_STEPS = 40_000
"""Minutes of the sessions of 90 days and some: nothing happens to an order more often."""
_WHOLE_SHARE = Decimal(1)


def entered(
    draft: OrderDraft,
    intent: PositionIntent,
    *,
    account_number: str,
    at: datetime,
    hours: TradingHours,
) -> BookOrder:
    """Return the working order that `draft` becomes at `at`: queued while the market is closed."""
    live_at = hours.open_from(at, extended=draft.extended_hours)
    return BookOrder(
        order_id=meaning_id("exchange-order", account_number, draft.client_order_id),
        account_number=account_number,
        client_order_id=draft.client_order_id,
        symbol=draft.symbol,
        side=draft.side,
        quantity=draft.quantity,
        limit_price=draft.limit_price,
        stop_price=draft.stop_price,
        notional=draft.notional,
        extended_hours=draft.extended_hours,
        time_in_force=draft.time_in_force,
        position_intent=intent,
        submitted_at=at,
        live_at=live_at,
        next_test_at=live_at + FILL_LATENCY,
        expires_at=hours.expiry(at, draft.time_in_force, extended=draft.extended_hours),
        updated_at=at,
        status=OrderStatus.PENDING_NEW if live_at == at else OrderStatus.ACCEPTED,
    )


def entry_of(order: BookOrder) -> OrderEvent:
    """Return the first event of an order's life."""
    is_live = order.status is OrderStatus.PENDING_NEW
    kind = UpdateKind.PENDING_NEW if is_live else UpdateKind.ACCEPTED
    return OrderEvent(kind, order, order.submitted_at)


def advanced(
    order: BookOrder, now: datetime, *, quote_at: QuoteAt, hours: TradingHours
) -> tuple[BookOrder, tuple[OrderEvent, ...]]:
    """Return the order as of `now` and what happened to it since it was last advanced, in order.

    Prices are asked for at instants up to `now` only.
    """
    events: list[OrderEvent] = []
    for _ in range(_MAX_STEPS):
        if not _can_change(order) or _next_at(order) > now:
            break
        order, event = _stepped(order, quote_at, hours)
        events += [event] if event else []
    return order, tuple(events)


def canceled(order: BookOrder, at: datetime) -> OrderEvent:
    """Return the end of a working order that is canceled at `at`; what has traded stays."""
    after = replace(order, status=OrderStatus.CANCELED, canceled_at=at, updated_at=at)
    return OrderEvent(UpdateKind.CANCELED, after, at)


def stuck_in_cancel(order: BookOrder, at: datetime) -> OrderEvent:
    """Return a cancel that never ends: the order neither trades nor lapses any more."""
    after = replace(order, status=OrderStatus.PENDING_CANCEL, updated_at=at)
    return OrderEvent(UpdateKind.PENDING_CANCEL, after, at)


def replaced(order: BookOrder, by: UUID, at: datetime) -> OrderEvent:
    """Return the end of a working order that another one takes the place of at `at`."""
    after = replace(
        order, status=OrderStatus.REPLACED, replaced_by=by, replaced_at=at, updated_at=at
    )
    return OrderEvent(UpdateKind.REPLACED, after, at)


def is_marketable(order: BookOrder, quote: Quote) -> bool:
    """Return whether `order` can trade against `quote`, its stop price aside."""
    if order.limit_price is None:
        return True
    if order.side is Side.BUY:
        return quote.ask <= order.limit_price
    return quote.bid >= order.limit_price


def reaches_stop(order: BookOrder, quote: Quote) -> bool:
    """Return whether `quote` sets off the order's stop price, if it has one."""
    if order.stop_price is None:
        return True
    if order.side is Side.BUY:
        return quote.ask >= order.stop_price
    return quote.bid <= order.stop_price


def quantity_for(notional: Decimal, price: Decimal) -> Decimal:
    """Return the shares that `notional` dollars buy at `price`, to nine decimals, rounded down."""
    return (notional / price).quantize(FINEST_QUANTITY, ROUND_DOWN)


def _can_change(order: BookOrder) -> bool:
    return order.is_working and order.status is not OrderStatus.PENDING_CANCEL


def _is_waiting(order: BookOrder) -> bool:
    return order.status in {OrderStatus.PENDING_NEW, OrderStatus.ACCEPTED}


def _next_at(order: BookOrder) -> datetime:
    """Return when something is next done with the order: acknowledge, test or lapse."""
    acknowledged_at = order.live_at + ACKNOWLEDGED_AFTER
    soonest = acknowledged_at if _is_waiting(order) else order.next_test_at
    return min(order.expires_at, soonest)


def _stepped(
    order: BookOrder, quote_at: QuoteAt, hours: TradingHours
) -> tuple[BookOrder, OrderEvent | None]:
    """Do what is next to be done with the order."""
    at = _next_at(order)
    if at >= order.expires_at:
        after = replace(order, status=OrderStatus.EXPIRED, expired_at=at, updated_at=at)
        return after, OrderEvent(UpdateKind.EXPIRED, after, at)
    if _is_waiting(order):
        after = replace(order, status=OrderStatus.NEW, updated_at=at)
        return after, OrderEvent(UpdateKind.NEW, after, at)
    return _tested(order, quote_at(order.symbol, at), hours)


def _tested(
    order: BookOrder, quote: Quote | None, hours: TradingHours
) -> tuple[BookOrder, OrderEvent | None]:
    """Hold the order against the quote of its test's instant."""
    at = order.next_test_at
    if quote and order.triggered_at is None and order.stop_price and reaches_stop(order, quote):
        order = replace(order, triggered_at=at)
    is_set_off = order.stop_price is None or order.triggered_at is not None
    if quote is None or not is_set_off or not is_marketable(order, quote):
        later = hours.next_minute(at, extended=order.extended_hours)
        return replace(order, next_test_at=later), None
    return _filled(order, quote.ask if order.side is Side.BUY else quote.bid, hours)


def _filled(
    order: BookOrder, price: Decimal, hours: TradingHours
) -> tuple[BookOrder, OrderEvent | None]:
    at = order.next_test_at
    order = replace(order, quantity=_quantity_at(order, price))
    fill = _fill(order, price)
    done = fill.quantity == order.remaining
    after = replace(
        order,
        filled_quantity=order.filled_quantity + fill.quantity,
        filled_value=order.filled_value + fill.quantity * fill.price,
        status=OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED,
        filled_at=at if done else None,
        updated_at=at,
        next_test_at=_after_partial(order, hours),
    )
    return after, OrderEvent(UpdateKind.FILL if done else UpdateKind.PARTIAL_FILL, after, at, fill)


def _quantity_at(order: BookOrder, price: Decimal) -> Decimal:
    """Return the quantity, which for an order by notional its fill settles."""
    if order.notional is None:
        return order.quantity
    bought = quantity_for(order.notional, price)
    # An exit may not grow beyond the shares that were set aside for it.
    return bought if order.is_opening else min(bought, order.quantity)


def _after_partial(order: BookOrder, hours: TradingHours) -> datetime:
    soon = order.next_test_at + PARTIAL_GAP
    opens_at = hours.open_from(soon, extended=order.extended_hours)
    return soon if opens_at == soon else opens_at + FILL_LATENCY


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
    """Return what trades first: mostly all, in one of ten cases a random part in whole shares.

    An order by notional trades as a whole: a second price would spend more than it may.
    """
    if order.notional is not None or not _comes_in_parts(order):
        return order.quantity
    share = Decimal(repr(fraction_of("part", order.client_order_id)))
    part = (order.quantity * share).quantize(_WHOLE_SHARE, ROUND_DOWN)
    return part if part > 0 else order.quantity


def _comes_in_parts(order: BookOrder) -> bool:
    return fraction_of("partial", order.client_order_id) < PARTIAL_SHARE
