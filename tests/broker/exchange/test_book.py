from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from broker.exchange.book import advanced, canceled
from broker.exchange.hours import TimeInForce, TradingHours
from broker.exchange.orders import BookFill, BookOrder
from broker.models import OrderStatus, Side
from config.market_calendar import xnys
from tests.broker.exchange.builders import (
    SATURDAY,
    WEDNESDAY_NOON,
    DictatedPrices,
    make_draft,
    make_hours,
    make_order,
    partial_fill_id,
    whole_fill_id,
)

LONG_AGO = datetime(2026, 1, 2, tzinfo=UTC)
STEADY = {LONG_AGO: 100}


def advance_to(
    order: BookOrder, now: datetime, prices: DictatedPrices | None = None
) -> tuple[BookOrder, tuple[BookFill, ...]]:
    quotes = prices or DictatedPrices(STEADY)
    after, events = advanced(order, now, quote_at=quotes.quote_at, hours=make_hours())
    return after, tuple(event.fill for event in events if event.fill)


def test_a_market_order_is_pending_then_new_then_filled_at_the_ask() -> None:
    order = make_order(make_draft(client_order_id=whole_fill_id()))

    acknowledged, none_yet = advance_to(order, WEDNESDAY_NOON + timedelta(milliseconds=60))
    filled, fills = advance_to(acknowledged, WEDNESDAY_NOON + timedelta(seconds=1))

    assert order.status is OrderStatus.PENDING_NEW
    assert (acknowledged.status, none_yet) == (OrderStatus.NEW, ())
    assert filled.status is OrderStatus.FILLED
    assert filled.average_fill_price == Decimal("100.01")
    assert [fill.filled_at - WEDNESDAY_NOON for fill in fills] == [timedelta(milliseconds=150)]


def test_a_sale_trades_at_the_bid() -> None:
    order = make_order(make_draft(side=Side.SELL), held=10)

    filled, _ = advance_to(order, WEDNESDAY_NOON + timedelta(minutes=1))

    assert filled.average_fill_price == Decimal("99.99")


def test_one_order_in_ten_fills_in_two_parts_a_moment_apart() -> None:
    order = make_order(make_draft(client_order_id=partial_fill_id(), quantity=Decimal(100)))

    between, first = advance_to(order, WEDNESDAY_NOON + timedelta(milliseconds=500))
    filled, second = advance_to(between, WEDNESDAY_NOON + timedelta(seconds=2))

    assert between.status is OrderStatus.PARTIALLY_FILLED
    assert 0 < first[0].quantity < 100
    assert first[0].quantity + second[0].quantity == 100
    assert first[0].execution_id != second[0].execution_id
    assert filled.status is OrderStatus.FILLED


def test_an_order_sent_on_a_saturday_waits_for_monday_s_open() -> None:
    order = make_order(make_draft(client_order_id=whole_fill_id()), at=SATURDAY)

    sunday, _ = advance_to(order, SATURDAY + timedelta(days=1))
    monday, fills = advance_to(sunday, SATURDAY + timedelta(days=2))

    assert (order.status, sunday.status) == (OrderStatus.ACCEPTED, OrderStatus.ACCEPTED)
    assert monday.status is OrderStatus.FILLED
    opens_at = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    assert fills[0].filled_at == opens_at + timedelta(milliseconds=150)


def test_where_the_market_is_always_open_a_saturday_order_fills_at_once() -> None:
    hours = TradingHours(xnys(), "always")
    order = make_order(make_draft(client_order_id=whole_fill_id()), at=SATURDAY, hours=hours)

    filled, _ = advanced(
        order,
        SATURDAY + timedelta(seconds=1),
        quote_at=DictatedPrices(STEADY).quote_at,
        hours=hours,
    )

    assert filled.status is OrderStatus.FILLED
    assert filled.expires_at == datetime(2026, 11, 23, 21, tzinfo=UTC)


def test_a_limit_order_waits_until_the_price_comes_to_it() -> None:
    prices = DictatedPrices({LONG_AGO: 100, WEDNESDAY_NOON + timedelta(minutes=30): 98})
    order = make_order(make_draft(client_order_id=whole_fill_id(), limit_price=Decimal(99)))

    waiting, none_yet = advance_to(order, WEDNESDAY_NOON + timedelta(minutes=20), prices)
    filled, fills = advance_to(waiting, WEDNESDAY_NOON + timedelta(hours=1), prices)

    assert (waiting.status, none_yet) == (OrderStatus.NEW, ())
    assert filled.status is OrderStatus.FILLED
    assert fills[0].price == Decimal("98.01")
    assert fills[0].filled_at == WEDNESDAY_NOON + timedelta(minutes=30)


