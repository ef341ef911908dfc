"""Stops, orders by notional, orders in extended hours, replacements: the book's other kinds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.exchange.book import advanced, quantity_for, replaced, stuck_in_cancel
from broker.exchange.errors import RequestRefused
from broker.exchange.orders import BookFill, BookOrder, OrderChange, OrderKind
from broker.exchange.replacing import changed_draft
from broker.models import OrderStatus, Side
from tests.broker.exchange.builders import (
    WEDNESDAY_NOON,
    DictatedPrices,
    make_draft,
    make_hours,
    make_order,
    partial_fill_id,
    whole_fill_id,
)

LONG_AGO = datetime(2026, 1, 2, tzinfo=UTC)
ID = whole_fill_id()
_MINUTE = timedelta(minutes=1)


def played(
    order: BookOrder, middles: list[int], until: datetime | None = None
) -> tuple[BookOrder, list[BookFill]]:
    """Advance over one price a minute, from the minute in which the order came."""
    prices = DictatedPrices(
        {order.submitted_at + number * _MINUTE: middle for number, middle in enumerate(middles)}
    )
    now = until or order.submitted_at + len(middles) * _MINUTE
    after, events = advanced(order, now, quote_at=prices.quote_at, hours=make_hours())
    return after, [event.fill for event in events if event.fill]


def stop_order(side: Side, stop: int, limit: int | None = None) -> BookOrder:
    limit_price = None if limit is None else Decimal(limit)
    draft = make_draft(
        client_order_id=ID, side=side, stop_price=Decimal(stop), limit_price=limit_price
    )
    return make_order(draft, held=10 if side is Side.SELL else 0)


@pytest.mark.parametrize(
    ("side", "middles", "price"),
    [(Side.BUY, [100, 104, 106, 101], "106.01"), (Side.SELL, [100, 96, 94, 99], "93.99")],
)
def test_a_stop_trades_at_the_market_once_its_price_is_reached(
    side: Side, middles: list[int], price: str
) -> None:
    order = stop_order(side, 105 if side is Side.BUY else 95)

    filled, (fill,) = played(order, middles)

    assert order.kind is OrderKind.STOP
    assert (fill.price, fill.filled_at) == (Decimal(price), WEDNESDAY_NOON + 2 * _MINUTE)
    assert filled.triggered_at == fill.filled_at


def test_a_stop_that_is_not_reached_does_not_trade() -> None:
    waiting, fills = played(stop_order(Side.BUY, 105), [100, 104, 104, 100])

    assert (waiting.status, waiting.triggered_at, fills) == (OrderStatus.NEW, None, [])


def test_a_stop_limit_waits_for_its_limit_after_its_stop() -> None:
    order = stop_order(Side.BUY, 105, limit=103)

    waiting, none_yet = played(order, [100, 102, 106, 106])
    filled, (fill,) = played(order, [100, 102, 106, 106, 102])

    assert order.kind is OrderKind.STOP_LIMIT
    assert (waiting.status, none_yet) == (OrderStatus.NEW, [])
    assert waiting.triggered_at == WEDNESDAY_NOON + 2 * _MINUTE
    assert (filled.status, fill.price) == (OrderStatus.FILLED, Decimal("102.01"))


def by_notional(side: Side, notional: int, **changes: Any) -> BookOrder:
    draft = make_draft(
        client_order_id=ID,
        side=side,
        quantity=quantity_for(Decimal(notional), Decimal(100)),
        notional=Decimal(notional),
    )
    return make_order(replace(draft, **changes), held=10 if side is Side.SELL else 0)


def test_an_order_by_notional_buys_what_the_money_pays_for_at_its_fill() -> None:
    filled, (fill,) = played(by_notional(Side.BUY, 1000), [90])

    assert fill.quantity == filled.quantity == Decimal("11.109876680")
    assert fill.quantity * fill.price <= 1000


def test_a_sale_by_notional_never_sells_more_than_was_set_aside() -> None:
    order = by_notional(Side.SELL, 1000)

    filled, _ = played(order, [50])

    assert filled.filled_quantity == order.quantity == 10


def test_an_order_by_notional_fills_at_one_price() -> None:
    order = by_notional(Side.BUY, 10_000, client_order_id=partial_fill_id())

    filled, (fill,) = played(order, [99])

    assert fill.quantity == filled.quantity == filled.filled_quantity
    assert 0 <= 10_000 - fill.quantity * fill.price < fill.price


@pytest.mark.parametrize(
    ("sent_at", "filled_at"),
    [
        (datetime(2026, 11, 18, 8, tzinfo=UTC), datetime(2026, 11, 18, 9, tzinfo=UTC)),
        (datetime(2026, 11, 18, 10, tzinfo=UTC), datetime(2026, 11, 18, 10, tzinfo=UTC)),
        (datetime(2026, 11, 18, 22, tzinfo=UTC), datetime(2026, 11, 18, 22, tzinfo=UTC)),
        (datetime(2026, 11, 27, 22, tzinfo=UTC), datetime(2026, 11, 30, 9, tzinfo=UTC)),
        (datetime(2026, 11, 21, 15, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC)),
    ],
    ids=["before 04:00", "early", "late", "after a half day's 17:00", "Saturday"],
)
def test_an_extended_order_trades_from_four_to_eight(
    sent_at: datetime, filled_at: datetime
) -> None:
    draft = make_draft(client_order_id=ID, limit_price=Decimal(200), extended_hours=True)
    order = make_order(draft, at=sent_at)

    _, (fill,) = played(order, [100], until=sent_at + timedelta(days=4))

    assert fill.filled_at == filled_at + timedelta(milliseconds=150)


def test_an_extended_order_sees_the_close_s_price_after_the_close() -> None:
    closes_at = datetime(2026, 11, 18, 21, tzinfo=UTC)
    prices = DictatedPrices({LONG_AGO: 100, closes_at - timedelta(seconds=1): 90})
    draft = make_draft(client_order_id=ID, limit_price=Decimal(95), extended_hours=True)

    for order, expected in (
        (make_order(draft), OrderStatus.FILLED),
        (make_order(replace(draft, extended_hours=False)), OrderStatus.EXPIRED),
    ):
        after, _ = advanced(
            order, closes_at + timedelta(hours=5), quote_at=prices.quote_at, hours=make_hours()
        )
        assert after.status is expected


def test_an_extended_day_order_lapses_at_eight() -> None:
    draft = make_draft(limit_price=Decimal(50), extended_hours=True)

    assert make_order(draft).expires_at == datetime(2026, 11, 19, 1, tzinfo=UTC)


def test_an_order_that_is_stuck_in_its_cancel_neither_trades_nor_lapses() -> None:
    order = make_order(make_draft(client_order_id=ID))
    stuck = stuck_in_cancel(order, WEDNESDAY_NOON).order

    after, fills = played(stuck, [100], until=WEDNESDAY_NOON + timedelta(days=9))

    assert (after, fills) == (stuck, [])
    assert after.status is OrderStatus.PENDING_CANCEL


def test_a_replaced_order_is_over() -> None:
    order = make_order(make_draft(client_order_id=ID))
    ended = replaced(order, order.order_id, WEDNESDAY_NOON).order

    after, fills = played(ended, [100])

    assert (after.status, after.is_working, fills) == (OrderStatus.REPLACED, False, [])


def test_a_replacement_keeps_what_it_does_not_name() -> None:
    draft = make_draft(limit_price=Decimal(90), stop_price=Decimal(80), extended_hours=False)
    order = replace(make_order(draft), status=OrderStatus.NEW)

    changed = changed_draft(order, OrderChange("new", stop_price=Decimal(85)))

    assert changed == replace(
        draft,
        client_order_id="new",
        stop_price=Decimal(85),
        position_intent=order.position_intent,
    )


@pytest.mark.parametrize(
    "status", sorted(set(OrderStatus) - {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})
)
def test_only_an_order_at_the_market_can_be_replaced(status: OrderStatus) -> None:
    order = replace(make_order(make_draft()), status=status)

    with pytest.raises(RequestRefused, match=f'order is in "{status}" state'):
        changed_draft(order, OrderChange("new", quantity=Decimal(4)))


def test_an_order_by_notional_cannot_be_replaced() -> None:
    order = replace(by_notional(Side.BUY, 1000), status=OrderStatus.NEW)

    with pytest.raises(RequestRefused, match="notional"):
        changed_draft(order, OrderChange("new", quantity=Decimal(4)))
