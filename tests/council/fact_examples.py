"""One valid example of every kind of fact, in an order in which they could have happened."""

from decimal import Decimal
from typing import Any

from broker.models import OrderStatus, PositionIntent, Side, VenueName
from config.ids import client_order_id_for, meaning_id, trade_id_for
from council.ask_facts import (
    AnswerAbstained,
    AnswersRanked,
    QuestionAnswered,
    QuestionAsked,
    QuestionSettled,
    QuestionUnsettled,
    RankingAbstained,
)
from council.events import (
    FACTS,
    AnsweringModeFound,
    CheckpointAbstained,
    CheckpointTaken,
    DecisionReached,
    ModelCalled,
    NoDecision,
    NoTicket,
    PitchAbstained,
    PitchMade,
    ResearchFailed,
    ResearchReceived,
    ReviewAbstained,
    ReviewMade,
    SnapshotTaken,
    StageCompleted,
    WeekStarted,
)
from council.fact import Fact
from council.measure_facts import ManagerFellSilent, ModelDriftMeasured, ReviewBiasMeasured
from council.model.asking import FinalAnswer, MemberAnswer, RankedAnswer
from council.model.checkpoint import Action, Checkpoint, IndicatorReading
from council.model.measures import Drift, LongSilence, ReviewBias
from council.model.research import Report, Source
from council.research_facts import (
    ResearchAbandoned,
    ResearchIntended,
    ResearchReported,
    ResearchSubmitted,
)
from council.trade_facts import (
    AccountObserved,
    ApprovalRevoked,
    ApprovalVoided,
    CancelRequested,
    DriftAccepted,
    DriftDetected,
    ExecutionStarted,
    LegClosed,
    LegIntended,
    OrderAccepted,
    OrderProgressed,
    OrderRefused,
    SubmitAttempted,
    SubmitUnknown,
    TradeApproved,
    TradeCompleted,
    TradeExpired,
    TradeIncomplete,
    TradeProposed,
    TradeRejected,
    TradingHalted,
    TradingResumed,
)
from tests.builders import (
    CHAIRMAN,
    EXPIRES_AT,
    NOW,
    WEEK_ID,
    make_decision,
    make_pack,
    make_pitch,
    make_review,
    make_snapshot,
    make_ticket,
)
from tests.council.result_examples import result_facts
from tests.council.upkeep_examples import alerting_facts, run_facts, slot_facts, upkeep_facts

TRADE_ID = trade_id_for(WEEK_ID, "ALPHA")
ORDER_ID = client_order_id_for(TRADE_ID, "open", 1)
_TRADE: dict[str, Any] = {"week_id": WEEK_ID, "trade_id": TRADE_ID, "account": "ALPHA"}
_LEG: dict[str, Any] = {**_TRADE, "client_order_id": ORDER_ID}
_FILL: dict[str, Any] = {
    "symbol": "SPY",
    "filled_quantity": 500,
    "average_price": Decimal("100.5"),
    "position_quantity": 500,
}

_REPORT = Report(
    text="Growth holds [1].",
    model="sonar-deep-research",
    sources=(Source(title="The Fed", url="https://www.federalreserve.gov"),),
    prompt_tokens=2_000,
    completion_tokens=9_000,
    searches=30,
    cost_usd=Decimal("0.41"),
    cost_source="provider",
)


def make_checkpoint(**changes: Any) -> Checkpoint:
    """Return a checkpoint that stays, decided by rules."""
    reading = IndicatorReading(
        name="SPY.rsi_14", operator=">", threshold=70.0, current=55.5, now=None, crossed=False
    )
    fields: dict[str, Any] = {
        "checkpoint_id": meaning_id("checkpoint", WEEK_ID, "ALPHA", "09:00"),
        "week_id": WEEK_ID,
        "slot": "09:00",
        "taken_at": NOW,
        "account": "ALPHA",
        "trade_id": TRADE_ID,
        "action": Action.STAY,
        "conviction_before": Decimal(1),
        "conviction_after": Decimal("0.5"),
        "reason_delta": "Nothing crossed.",
        "indicators": (reading,),
        "invalidation": (
            reading.model_copy(update={"name": "SPY.close", "operator": "<", "now": 60.5}),
        ),
        "proxy_price_usd": "21.5",
        "event": "VIXY rose by 2.1 ATR since the week began",
        "profit_usd": "12.50",
        "decided_by": "rules",
        "model": None,
    }
    return Checkpoint.model_validate({**fields, **changes})