@pytest.mark.parametrize("looks", [1, 2, 7, 60])
def test_an_order_ends_alike_however_often_somebody_looks(looks: int) -> None:
    later = WEDNESDAY_NOON + timedelta(minutes=45)
    prices = DictatedPrices({LONG_AGO: 100, WEDNESDAY_NOON + timedelta(minutes=30): 98})
    draft = make_draft(client_order_id=partial_fill_id(), limit_price=Decimal(99))
    order = make_order(draft)
    fills: tuple[BookFill, ...] = ()

    for look in range(1, looks + 1):
        now = WEDNESDAY_NOON + (later - WEDNESDAY_NOON) * look / looks
        order, new = advance_to(order, now, prices)
        fills += new
    at_once, all_fills = advance_to(make_order(draft), later, prices)

    assert (order, fills) == (at_once, all_fills)
    assert len(fills) == 2


def test_no_price_later_than_now_is_ever_asked_for() -> None:
    prices = DictatedPrices(STEADY)
    now = WEDNESDAY_NOON + timedelta(minutes=10, seconds=30)

    advance_to(make_order(make_draft(limit_price=Decimal(50))), now, prices)

    assert max(prices.asked_at) <= now
    assert len(prices.asked_at) == 11


@pytest.mark.parametrize(
    ("sent_at", "closes_at"),
    [
        (datetime(2026, 11, 18, 17, tzinfo=UTC), datetime(2026, 11, 18, 21, tzinfo=UTC)),
        (datetime(2026, 11, 27, 15, tzinfo=UTC), datetime(2026, 11, 27, 18, tzinfo=UTC)),
        (datetime(2026, 11, 25, 22, tzinfo=UTC), datetime(2026, 11, 27, 18, tzinfo=UTC)),
    ],
    ids=["whole day", "half day", "over Thanksgiving"],
)
def test_a_day_order_expires_at_its_session_s_close(sent_at: datetime, closes_at: datetime) -> None:
    order = make_order(make_draft(limit_price=Decimal(50)), at=sent_at)

    before, _ = advance_to(order, closes_at - timedelta(seconds=1))
    after, _ = advance_to(order, closes_at + timedelta(days=9))

    assert before.status is OrderStatus.NEW
    assert (after.status, after.expired_at) == (OrderStatus.EXPIRED, closes_at)


def test_an_order_till_canceled_lives_ninety_days() -> None:
    draft = make_draft(limit_price=Decimal(50), time_in_force=TimeInForce.GTC)

    order = make_order(draft)

    assert order.expires_at == datetime(2027, 2, 16, 21, 15, tzinfo=UTC)


def test_an_order_sent_in_the_session_s_last_moment_expires_unfilled() -> None:
    closes_at = datetime(2026, 11, 18, 21, tzinfo=UTC)
    order = make_order(make_draft(), at=closes_at - timedelta(milliseconds=100))

    after, fills = advance_to(order, closes_at + timedelta(hours=1))

    assert (after.status, fills) == (OrderStatus.EXPIRED, ())


def test_a_cancel_after_a_partial_fill_keeps_what_has_traded() -> None:
    order = make_order(make_draft(client_order_id=partial_fill_id(), quantity=Decimal(100)))
    partial, fills = advance_to(order, WEDNESDAY_NOON + timedelta(milliseconds=500))

    ended = canceled(partial, WEDNESDAY_NOON + timedelta(milliseconds=600)).order
    later, more = advance_to(ended, WEDNESDAY_NOON + timedelta(hours=1))

    assert later.filled_quantity == fills[0].quantity
    assert (later.status, more) == (OrderStatus.CANCELED, ())


def test_without_a_quote_nothing_trades() -> None:
    silent = DictatedPrices({WEDNESDAY_NOON + timedelta(days=30): 1})

    order, fills = advance_to(make_order(make_draft()), WEDNESDAY_NOON + timedelta(hours=1), silent)

    assert (order.status, fills) == (OrderStatus.NEW, ())


def test_the_second_part_of_a_fill_at_the_close_waits_for_the_next_open() -> None:
    closes_at = datetime(2026, 11, 18, 21, tzinfo=UTC)
    draft = make_draft(
        client_order_id=partial_fill_id(), quantity=Decimal(100), time_in_force=TimeInForce.GTC
    )
    order = make_order(draft, at=closes_at - timedelta(milliseconds=500))

    _, fills = advance_to(order, closes_at + timedelta(days=1))

    opens_at = datetime(2026, 11, 19, 14, 30, tzinfo=UTC)
    assert [fill.filled_at for fill in fills] == [
        closes_at - timedelta(milliseconds=350),
        opens_at + timedelta(milliseconds=150),
    ]
