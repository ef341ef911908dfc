"""The JSON that other programs rely on: one closed model a shape, money and quantities as numbers.

The command line prints them with `--json`, the MCP tools build their answers from them. Fields may
be added, never renamed or removed.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """The base of every shape: frozen and closed."""

    # Built at first use: a command uses few of them and would wait for all.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class LegShape(Shape):
    """One order of a trade; `client_order_id` and prices are null until it is sent."""

    leg: str
    side: str
    quantity: int
    symbol: str
    client_order_id: str | None
    status: str
    """`planned` until it is sent, then the venue's word."""
    filled_quantity: int
    average_price: float | None


class TradeShape(Shape):
    """A trade from its ticket to its fills; `quantity` is the signed position that it aims at."""

    trade_id: str
    week_id: str
    account: str
    venue: str
    model: str
    instrument: str
    direction: str
    conviction: float
    status: str
    quantity: int
    notional_usd: float
    reference_price: float
    lowest_price: float
    highest_price: float
    equity_share: float
    confirmation: str
    digest: str
    expires_at: datetime
    legs: tuple[LegShape, ...]
    approver: str | None
    approval_channel: str | None
    approval_trust: str | None
    approval_timestamp: datetime | None
    execution_timestamp: datetime | None
    rejection_reason: str | None


class TradesShape(Shape):
    """A list of trades; `degraded` says first what stands still."""

    degraded: tuple[str, ...] = ()
    trades: tuple[TradeShape, ...]


class ResultShape(Shape):
    """What became of one approval or rejection."""

    trade_id: str
    status: str
    message: str


class ResultsShape(Shape):
    """What became of each id that was given, in order."""

    results: tuple[ResultShape, ...]


class PackShape(Shape):
    """Which provider wrote a research pack."""

    pack: str
    source: str
    model: str
    risk_mode: str
    narratives: tuple[str, ...]
    sources: int


class PitchShape(Shape):
    """One portfolio manager's pitch; instrument to conviction are null where it abstained."""

    account: str
    model: str
    instrument: str | None
    direction: str | None
    conviction: float | None
    status: str
    """`valid` at once, `repaired` at the second try, or `abstained`."""
    thesis: tuple[str, ...]
    number_flags: tuple[str, ...] = ()
    """What it cites otherwise than the market table has it."""


class DecisionShape(Shape):
    """What the chairman chose, and what it overruled (the label's author, then the view)."""

    instrument: str
    direction: str
    conviction: float
    model: str
    rationale: str
    dissent: tuple[str, ...]
    overrides_vote: bool


class ScoreShape(Shape):
    """One cell of the review matrix: the mean of nine scores from 1 to 10."""

    reviewer: str | None
    """Null until the chairman is done."""
    label: str
    author: str | None
    """Whose pitch the label hid; null until the chairman is done, and no reviewer ever saw it."""
    mean_score: float
    best_argument_against: str


class BiasShape(Shape):
    """Pearson correlations of a reviewer's mean scores (null: of all reviewers) with two accidents.

    `flagged` names those beyond 0.3 either way; null where there are too few reviews.
    """

    reviewer: str | None
    reviews: int
    position: float | None
    length: float | None
    flagged: tuple[str, ...]


class DriftShape(Shape):
    """How far a manager's last four pitches are from those before; null for too few of them.

    Distances are total variations from 0 to 1; `changes` are what else was new that week.
    """

    account: str
    model: str
    pitches: int
    needed: int
    direction_distance: float | None
    direction_p_value: float | None
    conviction_distance: float | None
    conviction_p_value: float | None
    alarm: bool
    changes: tuple[str, ...]


class WeekShape(Shape):
    """A week as far as it has come; `run-weekly` prints it."""

    week_id: str
    mode: str
    venue: str
    degraded: tuple[str, ...]
    state: Literal["not_started", "unfinished", "finished"]
    completed: tuple[str, ...]
    research: tuple[PackShape, ...]
    pitches: tuple[PitchShape, ...]
    reviews: int
    scores: tuple[ScoreShape, ...]
    review_bias: tuple[BiasShape, ...]
    """All reviewers together first."""
    drift: tuple[DriftShape, ...]
    measured: tuple[str, ...]
    """What bias and drift say, one sentence each."""
    decision: DecisionShape | None
    trades: tuple[TradeShape, ...]
    cost_usd: float | None
    """Null where the cost of a call is unknown, never 0 for that."""
    cost_known_usd: float
    cost_unknown_calls: int
    """Calls that may have been billed, nobody says how much."""


