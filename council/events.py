"""The closed union of facts: everything that ever happened, in the past tense, one class each.

Streams: `week-{week_id}` stages, `llm-{week_id}` every call to a model. The facts of
`trade-{trade_id}` (lifecycle) and `account-{nickname}` (legs, fills) are in `council.trade_facts`,
those of `research-{week_id}` (jobs at research services) in `council.research_facts`, those of
`ask-{ask_id}` (questions to the general council) in `council.ask_facts`, those of
`request-{run_id}` (what was asked to run) in `council.run_facts`, those of `marks-{week_id}` and
`equity-{account}` (what came of it) in `council.result_facts`, those of `alerts` (what the owner
was told) in `council.alert_facts`, those of `slots-{week_id}` (scheduled work) in
`council.slot_facts`, those of `upkeep` (the chain, backups) in `council.upkeep_facts`.
"""

from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

from council.alert_facts import ALERT_FACTS
from council.ask_facts import ASK_FACTS
from council.fact import Fact
from council.measure_facts import MEASURE_FACTS
from council.model.checkpoint import Checkpoint
from council.model.decision import Decision
from council.model.market import MarketSnapshot
from council.model.pitch import Pitch
from council.model.postmortem import OfferedLesson
from council.model.research import PackName, ResearchPack
from council.model.review import Review
from council.research_facts import RESEARCH_FACTS
from council.result_facts import RESULT_FACTS
from council.run_facts import RUN_FACTS
from council.slot_facts import SLOT_FACTS
from council.trade_facts import TRADE_FACTS
from council.upkeep_facts import UPKEEP_FACTS

Mode = Literal["rehearsal", "live"]
Silence = Literal["invalid", "refused", "truncated", "timed_out", "unreachable", "over_budget"]
"""How a model failed to give a valid answer; over budget, it was not asked."""
AnswerMode = Literal["strict", "json_object", "prompt_only"]
"""How the shape of an answer was asked for: by a strict schema, as any JSON, by words alone."""
CostSource = Literal["provider", "estimate", "none", "cache"]
"""Who says what a call cost: who was paid, a price table, or nobody.

From the cache came what an earlier call had been answered: nobody was asked, and it cost 0."""


class WeekStarted(Fact):
    """A week began under one configuration; `models` names who is asked, by account and pack.

    `lessons` of earlier weeks are shown to the managers, the best supported first.
    """

    config_hash: str
    mode: Mode
    query: str | None
    models: dict[str, str]
    degraded: tuple[str, ...]
    lessons: tuple[OfferedLesson, ...] = ()


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
    """No provider of a pack's chain could write it; `outcome` is that of the last one asked."""

    pack: PackName
    reason: str
    outcome: Silence | None = None

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
    outcome: Silence | None = None

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
    outcome: Silence | None = None

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


class ModelCalled(Fact):
    """One call to a model, whatever came of it; `answer` is its raw text, cleaned for storage.

    Where the policy keeps raw answers for a time only, it is None: the text lies beside the log,
    under `answer_sha256`, as long as it is kept.
    """

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
    cost_source: CostSource
    latency_seconds: float
    mode: AnswerMode | None = None
    """None in weeks that were recorded before modes were."""
    reserved_usd: Decimal | None = None
    """What was set aside for the call; it counts against the caps where the cost is unknown."""

    STREAM: ClassVar[str] = "llm-{week_id}"
    MEANING: ClassVar[tuple[str, ...]] = ("call_id",)


class AnsweringModeFound(Fact):
    """A model behind `gateway` (its host) answered in a mode that is not the first to be tried."""

    gateway: str
    model: str
    mode: AnswerMode

    STREAM: ClassVar[str] = "llm-modes"
    MEANING: ClassVar[tuple[str, ...]] = ("week_id", "gateway", "model", "mode")


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
    ModelCalled,
    AnsweringModeFound,
    *RESEARCH_FACTS,
    *ASK_FACTS,
    *RUN_FACTS,
    *MEASURE_FACTS,
    *RESULT_FACTS,
    *TRADE_FACTS,
    *ALERT_FACTS,
    *SLOT_FACTS,
    *UPKEEP_FACTS,
)
"""Every kind of fact; an event of another kind was written by a newer version."""
