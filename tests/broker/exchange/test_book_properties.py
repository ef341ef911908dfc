from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.exchange.book import BookFill, BookOrder, OrderDraft, advanced, canceled, entered
from broker.exchange.hours import TimeInForce
from broker.exchange.ledger import ledger_of, valued
from broker.exchange.prices import SyntheticPrices
from broker.exchange.rules import AssetRules, Standing, intent_of, refusal
from broker.models import Quote, Side
from tests.broker.exchange.builders import NUMBER, WEDNESDAY_NOON, make_hours

START_CASH = Decimal(100_000)


@cache
def prices() -> SyntheticPrices:
    return SyntheticPrices(3)


@dataclass(frozen=True)
class Ask:
    """One step of a random account: send an order, or cancel one, after a while."""

    after: timedelta
    side: Side
    quantity: int
    limit_bps: int | None
    time_in_force: TimeInForce
    cancels: bool


steps = st.lists(
    st.builds(
        Ask,
        after=st.sampled_from([0.1, 1, 61, 1800, 7200, 86_400]).map(
            lambda seconds: timedelta(seconds=seconds)
        ),
        side=st.sampled_from(Side),
        quantity=st.integers(1, 60),
        limit_bps=st.none() | st.integers(-30, 30),
        time_in_force=st.sampled_from(TimeInForce),
        cancels=st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=12,
)


@dataclass
class PureAccount:
    """The exchange's account without HTTP and database: rules and book alone."""

    orders: dict[str, BookOrder] = field(default_factory=dict)
    fills: list[BookFill] = field(default_factory=list)

    def play(self, asks: list[Ask]) -> None:
        now = WEDNESDAY_NOON
        for number, ask in enumerate(asks):
            now += ask.after
            self.advance(now)
            self.step(f"id-{number}", ask, now)
        self.advance(now + timedelta(days=3))

    def advance(self, now: datetime) -> None:
        fresh: list[BookFill] = []
        for name, order in self.orders.items():
            self.orders[name], fills = advanced(
                order, now, quote_at=prices().quote_at, hours=make_hours()
            )
            fresh += fills
        self.fills += sorted(fresh, key=lambda fill: fill.filled_at)

    def step(self, name: str, ask: Ask, now: datetime) -> None:
        working = tuple(order for order in self.orders.values() if order.is_working)
        if ask.cancels and working:
            chosen = working[0]
            self.orders[chosen.client_order_id] = canceled(chosen, now)
            return
        quote = prices().quote_at("SPY", now)
        assert quote
        held = ledger_of(START_CASH, self.fills).quantity("SPY")
        draft = drafted(name, ask, quote)
        worth = valued(ledger_of(START_CASH, self.fills), {"SPY": quote.bid})
        standing = Standing(
            asset=AssetRules("SPY"),
            quote=quote,
            held=held,
            working=working,
            same_id=None,
            equity=worth.equity,
            buying_power=worth.buying_power,
        )
        if refusal(draft, standing) is None:
            intent = intent_of(draft, held)
            self.orders[name] = entered(
                draft, intent, account_number=NUMBER, at=now, hours=make_hours()
            )


def drafted(name: str, ask: Ask, quote: Quote) -> OrderDraft:
    limit = None
    if ask.limit_bps is not None:
        limit = (quote.bid * (1 + Decimal(ask.limit_bps) / 10_000)).quantize(Decimal("0.01"))
    return OrderDraft(
        name,
        "SPY",
        ask.side,
        Decimal(ask.quantity),
        limit_price=limit,
        time_in_force=ask.time_in_force,
    )


@settings(max_examples=60, deadline=None)
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
        own = [fill.quantity for fill in account.fills if fill.order_id == order.order_id]
        assert sum(own) == order.filled_quantity <= order.quantity


@settings(max_examples=60, deadline=None)
@given(asks=steps)
def test_no_fill_takes_a_position_across_zero(asks: list[Ask]) -> None:
    account = PureAccount()

    account.play(asks)

    held = Decimal(0)
    for fill in account.fills:
        after = held + fill.signed_quantity
        assert held * after >= 0
        held = after


@settings(max_examples=60, deadline=None)
@given(asks=steps)
def test_every_fill_lies_inside_the_bar_of_its_minute_and_day(asks: list[Ask]) -> None:
    account = PureAccount()

    account.play(asks)

    for fill in account.fills:
        minute = fill.filled_at.replace(second=0, microsecond=0)
        (bar,) = prices().minute_bars("SPY", minute, minute)
        (day,) = prices().daily_bars("SPY", minute.date(), minute.date())
        assert day.low <= bar.low <= fill.price <= bar.high <= day.high


@settings(max_examples=30, deadline=None)
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


@settings(max_examples=30, deadline=None)
@given(asks=steps)
def test_a_longer_ledger_starts_with_the_shorter_one(asks: list[Ask]) -> None:
    account = PureAccount()

    account.play(asks)

    for count in range(len(account.fills)):
        before, fill = ledger_of(START_CASH, account.fills[:count]), account.fills[count]
        after = ledger_of(START_CASH, account.fills[: count + 1])
        assert after.cash - before.cash == -fill.signed_quantity * fill.price
        assert after.quantity("SPY") - before.quantity("SPY") == fill.signed_quantity
