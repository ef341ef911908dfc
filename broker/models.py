"""The trade's own words as values: orders, positions, bars, quotes. Money is Decimal US dollars."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class VenueName(StrEnum):
    """Where orders go; every output names it. There is no live venue."""

    ALPACA_PAPER = "alpaca-paper"
    SIMULATED = "simulated"


class Side(StrEnum):
    """The side of an order."""

    BUY = "buy"
    SELL = "sell"


class PositionIntent(StrEnum):
    """What an order does to the position; the venue checks it, so a race becomes a refusal."""

    BUY_TO_OPEN = "buy_to_open"
    BUY_TO_CLOSE = "buy_to_close"
    SELL_TO_OPEN = "sell_to_open"
    SELL_TO_CLOSE = "sell_to_close"


class OrderStatus(StrEnum):
    """Alpaca's order states, with UNRECOGNISED for one that it may add later."""

    PENDING_NEW = "pending_new"
    ACCEPTED = "accepted"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    DONE_FOR_DAY = "done_for_day"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REPLACED = "replaced"
    REJECTED = "rejected"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"
    HELD = "held"
    SUSPENDED = "suspended"
    STOPPED = "stopped"
    CALCULATED = "calculated"
    ACCEPTED_FOR_BIDDING = "accepted_for_bidding"
    PENDING_REVIEW = "pending_review"
    UNRECOGNISED = "unrecognised"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can happen to the order any more."""
        return self in _TERMINAL


_TERMINAL = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.EXPIRED,
        OrderStatus.REJECTED,
        OrderStatus.REPLACED,
    }
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account as its venue describes it; `short_market_value` is zero or negative.

    `last_equity` is the equity at the close of the last session.
    """

    account_number: str
    status: str
    cash: Decimal
    equity: Decimal
    last_equity: Decimal
    buying_power: Decimal
    long_market_value: Decimal
    short_market_value: Decimal
    shorting_enabled: bool
    trading_blocked: bool


@dataclass(frozen=True, slots=True)
class Asset:
    """What a venue allows for an instrument: advice only, the order's answer is the truth."""

    symbol: str
    tradable: bool
    shortable: bool
    easy_to_borrow: bool


@dataclass(frozen=True, slots=True)
class Position:
    """A signed holding of whole shares: negative quantity is short."""

    symbol: str
    quantity: Decimal
    average_entry_price: Decimal
    market_value: Decimal
    unrealized_profit: Decimal


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A market order (no `limit_price`) or a limit order for the day, in whole shares > 0."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    position_intent: PositionIntent
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the venue has it."""

    order_id: str
    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    filled_quantity: Decimal
    average_fill_price: Decimal | None
    status: OrderStatus
    submitted_at: datetime
    filled_at: datetime | None
    limit_price: Decimal | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The venue has the order, now or from an earlier attempt."""

    order: Order


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue refused: a 4xx with a numeric code, not 401 and not 429."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether the venue has the order: first ask for its client_order_id."""

    reason: str


SubmitOutcome = Accepted | Refused | Unknown


@dataclass(frozen=True, slots=True)
class Bar:
    """Prices over one interval that starts at `start_at`; volume in shares."""

    symbol: str
    start_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask at `at`."""

    symbol: str
    bid: Decimal
    ask: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class MarketClock:
    """The venue's own view of time and of whether it trades."""

    at: datetime
    is_open: bool
    next_open_at: datetime
    next_close_at: datetime
