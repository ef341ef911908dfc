"""An order as the exchange keeps it, what happens to it, and what its sender asked for.

Values only: `book.py` says how one follows from the other.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from broker.exchange.hours import TimeInForce
from broker.models import OrderStatus, PositionIntent, Side


class OrderKind(StrEnum):
    """What an order's two prices make of it."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class UpdateKind(StrEnum):
    """What can happen to an order here, in Alpaca's words for its stream of updates."""

    ACCEPTED = "accepted"
    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIAL_FILL = "partial_fill"
    FILL = "fill"
    PENDING_CANCEL = "pending_cancel"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class BookOrder:
    """An order as the exchange keeps it.

    `live_at` is when the market can first see it, `next_test_at` when it is next held against the
    quote, `triggered_at` when a stop was reached, `filled_value` the sum of quantity times price
    over its fills. An order by `notional` dollars has an estimate as its `quantity` until it fills.
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
    stop_price: Decimal | None = None
    notional: Decimal | None = None
    extended_hours: bool = False
    triggered_at: datetime | None = None
    replaces: UUID | None = None
    replaced_by: UUID | None = None
    replaced_at: datetime | None = None

    @property
    def kind(self) -> OrderKind:
        """Return what its prices make of it."""
        return kind_of(self.limit_price, self.stop_price)

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
class OrderEvent:
    """Something that happened to an order: `order` is as it stood right after."""

    kind: UpdateKind
    order: BookOrder
    at: datetime
    fill: BookFill | None = None


@dataclass(frozen=True, slots=True)
class TradeUpdate:
    """One entry of an account's journal of order events, as its stream tells it.

    `sequence` rises with time within an account. Price, quantity, execution and the signed
    `position_quantity` right after are those of a fill, else None.
    """

    sequence: int
    event: UpdateKind
    order: BookOrder
    at: datetime
    price: Decimal | None = None
    quantity: Decimal | None = None
    position_quantity: Decimal | None = None
    execution_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """An order as its sender wrote it, well-formed but not yet judged.

    For an order by `notional` dollars `quantity` is what that buys at the present quote.
    """

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    position_intent: PositionIntent | None = None
    stop_price: Decimal | None = None
    notional: Decimal | None = None
    extended_hours: bool = False

    @property
    def kind(self) -> OrderKind:
        """Return what its prices make of it."""
        return kind_of(self.limit_price, self.stop_price)


@dataclass(frozen=True, slots=True)
class OrderChange:
    """What a replacement changes of an order; None leaves it as it was."""

    client_order_id: str
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """A fill with what its order had traded by then, and what it had left."""

    fill: BookFill
    cumulative: Decimal
    leaves: Decimal


def kind_of(limit_price: Decimal | None, stop_price: Decimal | None) -> OrderKind:
    """Return the kind of order that has these prices."""
    if stop_price is None:
        return OrderKind.MARKET if limit_price is None else OrderKind.LIMIT
    return OrderKind.STOP if limit_price is None else OrderKind.STOP_LIMIT
