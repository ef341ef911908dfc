"""The closed union of facts: everything that ever happened, in the past tense, one class each.

A fact knows its stream and its meaning; the meaning gives the event id, so that storing it twice is
harmless.
Streams: `week-{week_id}` stages, `trade-{trade_id}` lifecycle, `account-{nickname}` legs and fills,
`llm-{week_id}` every call to a model.
"""

from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import ClassVar, Literal
from uuid import UUID

from broker.models import OrderStatus, PositionIntent, Side, VenueName
from council.model.base import Value
from council.model.checkpoint import Checkpoint
from council.model.decision import Decision
from council.model.market import MarketSnapshot
from council.model.pitch import Pitch
from council.model.research import PackName, ResearchPack
from council.model.review import Review
from council.model.ticket import LegName, Ticket

Mode = Literal["rehearsal", "live"]
Channel = Literal["cli", "web", "elicitation", "tool", "app_card", "demo"]
Trust = Literal["human_direct", "local_user", "client_relayed", "demo"]


class Fact(Value):
    """Something that happened in one week."""

    STREAM: ClassVar[str] = "week-{week_id}"
    MEANING: ClassVar[tuple[str, ...]] = ("week_id",)
    """Attributes that make the fact the same fact when it is stored again."""

    week_id: str

    @property
    def stream(self) -> str:
        """Return the stream that the fact belongs to."""
        return self.STREAM.format_map(dict(self))

    @property
    def meaning(self) -> tuple[object, ...]:
        """Return the values of `MEANING`, from which the event id is computed."""
        return tuple(attrgetter(name)(self) for name in self.MEANING)

    @property
    def about_account(self) -> str | None:
        """Return the nickname of the account that the fact is about, if it is about one."""
        return getattr(self, "account", None)


class WeekStarted(Fact):
    """A week began under one configuration; `models` names who is asked, by account and pack."""

    config_hash: str
    mode: Mode
    query: str | None
    models: dict[str, str]
    degraded: tuple[str, ...]


class StageCompleted(Fact):
    """A stage stored all its facts and is never run again."""

    stage: str

    MEANING: ClassVar[tuple[str, ...]] = ("week_id", "stage")


class SnapshotTaken(Fact):
    """The market table was frozen for the week."""

    snapshot: MarketSnapshot


class ResearchReceived(Fact):
    """A pack arrived; `failed_providers` says who was asked in vain before."""

    pack: ResearchPack
    failed_providers: tuple[str, ...] = ()

    MEANING: ClassVar[tuple[str, ...]] = ("week_id", "pack.pack")


class ResearchFailed(Fact):
    """No provider of a pack's chain could write it; the week goes on without."""

    pack: PackName
    reason: str

    MEANING: ClassVar[tuple[str, ...]] = ("week_id", "pack")


class PitchMade(Fact):
    """A portfolio manager pitched; `outcome` says whether its first answer was valid."""

    account: str
    pitch: Pitch
    outcome: Literal["valid", "repaired"]

    MEANING: ClassVar[tuple[str, ...]] = ("pitch.idea_id",)


class PitchAbstained(Fact):
    """A portfolio manager gave no valid pitch: a failure, never an opinion."""

    account: str
    model: str
    reason: str

    MEANING: ClassVar[tuple[str, ...]] = ("week_id", "account")


class ReviewMade(Fact):
    """A reviewer judged one pitch."""

    account: str
    review: Review

    MEANING: ClassVar[tuple[str, ...]] = ("review.review_id",)


class ReviewAbstained(Fact):
    """A reviewer gave no valid ballot."""

    account: str
    model: str
    reason: str

    MEANING: ClassVar[tuple[str, ...]] = ("week_id", "account")


class DecisionReached(Fact):
    """The chairman settled the council trade."""

    account: str
    decision: Decision
    outcome: Literal["valid", "repaired"]


class NoDecision(Fact):
    """The council trades nothing this week, and why."""

    account: str
    reason: str


class NoTicket(Fact):
    """A pitch or decision led to no trade, such as for an account that its venue refused."""

    account: str
    reason: str

    MEANING: ClassVar[tuple[str, ...]] = ("week_id", "account")


class CheckpointTaken(Fact):
    """An open trade was looked at."""

    account: str
    checkpoint: Checkpoint

    MEANING: ClassVar[tuple[str, ...]] = ("checkpoint.checkpoint_id",)


class CheckpointAbstained(Fact):
    """No valid answer came for an open trade: a failure, never an opinion; nothing is done."""

    account: str
    checkpoint_id: UUID
    slot: str
    model: str
    reason: str

    MEANING: ClassVar[tuple[str, ...]] = ("checkpoint_id",)


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

    MEANING: ClassVar[tuple[str, ...]] = ("trade_id", "digest")


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

    MEANING: ClassVar[tuple[str, ...]] = ("trade_id", "digest")


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
    """The order is over at the venue."""

    symbol: str
    status: OrderStatus | Literal["refused"]
    filled_quantity: int
    average_price: Decimal | None
    position_quantity: int


class ModelCalled(Fact):
    """One call to a model, whatever came of it; `answer` is its raw text, cleaned for storage."""

    call_id: UUID
    stage: str
    asked_by: str
    """The account or pack that the model spoke for."""
    requested_model: str
    served_model: str | None
    attempt: int
    outcome: Literal["answered", "unreachable", "timed_out", "refused", "garbled"]
    reason: str | None
    finish_reason: str | None
    prompt_hash: str
    answer: str | None
    answer_sha256: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: Decimal | None
    cost_source: Literal["provider", "estimate", "none"]
    latency_seconds: float

    STREAM: ClassVar[str] = "llm-{week_id}"
    MEANING: ClassVar[tuple[str, ...]] = ("call_id",)


FACTS: tuple[type[Fact], ...] = (
    WeekStarted,
    StageCompleted,
    SnapshotTaken,
    ResearchReceived,
    ResearchFailed,
    PitchMade,
    PitchAbstained,
    ReviewMade,
    ReviewAbstained,
    DecisionReached,
    NoDecision,
    NoTicket,
    CheckpointTaken,
    CheckpointAbstained,
    TradeProposed,
    TradeApproved,
    TradeRejected,
    TradeExpired,
    ApprovalVoided,
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
    ModelCalled,
)
"""Every kind of fact; an event of another kind was written by a newer version."""