def make_call(**changes: Any) -> ModelCalled:
    """Return a call that was answered."""
    fields: dict[str, Any] = {
        "week_id": WEEK_ID,
        "call_id": meaning_id("call", WEEK_ID, "pitch", "ALPHA", 1),
        "stage": "pitch",
        "asked_by": "ALPHA",
        "requested_model": "vendor/model",
        "served_model": None,
        "attempt": 1,
        "outcome": "answered",
        "reason": None,
        "finish_reason": "stop",
        "prompt_hash": "0" * 64,
        "answer": "{}",
        "answer_sha256": "1" * 64,
        "prompt_tokens": 10,
        "completion_tokens": None,
        "cost_usd": Decimal("0.0012"),
        "cost_source": "provider",
        "latency_seconds": 0.25,
    }
    return ModelCalled.model_validate({**fields, **changes})


def deliberation_facts() -> tuple[Fact, ...]:
    """Return one example of every fact of the week's own stream."""
    week: dict[str, Any] = {"week_id": WEEK_ID}
    silent: dict[str, Any] = {**week, "model": "vendor/m", "reason": "no answer"}
    return (
        WeekStarted(
            **week,
            config_hash="c",
            mode="rehearsal",
            query=None,
            models={"ALPHA": "vendor/m"},
            degraded=("Rehearsal models answer.",),
        ),
        SnapshotTaken(**week, snapshot=make_snapshot()),
        StageCompleted(**week, stage="snapshot"),
        ResearchReceived(**week, pack=make_pack("A"), failed_providers=("sonar: no key",)),
        ResearchFailed(**week, pack="B", reason="no provider answered"),
        PitchMade(**week, account="ALPHA", pitch=make_pitch("ALPHA"), outcome="repaired"),
        PitchAbstained(**silent, account="BRAVO"),
        ReviewMade(**week, account="BRAVO", review=make_review()),
        ReviewAbstained(**silent, account="CHARLIE"),
        DecisionReached(**week, account=CHAIRMAN, decision=make_decision(), outcome="valid"),
        NoDecision(**week, account=CHAIRMAN, reason="2 of 5 managers pitched"),
        NoTicket(**week, account="BRAVO", reason="it abstained"),
        CheckpointTaken(**week, account="ALPHA", checkpoint=make_checkpoint()),
        CheckpointAbstained(
            **silent,
            account="ALPHA",
            slot="12:00",
            checkpoint_id=meaning_id("checkpoint", WEEK_ID, "ALPHA", "12:00"),
        ),
    )


def measured_facts() -> tuple[Fact, ...]:
    """Return one example of every measure of the models."""
    bias = ReviewBias(reviewer=None, reviews=20, position=-0.4, length=None, flagged=("position",))
    silence = LongSilence(account="BRAVO", weeks=2, since="2026-11-11", reason="no answer")
    return (
        ReviewBiasMeasured(week_id=WEEK_ID, pooled=bias, reviewers=()),
        ModelDriftMeasured(
            week_id=WEEK_ID,
            account="ALPHA",
            model="vendor/m",
            pitches=12,
            directions=Drift(distance=1.0, p_value=0.002),
            convictions=None,
            alarm=True,
            prompts_hash="0" * 64,
            changes=("model: vendor/l before, vendor/m now",),
        ),
        ManagerFellSilent(week_id=WEEK_ID, account="BRAVO", silence=silence),
    )


def research_facts() -> tuple[Fact, ...]:
    """Return one example of every fact about a job at a research service."""
    job: dict[str, Any] = {"week_id": WEEK_ID, "pack": "A", "provider": "perplexity", "attempt": 1}
    key = str(meaning_id("research", WEEK_ID, "A", 1))
    return (
        ResearchIntended(**job, model="m", idempotency_key=key, prompt_hash="0" * 64),
        ResearchSubmitted(**job, job_id="job-1", idempotency_key=key, submitted_at=NOW),
        ResearchReported(**job, report=_REPORT),
        ResearchAbandoned(**job, outcome="timed_out", reason="no report within 30 min"),
    )


