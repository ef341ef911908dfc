"""The facts of trading: a trade's life in `trade-{trade_id}`, orders in `account-{nickname}`.

Part of the closed union in `council.events`.
"""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

from broker.models import OrderStatus, PositionIntent, Side, VenueName
from council.fact import Fact
from council.model.ticket import LegName, Ticket

Channel = Literal["cli", "web", "api", "elicitation", "tool", "app_card", "demo", "simulation"]
Trust = Literal["human_direct", "local_user", "client_relayed", "demo", "simulation"]
HaltChannel = Literal["cli", "web", "tool", "app_card", "demo", "file", "limit", "guard"]
"""Through what trading was halted: by a person or a model, by the halt file, or by itself."""


class TradeFact(Fact):
    """A step in the life of one trade."""

    trade_id: UUID
    account: str

    STREAM: ClassVar[str] = "trade-{trade_id}"
    MEANING: ClassVar[tuple[str, ...]] = ("trade_id",)


class TradeProposed(TradeFact):
    """A trade waits for a person; `round` counts how often it was asked, each with a new ticket."""

    model: str
    source_id: UUID | None
    """The pitch or checkpoint that it came from; None for the chairman's decision."""
    ticket: Ticket
    round: int = 1

    MEANING: ClassVar[tuple[str, ...]] = ("trade_id", "round")


class TradeApproved(TradeFact):
    """A person approved exactly the ticket with this digest."""

    digest: str
    approver: str
    channel: Channel
    trust: Trust
    round: int = 1
    """That of the proposal: a ticket that is asked again may be the same to the last digit."""

    MEANING: ClassVar[tuple[str, ...]] = ("trade_id", "round", "digest")


class TradeRejected(TradeFact):
    """A person rejected the trade."""

    reason: str
    approver: str
    channel: Channel


class TradeExpired(TradeFact):
    """Nobody decided in time."""

    expired_at: datetime


class ApprovalVoided(TradeFact):
    """An approval no longer holds, such as when the price left its band; nothing was sent."""

    digest: str
    reason: str
    round: int = 1

    MEANING: ClassVar[tuple[str, ...]] = ("trade_id", "round", "digest")


class ApprovalRevoked(TradeFact):
    """A person took the approval back before anything was sent; the next round asks again."""

    digest: str
    reason: str
    approver: str
    channel: Channel
    round: int = 1

    MEANING: ClassVar[tuple[str, ...]] = ("trade_id", "round", "digest")


class ExecutionStarted(TradeFact):
    """A leg of the approved ticket is about to be sent: from here on the approval stands."""

    client_order_id: str
    digest: str

    MEANING: ClassVar[tuple[str, ...]] = ("client_order_id",)


class TradeCompleted(TradeFact):
    """The position is what was approved."""

    position_quantity: int


class TradeIncomplete(TradeFact):
    """The trade ended short of its target; what was filled stays."""

    reason: str


class LegFact(Fact):
    """A step of one order, in its account's stream."""

    account: str
    trade_id: UUID
    client_order_id: str

    STREAM: ClassVar[str] = "account-{account}"
    MEANING: ClassVar[tuple[str, ...]] = ("client_order_id",)


class LegIntended(LegFact):
    """An order is about to be sent; from here on its body is frozen."""

    leg: LegName
    attempt: int
    venue: VenueName
    symbol: str
    side: Side
    quantity: int
    position_intent: PositionIntent
    start_quantity: int
    """The signed position in `symbol` before the order."""
    digest: str
    """Of the ticket that the order carries out."""


class SubmitAttempted(LegFact):
    """The order was about to leave for the `number`th time."""

    number: int

    MEANING: ClassVar[tuple[str, ...]] = ("client_order_id", "number")


class OrderAccepted(LegFact):
    """The venue has the order."""

    order_id: str


class OrderRefused(LegFact):
    """The venue refused the order."""

    code: int
    message: str


class SubmitUnknown(LegFact):
    """Nobody knows whether the venue has the order; it is asked before anything else."""

    number: int
    reason: str
    refused_code: int | None = None
    """The code of a refusal that is in doubt, because an earlier attempt may have arrived."""

    MEANING: ClassVar[tuple[str, ...]] = ("client_order_id", "number")


class OrderProgressed(LegFact):
    """The venue's view of the order changed; quantities are cumulative."""

    symbol: str
    status: OrderStatus
    filled_quantity: int
    average_price: Decimal | None
    position_quantity: int
    """The signed position that the fills so far leave."""

    MEANING: ClassVar[tuple[str, ...]] = ("client_order_id", "status", "filled_quantity")


class LegClosed(LegFact):
    """The order is over at the venue, or never reached it."""

    symbol: str
    status: OrderStatus | Literal["refused"]
    filled_quantity: int
    average_price: Decimal | None
    position_quantity: int
    reason: str | None = None
    """Why the order was given up by us; None where the end is the venue's own word."""


class CancelRequested(LegFact):
    """The venue is about to be asked to cancel the order."""

    reason: str


class AccountFact(Fact):
    """Something about an account as a whole, in the stream of its orders."""

    account: str

    STREAM: ClassVar[str] = "account-{account}"
    MEANING: ClassVar[tuple[str, ...]] = ("account", "number")


class AccountObserved(AccountFact):
    """What the account held when it was first looked at, there: that much is no drift."""

    number: int
    """Counts from 1 how often the account was seen at another venue or under another number."""
    venue: VenueName
    account_number: str
    positions: dict[str, int]
    """Signed whole shares by symbol, zero left out."""


class DriftDetected(AccountFact):
    """The venue shows what no order of ours explains: the instrument is frozen for the account."""

    number: int
    """Counts the account's drifts from 1."""
    symbol: str
    expected: int
    shown: int
    reason: str
    order_id: str | None = None
    """The venue's id of the order that is not as recorded, where an order gave it away."""


class DriftAccepted(AccountFact):
    """A person takes the position as it was shown by the drift with this number."""

    number: int
    symbol: str
    quantity: int
    approver: str
    channel: Channel


class TradingHalted(AccountFact):
    """The account sends no order any more; only cancels pass, and only a person resumes it."""

    number: int
    """Counts the account's halts from 1."""
    reason: str
    by: str
    channel: HaltChannel
    cancel_orders: bool = True
    """Whether orders under way are cancelled too."""


class TradingResumed(AccountFact):
    """A person ended the halt with this number."""

    number: int
    by: str
    channel: Channel


TRADE_FACTS: tuple[type[Fact], ...] = (
    TradeProposed,
    TradeApproved,
    TradeRejected,
    TradeExpired,
    ApprovalVoided,
    ApprovalRevoked,
    ExecutionStarted,
    TradeCompleted,
    TradeIncomplete,
    LegIntended,
    SubmitAttempted,
    OrderAccepted,
    OrderRefused,
    SubmitUnknown,
    OrderProgressed,
    LegClosed,
    CancelRequested,
    AccountObserved,
    DriftDetected,
    DriftAccepted,
    TradingHalted,
    TradingResumed,
)
"""Every kind of fact in this file."""
