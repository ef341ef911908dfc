"""What must hold for every sequence of orders, replacements, cancellations and closings."""

from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.exchange.book import advanced
from broker.exchange.ledger import ledger_of
from broker.exchange.orders import BookOrder, OrderEvent, UpdateKind
from broker.models import Side
from tests.broker.exchange.builders import make_hours
from tests.broker.exchange.pure_account import START_CASH, Ask, PureAccount, prices, steps

TWO_DAYS = timedelta(days=2)


@settings(max_examples=40, deadline=None)
@given(asks=steps)
def test_cash_and_shares_are_conserved(asks: list[Ask]) -> None:
    account = PureAccount()

    account.play(asks)

    ledger = ledger_of(START_CASH, account.fills)
    signed = {Side.BUY: 1, Side.SELL: -1}
    shares = sum(signed[one.side] * one.filled_quantity for one in account.orders.values())
    paid = sum(signed[one.side] * one.filled_value for one in account.orders.values())
    assert ledger.quantity("SPY") == shares
    assert ledger.cash == START_CASH - paid
    for order in account.orders.values():
        own = [fill for fill in account.fills if fill.order_id == order.order_id]
        assert sum(fill.quantity for fill in own) == order.filled_quantity <= order.quantity
        assert sum(fill.quantity * fill.price for fill in own) == order.filled_value


@settings(max_examples=40, deadline=None)
@given(asks=steps)
def test_no_fill_takes_a_position_across_zero(asks: list[Ask]) -> None:
    account = PureAccount()

    account.play(asks)

    held = Decimal(0)
    for fill in account.fills:
        after = held + fill.signed_quantity
        assert held * after >= 0
        held = after


@settings(max_examples=40, deadline=None)
@given(asks=steps)
def test_every_fill_lies_inside_the_bar_of_its_minute_and_day(asks: list[Ask]) -> None:
    account = PureAccount()

    account.play(asks)

    for fill in account.fills:
        minute = minute_priced_at(fill.filled_at)
        (bar,) = prices().minute_bars("SPY", minute, minute)
        (day,) = prices().daily_bars("SPY", minute.date(), minute.date())
        assert day.low <= bar.low <= fill.price <= bar.high <= day.high


@settings(max_examples=25, deadline=None)
@given(asks=steps)
def test_a_limit_is_never_overstepped(asks: list[Ask]) -> None:
    account = PureAccount()

    account.play(asks)

    orders = {order.order_id: order for order in account.orders.values()}
    for fill in account.fills:
        limit = orders[fill.order_id].limit_price
        if limit is not None and fill.side is Side.BUY:
            assert fill.price <= limit
        elif limit is not None:
            assert fill.price >= limit


@settings(max_examples=25, deadline=None)
@given(asks=steps)
def test_a_longer_ledger_starts_with_the_shorter_one(asks: list[Ask]) -> None:
    account = PureAccount()

    account.play(asks)

    for count in range(len(account.fills)):
        before, fill = ledger_of(START_CASH, account.fills[:count]), account.fills[count]
        after = ledger_of(START_CASH, account.fills[: count + 1])
        assert after.cash - before.cash == -fill.signed_quantity * fill.price
        assert after.quantity("SPY") - before.quantity("SPY") == fill.signed_quantity


@settings(max_examples=40, deadline=None)
@given(asks=steps)
def test_an_order_by_notional_never_spends_more(asks: list[Ask]) -> None:
    account = PureAccount()

    account.play(asks)

    for order in account.orders.values():
        if order.notional is not None:
            assert order.filled_value <= order.notional


@settings(max_examples=40, deadline=None)
@given(asks=steps)
def test_a_stop_trades_only_once_its_price_was_reached(asks: list[Ask]) -> None:
    account = PureAccount()

    account.play(asks)

    for order in account.orders.values():
        if order.stop_price is not None and order.filled_quantity:
            assert order.triggered_at is not None
            quote = prices().quote_at("SPY", order.triggered_at)
            assert quote is not None
            is_buy = order.side is Side.BUY
            assert quote.ask >= order.stop_price if is_buy else quote.bid <= order.stop_price


@settings(max_examples=40, deadline=None)
@given(asks=steps)
def test_the_journal_tells_every_order_s_life_in_order(asks: list[Ask]) -> None:
    account = PureAccount()

    account.play(asks)

    begins = {UpdateKind.PENDING_NEW, UpdateKind.ACCEPTED}
    times = [event.at for event in account.events]
    assert times == sorted(times)
    for name, order in account.orders.items():
        own = [event for event in account.events if event.order.client_order_id == name]
        assert own[0].kind in begins
        assert not any(event.kind in begins for event in own[1:])
        assert own[-1].order.status is order.status
        assert not any(event.order.status.is_terminal for event in own[:-1])


@settings(max_examples=15, deadline=None)
@given(asks=steps, looks=st.integers(2, 9))
def test_events_are_the_same_however_often_somebody_looks(asks: list[Ask], looks: int) -> None:
    account = PureAccount()
    account.play(asks)

    for begun in account.begun:
        order, told = begun, list[OrderEvent]()
        for look in range(1, looks + 1):
            order, events = advance(begun=order, until=begun.submitted_at + TWO_DAYS * look / looks)
            told += events

        assert (order, tuple(told)) == advance(begun=begun, until=begun.submitted_at + TWO_DAYS)


def advance(*, begun: BookOrder, until: datetime) -> tuple[BookOrder, tuple[OrderEvent, ...]]:
    return advanced(begun, until, quote_at=prices().quote_at, hours=make_hours())


def minute_priced_at(at: datetime) -> datetime:
    """Return the minute whose prices stand at `at`: the session's last one outside of it."""
    if not make_hours().is_open(at):
        at = make_hours().calendar.last_closed(at).close_at - timedelta(minutes=1)
    return at.replace(second=0, microsecond=0)