def trading_facts() -> tuple[Fact, ...]:
    """Return one example of every other fact, the trade's and the order's ones of ALPHA."""
    ticket = make_ticket("ALPHA")
    return (
        TradeProposed(**_TRADE, model="vendor/m", source_id=None, ticket=ticket),
        TradeApproved(
            **_TRADE, digest=ticket.digest, approver="ann", channel="cli", trust="local_user"
        ),
        ApprovalVoided(**_TRADE, digest=ticket.digest, reason="the price left its band"),
        TradeRejected(**_TRADE, reason="too large", approver="ann", channel="web"),
        TradeExpired(**_TRADE, expired_at=EXPIRES_AT),
        ExecutionStarted(**_TRADE, client_order_id=ORDER_ID, digest=ticket.digest),
        LegIntended(
            **_LEG,
            leg="open",
            attempt=1,
            venue=VenueName.SIMULATED,
            symbol="SPY",
            side=Side.BUY,
            quantity=500,
            position_intent=PositionIntent.BUY_TO_OPEN,
            start_quantity=0,
            digest=ticket.digest,
        ),
        SubmitAttempted(**_LEG, number=1),
        SubmitUnknown(**_LEG, number=1, reason="the connection dropped"),
        OrderRefused(**_LEG, code=40310000, message="insufficient buying power"),
        OrderAccepted(**_LEG, order_id="order-1"),
        OrderProgressed(**_LEG, **_FILL, status=OrderStatus.PARTIALLY_FILLED),
        LegClosed(**_LEG, **_FILL, status=OrderStatus.FILLED),
        TradeIncomplete(**_TRADE, reason="the venue refused"),
        TradeCompleted(**_TRADE, position_quantity=500),
        ApprovalRevoked(
            **_TRADE, digest=ticket.digest, reason="changed my mind", approver="ann", channel="cli"
        ),
        CancelRequested(**_LEG, reason="a newer trade was approved"),
        make_call(),
        AnsweringModeFound(
            week_id=WEEK_ID, gateway="router.invalid", model="vendor/m", mode="json_object"
        ),
    )


def asking_facts() -> tuple[Fact, ...]:
    """Return one example of every fact about a question to the general council."""
    ask = {"week_id": WEEK_ID, "ask_id": "2026-11-18-0123456789"}
    who = {**ask, "account": "ALPHA", "model": "vendor/m", "prompt_hash": "ab" * 32}
    silent = {"reason": "no answer within 5 s", "outcome": "timed_out"}
    given = {"answer": "It depends.", "confidence": "low"}
    return (
        QuestionAsked(
            **ask,
            question="What is carry?",
            asked_on="2026-11-18",
            market_week=WEEK_ID,
            config_hash="cd" * 32,
            mode="rehearsal",
            degraded=(),
        ),
        QuestionAnswered(
            **who, label="A1", answer=MemberAnswer(**given, doubts=()), outcome="valid"
        ),
        AnswerAbstained(**{**who, "account": "BRAVO"}, **silent),
        AnswersRanked(
            **who, ranking=(RankedAnswer(label="A2", reason="It is right."),), outcome="valid"
        ),
        RankingAbstained(**{**who, "account": "BRAVO"}, **silent),
        QuestionSettled(**who, final=FinalAnswer(**given, dissent=()), outcome="valid"),
        QuestionUnsettled(**ask, account="BOARD", reason="no member gave a valid answer"),
    )


def guarding_facts() -> tuple[Fact, ...]:
    """Return one example of every fact about ALPHA's account as a whole."""
    account = {"week_id": WEEK_ID, "account": "ALPHA", "number": 1}
    return (
        AccountObserved(
            **account,
            venue=VenueName.SIMULATED,
            account_number="PA00000001",
            positions={"GLD": 12, "TLT": -30},
        ),
        DriftDetected(
            **account,
            symbol="SPY",
            expected=500,
            shown=480,
            reason="the venue shows 480 SPY where the fills leave 500",
        ),
        DriftAccepted(**account, symbol="SPY", quantity=480, approver="ann", channel="cli"),
        TradingHalted(**account, reason="looking into it", by="ann", channel="cli"),
        TradingResumed(**account, by="ann", channel="cli"),
    )


def every_fact() -> tuple[Fact, ...]:
    """Return one example of each of `FACTS`; a kind without one fails here."""
    examples = (
        *deliberation_facts(),
        *measured_facts(),
        *research_facts(),
        *trading_facts(),
        *guarding_facts(),
        *asking_facts(),
        *run_facts(),
        *alerting_facts(),
        *slot_facts(),
        *upkeep_facts(),
        *result_facts(),
    )
    without = set(FACTS) - {type(fact) for fact in examples}
    assert not without, f"write an example of {without}"
    return examples