class HoldingShape(Shape):
    """A position that is held now; a short one has a negative quantity."""

    instrument: str
    quantity: float
    market_value_usd: float
    unrealized_profit_usd: float


class HaltShape(Shape):
    """A halt in force: who halted trading, through what, since when and why."""

    reason: str
    by: str
    channel: str
    at: datetime


class FreezeShape(Shape):
    """A drift that nobody has accepted: the account may not trade the instrument meanwhile.

    `expected` is the signed position by the record, `shown` that of the venue.
    """

    instrument: str
    expected: int
    shown: int
    reason: str
    number: int
    at: datetime


class AccountShape(Shape):
    """One account at its venue; figures are null where the venue refused or did not answer."""

    account: str
    venue: str
    account_number: str
    equity_usd: float | None
    position: HoldingShape | None
    positions: tuple[HoldingShape, ...]
    problem: str | None
    halted: HaltShape | None
    frozen: tuple[FreezeShape, ...]


class WeekStatusShape(Shape):
    """Where the week in force stands."""

    week_id: str
    state: str
    completed: tuple[str, ...]
    starts_at: datetime
    last_entry_at: datetime
    ends_at: datetime


class StatusShape(Shape):
    """Everything at a glance."""

    mode: str
    venue: str
    degraded: tuple[str, ...]
    approval_mode: str
    halted: bool
    """Whether any account is halted or the halt file exists; `accounts` says which and why."""
    halt_file: str | None
    """The reason in the halt file, null where there is none."""
    database: Literal["embedded", "external"]
    at: datetime
    accounts: tuple[AccountShape, ...]
    week: WeekStatusShape
    pending: int
    approved: int
    """Trades that were approved and whose orders are not filled yet."""
    market_opens_at: datetime | None
    """When approved orders can be sent; null where they can be sent now."""
    measured: tuple[str, ...] = ()
    """Whether the models drift, by the newest week."""


class ExecutionShape(Shape):
    """What the executor did for each account, and the trades as they stand now."""

    venue: str
    results: tuple["AccountResultShape", ...]
    trades: tuple[TradeShape, ...]


class AccountResultShape(Shape):
    """One account's part of an execution."""

    account: str
    status: str
    message: str


class CheckpointShape(Shape):
    """One account's checkpoint."""

    account: str
    slot: str
    action: str
    conviction_before: float
    conviction_after: float
    reason_delta: str
    decided_by: str
    invalidation_met: bool = False
    event: str | None = None
    """What happened to the whole market, so that every model was asked; null for nothing."""
    profit_usd: float
    trade_id: str | None
    """The pending trade that the action asks for; null for STAY."""


class CheckpointsShape(Shape):
    """The checkpoints of one slot or more."""

    week_id: str
    mode: str
    venue: str
    degraded: tuple[str, ...]
    checkpoints: tuple[CheckpointShape, ...]
    trades: tuple[TradeShape, ...]
    notices: tuple[str, ...] = ()
    """Slots that were passed over or taken late, and what was marked at the close."""


class EventShape(Shape):
    """One stored event."""

    position: int
    stream: str
    version: int
    event_id: str
    event_type: str
    week_id: str | None
    account_id: str | None
    timestamp: datetime
    payload: dict[str, Any]
    parent_event_id: str | None


class CheckShape(Shape):
    """One line of the doctor: what was looked at, what was found, and the command that mends it."""

    check: str
    result: Literal["ok", "warn", "fail"]
    message: str
    mend: str | None = None


class DatabaseShape(Shape):
    """What a command on the database found: how many events, and the first damaged position."""

    database: str
    ok: bool
    events: int
    bad_position: int | None
    message: str


class DoctorShape(Shape):
    """The doctor's findings; `healthy` is false where any check failed."""

    healthy: bool
    checks: tuple[CheckShape, ...]


class ExchangeKeyShape(Shape):
    """One account of the simulated exchange and the key that opens it."""

    account: str
    account_number: str
    key_id: str


class ExchangeShape(Shape):
    """Where the simulated exchange listens; `secret_key` is the same for every account."""

    address: str
    prices: str
    secret_key: str
    keys: tuple[ExchangeKeyShape, ...]
    notices: tuple[str, ...] = ()
