"""An account of the exchange without HTTP and database: rules and book alone, played at random."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from hypothesis import strategies as st

from broker.exchange.book import (
    advanced,
    canceled,
    entered,
    entry_of,
    quantity_for,
    replaced,
    stuck_in_cancel,
)
from broker.exchange.errors import RequestRefused
from broker.exchange.hours import TimeInForce
from broker.exchange.ledger import ledger_of
from broker.exchange.margin import buying_power, valued
from broker.exchange.orders import BookFill, BookOrder, OrderChange, OrderDraft, OrderEvent
from broker.exchange.prices import SyntheticPrices
from broker.exchange.replacing import changed_draft
from broker.exchange.rules import AssetRules, Standing, intent_of, refusal
from broker.models import Quote, Side
from tests.broker.exchange.builders import NUMBER, WEDNESDAY_NOON, make_hours

START_CASH = Decimal(100_000)
_BPS = Decimal(10_000)
_CENT = Decimal("0.01")


@cache
def prices() -> SyntheticPrices:
    return SyntheticPrices(3)


@dataclass(frozen=True)
class Ask:
    """One step of a random account, a while after the last one.

    `action` is send, notional, cancel, stick, replace or close; prices lie so many basis points
    from the bid.
    """

    action: str
    after: timedelta
    side: Side
    quantity: int
    limit_bps: int | None
    stop_bps: int | None
    time_in_force: TimeInForce
    extended_hours: bool


offsets = st.none() | st.integers(-30, 30)
steps = st.lists(
    st.builds(
        Ask,
        action=st.sampled_from(
            ["send", "send", "send", "send", "notional", "cancel", "stick", "replace", "close"]
        ),
        after=st.sampled_from([0.1, 1, 61, 1800, 7200, 20_000, 86_400]).map(
            lambda seconds: timedelta(seconds=seconds)
        ),
        side=st.sampled_from(Side),
        quantity=st.integers(1, 60),
        limit_bps=offsets,
        stop_bps=offsets,
        time_in_force=st.sampled_from(TimeInForce),
        extended_hours=st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@dataclass
class PureAccount:
    orders: dict[str, BookOrder] = field(default_factory=dict)
    begun: list[BookOrder] = field(default_factory=list)
    fills: list[BookFill] = field(default_factory=list)
    events: list[OrderEvent] = field(default_factory=list)

    def play(self, asks: list[Ask]) -> None:
        now = WEDNESDAY_NOON
        for number, ask in enumerate(asks):
            now += ask.after
            self.advance(now)
            self.step(f"id-{number}", ask, now)
        self.advance(now + timedelta(days=3))

    def advance(self, now: datetime) -> None:
        fresh: list[OrderEvent] = []
        for name, order in self.orders.items():
            self.orders[name], events = advanced(
                order, now, quote_at=prices().quote_at, hours=make_hours()
            )
            fresh += events
        fresh.sort(key=lambda event: event.at)
        self.events += fresh
        self.fills += [event.fill for event in fresh if event.fill]

    def step(self, name: str, ask: Ask, now: datetime) -> None:
        working = tuple(order for order in self.orders.values() if order.is_working)
        quote = prices().quote_at("SPY", now)
        assert quote
        if ask.action in {"cancel", "stick", "replace"}:
            if working:
                self.alter(working[0], name, ask, now)
            return
        held = ledger_of(START_CASH, self.fills).quantity("SPY")
        draft = closing(name, held) if ask.action == "close" else drafted(name, ask, quote)
        if draft.quantity:
            self.send(draft, working, now)

    def alter(self, order: BookOrder, name: str, ask: Ask, now: datetime) -> None:
        if ask.action == "replace":
            self.exchange(order, name, ask, now)
        elif order.status.value != "pending_cancel":
            self.note((stuck_in_cancel if ask.action == "stick" else canceled)(order, now))

    def exchange(self, order: BookOrder, name: str, ask: Ask, now: datetime) -> None:
        try:
            draft = changed_draft(order, OrderChange(name, quantity=Decimal(ask.quantity)))
        except RequestRefused:
            return
        others = [one for one in self.orders.values() if one.is_working and one != order]
        if self.is_taken(draft, tuple(others), now):
            new = self.entry(draft, now)
            self.note(replaced(order, new.order_id, now))
            self.begin(replace(new, replaces=order.order_id))

    def send(self, draft: OrderDraft, working: tuple[BookOrder, ...], now: datetime) -> None:
        if self.is_taken(draft, working, now):
            self.begin(self.entry(draft, now))

    def is_taken(self, draft: OrderDraft, working: tuple[BookOrder, ...], now: datetime) -> bool:
        ledger, quote = ledger_of(START_CASH, self.fills), prices().quote_at("SPY", now)
        assert quote
        worth = valued(ledger, {"SPY": quote.bid})
        standing = Standing(
            asset=AssetRules("SPY"),
            quote=quote,
            held=ledger.quantity("SPY"),
            working=working,
            same_id=None,
            equity=worth.equity,
            buying_power=buying_power(worth, Decimal(2)),
        )
        return refusal(draft, standing) is None

    def entry(self, draft: OrderDraft, now: datetime) -> BookOrder:
        intent = intent_of(draft, ledger_of(START_CASH, self.fills).quantity("SPY"))
        return entered(draft, intent, account_number=NUMBER, at=now, hours=make_hours())

    def begin(self, order: BookOrder) -> None:
        self.begun.append(order)
        self.note(entry_of(order))

    def note(self, event: OrderEvent) -> None:
        self.orders[event.order.client_order_id] = event.order
        self.events.append(event)


def closing(name: str, held: Decimal) -> OrderDraft:
    return OrderDraft(name, "SPY", Side.SELL if held > 0 else Side.BUY, abs(held))


def drafted(name: str, ask: Ask, quote: Quote) -> OrderDraft:
    if ask.action == "notional":
        notional = Decimal(ask.quantity) * 100
        price = quote.ask if ask.side is Side.BUY else quote.bid
        quantity = quantity_for(notional, price)
        return OrderDraft(name, "SPY", ask.side, quantity, notional=notional)
    limit, stop = priced(quote, ask.limit_bps), priced(quote, ask.stop_bps)
    return OrderDraft(
        name,
        "SPY",
        ask.side,
        Decimal(ask.quantity),
        limit_price=limit,
        stop_price=stop,
        time_in_force=ask.time_in_force,
        extended_hours=ask.extended_hours and limit is not None and stop is None,
    )


def priced(quote: Quote, bps: int | None) -> Decimal | None:
    return None if bps is None else (quote.bid * (1 + bps / _BPS)).quantize(_CENT)
