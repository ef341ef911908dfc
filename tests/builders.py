"""Valid values of everything the council says, each with defaults that a test may override."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from broker.models import PositionIntent, Side, VenueName
from config.ids import meaning_id, trade_id_for
from config.model_schema import CallLimits, ModelConfig, ModelsFile, ResearchPackConfig
from config.schema import (
    AccountConfig,
    ApprovalConfig,
    AssetsFile,
    Config,
    ConvictionRow,
    InstrumentConfig,
    RiskFile,
    Role,
    ScheduleFile,
    SizingPolicy,
)
from council.model.base import Direction, Horizon
from council.model.decision import Decision as CouncilDecision
from council.model.decision import DecisionAnswer, Dissent, MonitoringPlan, SelectedTrade
from council.model.market import INDICATOR_NAMES, InstrumentSnapshot, MarketSnapshot
from council.model.pitch import (
    Bucket,
    FrozenIndicator,
    IndicatorRule,
    Pitch,
    PitchAnswer,
    RankedInstrument,
)
from council.model.research import (
    ConfidenceNotes,
    ConsensusMap,
    MacroRegime,
    Narrative,
    RankedView,
    ResearchAnswer,
    ResearchPack,
    Source,
    TradableCandidate,
)
from council.model.review import BallotAnswer, Review, ReviewAnswer, Scores
from council.model.ticket import Ticket, TicketLeg

WEEK_ID = "2026-11-18"
NOW = datetime(2026, 11, 18, 13, 5, tzinfo=UTC)
"""Wednesday of the week, 08:05 in New York."""
EXPIRES_AT = datetime(2026, 11, 24, 20, 30, tzinfo=UTC)
"""Tuesday 15:30 in New York: the week's last entry."""
LAST_SESSION_ON = date(2026, 11, 17)

MANAGERS = ("ALPHA", "BRAVO", "CHARLIE", "DELTA", "ECHO")
CHAIRMAN = "BOARD"
UNIVERSE = ("SPY", "QQQ", "IWM", "TLT", "IEF", "HYG", "LQD", "UUP", "GLD", "USO")
REHEARSALS = ("momentum", "mean-reversion", "volatility-regime", "trend", "carry")
CRITERIA = tuple(Scores.model_fields)

_LIMITS = {
    "call_timeout_seconds": 5,
    "stage_timeout_seconds": 30,
    "attempts": 2,
    "quorum_pitches": 3,
    "quorum_reviews": 3,
}
_SHARES = ("0", "0.25", "0.5", "0.75", "0", "0.75", "0.5", "0.25", "0.1")


def make_config(
    *,
    managers: Sequence[str] = MANAGERS,
    universe: Sequence[str] = UNIVERSE,
    content_hash: str = "config-1",
    **limits: float,
) -> Config:
    """Return a whole configuration; `limits` override those of the calls and the quorums."""
    roles = [(nickname, Role.PORTFOLIO_MANAGER) for nickname in managers]
    accounts = [*roles, (CHAIRMAN, Role.CHAIRMAN)]
    return Config(
        accounts=tuple(
            AccountConfig(nickname=nickname, account_number=f"PA{index:08d}", role=role)
            for index, (nickname, role) in enumerate(accounts, start=1)
        ),
        assets=AssetsFile(
            instruments=tuple(
                InstrumentConfig(symbol=symbol, asset_class=f"class of {symbol}", name=symbol)
                for symbol in universe
            ),
            volatility_proxy="VIXY",
        ),
        models=_models(managers, limits),
        schedule=ScheduleFile(
            week_starts=time(8),
            checkpoints=(time(9), time(12), time(14), time(15, 50)),
            last_entry=time(15, 30),
        ),
        risk=make_risk(),
        content_hash=content_hash,
    )


def _models(managers: Sequence[str], limits: dict[str, float]) -> ModelsFile:
    named = [
        (nickname, f"vendor-{index}/model-{index}", REHEARSALS[index % len(REHEARSALS)])
        for index, nickname in enumerate(managers)
    ]
    return ModelsFile(
        accounts={
            nickname: ModelConfig(model=model, rehearsal=f"rehearsal/{rehearsal}")
            for nickname, model, rehearsal in (
                *named,
                (CHAIRMAN, "vendor-9/model-9", "chairman"),
            )
        },
        research=(
            ResearchPackConfig(pack="A", model="vendor-0/model-0", rehearsal="rehearsal/research"),
            ResearchPackConfig(pack="B", model="vendor-4/model-4", rehearsal="rehearsal/research"),
        ),
        limits=CallLimits.model_validate({**_LIMITS, **limits}),
    )


def make_risk(**changes: Any) -> RiskFile:
    """Return the owner's sizing table with conversational approval and a band of 2 %."""
    table = tuple(
        ConvictionRow(conviction=Decimal(step) / 2, share=Decimal(share))
        for step, share in zip(range(-4, 5), _SHARES, strict=True)
    )
    fields: dict[str, Any] = {
        "sizing_policy": SizingPolicy.CONVICTION_TABLE,
        "conviction_table": table,
        "linear_share_per_unit": Decimal("0.25"),
        "approval": ApprovalConfig(price_band=Decimal("0.02")),
    }
    return RiskFile.model_validate({**fields, **changes})


def make_instrument(symbol: str = "SPY", **changes: Any) -> InstrumentSnapshot:
    """Return one line of the market table with every indicator known."""
    fields: dict[str, Any] = {
        "symbol": symbol,
        "asset_class": f"class of {symbol}",
        "last_close": Decimal("100.25"),
        "last_session_on": LAST_SESSION_ON,
        "indicators": {name: 0.01 * (i + 1) for i, name in enumerate(INDICATOR_NAMES)},
    }
    return InstrumentSnapshot.model_validate({**fields, **changes})


def make_snapshot(*, universe: Sequence[str] = UNIVERSE, **changes: Any) -> MarketSnapshot:
    """Return a market table in which every instrument of `universe` has prices."""
    fields: dict[str, Any] = {
        "week_id": WEEK_ID,
        "as_of_at": NOW,
        "source": "synthetic",
        "instruments": tuple(make_instrument(symbol) for symbol in universe),
        "volatility_proxy": make_instrument("VIXY", asset_class="volatility"),
        "without_prices": (),
        "notices": (),
        "content_hash": "0" * 64,
    }
    return MarketSnapshot.model_validate({**fields, **changes})


def make_ranking(
    *, best: str | None = None, universe: Sequence[str] = UNIVERSE
) -> tuple[RankedInstrument, ...]:
    """Return a ranking of the whole `universe` with `best` first."""
    listed = sorted(universe, key=lambda symbol: symbol != best)
    return tuple(
        RankedInstrument(instrument=symbol, rank=rank, bucket=Bucket.NEUTRAL)
        for rank, symbol in enumerate(listed, start=1)
    )


def make_pitch_answer(**changes: Any) -> PitchAnswer:
    """Return a valid pitch as a model gives it: LONG SPY at conviction 1."""
    instrument = changes.get("instrument", "SPY")
    fields: dict[str, Any] = {
        "instrument": instrument,
        "direction": Direction.LONG,
        "horizon": Horizon.ONE_WEEK,
        "conviction": Decimal(1),
        "thesis_bullets": ("The return over 20 sessions is positive.",),
        "indicators": (IndicatorRule(name=f"{instrument}.rsi_14", operator=">", threshold=70.0),),
        "invalidation": "A close below the average of 50 sessions.",
        "ranking": make_ranking(best=instrument),
        "choice_explanation": "",
        "monitoring_plan": "Watch the frozen indicators at each checkpoint.",
    }
    return PitchAnswer.model_validate({**fields, **changes})


def make_pitch(account: str = "ALPHA", **changes: Any) -> Pitch:
    """Return the stored pitch of `account`; see `make_pitch_answer`."""
    own = {"idea_id", "week_id", "model", "made_at", "indicators", "invalidation_rule"}
    answer = make_pitch_answer(**{k: v for k, v in changes.items() if k not in own})
    week_id = changes.get("week_id", WEEK_ID)
    fields: dict[str, Any] = {
        **answer.model_dump(),
        "idea_id": meaning_id("pitch", week_id, account),
        "week_id": WEEK_ID,
        "account": account,
        "model": f"vendor/model-of-{account.lower()}",
        "made_at": NOW,
        "indicators": (
            FrozenIndicator(
                name=f"{answer.instrument}.rsi_14", operator=">", threshold=70.0, current=55.5
            ),
        ),
    }
    return Pitch.model_validate({**fields, **changes})


def make_scores(score: int = 7, **changes: int) -> Scores:
    """Return the nine scores, all `score` but those in `changes`."""
    return Scores.model_validate({**dict.fromkeys(CRITERIA, score), **changes})


def make_review_answer(label: str = "P1", **changes: Any) -> ReviewAnswer:
    """Return one review of the pitch called `label`."""
    fields: dict[str, Any] = {
        "label": label,
        "scores": make_scores(),
        "best_argument_against": "The move is already priced.",
        "one_flip_condition": "A close below the average of 50 sessions.",
        "suggested_fix": "Wait for the report.",
    }
    return ReviewAnswer.model_validate({**fields, **changes})


def make_ballot_answer(labels: Sequence[str] = ("P1",), *, score: int = 7) -> BallotAnswer:
    """Return one review for each of `labels`."""
    scores = make_scores(score)
    return BallotAnswer(reviews=tuple(make_review_answer(label, scores=scores) for label in labels))


def make_review(reviewer: str = "BRAVO", author: str = "ALPHA", **changes: Any) -> Review:
    """Return the stored review that `reviewer` gave the pitch of `author`."""
    fields: dict[str, Any] = {
        **make_review_answer().model_dump(exclude={"label"}),
        "review_id": meaning_id("review", WEEK_ID, reviewer, author),
        "week_id": WEEK_ID,
        "pitch_id": meaning_id("pitch", WEEK_ID, author),
        "reviewer": reviewer,
        "reviewer_model": f"vendor/model-of-{reviewer.lower()}",
        "anonymized_pitch_id": "P1",
        "display_index": 0,
        "made_at": NOW,
    }
    return Review.model_validate({**fields, **changes})


def make_decision_answer(**changes: Any) -> DecisionAnswer:
    """Return the chairman's answer: LONG SPY at conviction 1, nobody dissents."""
    instrument = changes.pop("instrument", "SPY")
    direction = changes.pop("direction", Direction.LONG)
    fields: dict[str, Any] = {
        "selected_trade": SelectedTrade(
            instrument=instrument, direction=direction, horizon=Horizon.ONE_WEEK
        ),
        "conviction": Decimal(direction.sign),
        "rationale": "The best-reviewed pitch holds against its kill shot.",
        "dissent_summary": (),
        "monitoring_plan": MonitoringPlan(
            checkpoints=("Every day at noon.",),
            key_indicators=(f"{instrument}.rsi_14",),
            watch_conditions=("A close below the average of 50 sessions.",),
        ),
    }
    return DecisionAnswer.model_validate({**fields, **changes})


def make_decision(**changes: Any) -> CouncilDecision:
    """Return the stored decision of the chairman."""
    own = {"week_id", "account", "model", "reached_at", "best_reviewed_label"}
    own |= {"overrides_vote", "authors"}
    answer = make_decision_answer(**{k: v for k, v in changes.items() if k not in own})
    fields: dict[str, Any] = {
        **answer.model_dump(),
        "dissent_summary": (Dissent(label="P2", view="Bonds would pay better."),),
        "week_id": WEEK_ID,
        "account": CHAIRMAN,
        "model": "vendor-9/model-9",
        "reached_at": NOW,
        "best_reviewed_label": "P1",
        "overrides_vote": False,
        "authors": {"P1": "ALPHA", "P2": "BRAVO"},
    }
    kept = {k: v for k, v in changes.items() if k not in {"instrument", "direction"}}
    return CouncilDecision.model_validate({**fields, **kept})


def make_ticket(account: str = "ALPHA", **changes: Any) -> Ticket:
    """Return a sealed ticket: buy 500 SPY at about 100 dollars from no position."""
    fields: dict[str, Any] = {
        "trade_id": trade_id_for(WEEK_ID, account),
        "week_id": WEEK_ID,
        "account": account,
        "account_number": "PA00000001",
        "venue": VenueName.SIMULATED,
        "instrument": "SPY",
        "direction": Direction.LONG,
        "conviction": Decimal(1),
        "equity_usd": Decimal(100_000),
        "equity_share": Decimal("0.5"),
        "target_quantity": 500,
        "notional_usd": Decimal(50_000),
        "reference_price": Decimal(100),
        "lowest_price": Decimal(98),
        "highest_price": Decimal(102),
        "legs": (make_leg(),),
        "expires_at": EXPIRES_AT,
    }
    return Ticket.sealed(**{**fields, **changes})


def make_lasting_ticket(account: str, **changes: Any) -> Ticket:
    """Return a ticket that can be approved now, by the machine's clock."""
    return make_ticket(account, expires_at=datetime.now(UTC) + timedelta(days=1), **changes)


def make_leg(**changes: Any) -> TicketLeg:
    """Return the leg that buys 500 SPY to open."""
    fields: dict[str, Any] = {
        "leg": "open",
        "symbol": "SPY",
        "side": Side.BUY,
        "quantity": 500,
        "position_intent": PositionIntent.BUY_TO_OPEN,
    }
    return TicketLeg.model_validate({**fields, **changes})


def make_research_answer(**changes: Any) -> ResearchAnswer:
    """Return what a research provider writes."""
    fields: dict[str, Any] = {
        "macro_regime": MacroRegime(
            risk_mode="risk_on",
            rates_impulse="flat",
            usd_impulse="down",
            inflation_impulse="flat",
            growth_impulse="up",
        ),
        "top_narratives": (
            Narrative(
                name="Soft landing",
                why_it_moves_prices_this_week="The minutes come out.",
                key_catalysts_next_7d=("The minutes on Thursday",),
                what_would_falsify_it="A jump in claims.",
            ),
        ),
        "consensus_map": ConsensusMap(
            street_consensus="Growth holds.",
            positioning_guess="Long equities.",
            what_market_is_priced_for="Two cuts.",
            what_would_surprise="A hike.",
        ),
        "tradable_candidates": (
            TradableCandidate(
                instrument="SPY",
                directional_bias=Direction.LONG,
                one_week_thesis="Breadth improves.",
                primary_risks=("A hot print",),
                watch_indicators=("SPY.rsi_14",),
                invalidation_rule="A close below the average of 50 sessions.",
            ),
        ),
        "instrument_ranking": tuple(
            RankedView(instrument=symbol, rank=rank, reason="By momentum.")
            for rank, symbol in enumerate(UNIVERSE, start=1)
        ),
        "event_calendar_next_7d": (),
        "confidence_notes": ConfidenceNotes(known_unknowns=(), data_quality_flags=()),
    }
    return ResearchAnswer.model_validate({**fields, **changes})


def make_pack(pack: str = "A", **changes: Any) -> ResearchPack:
    """Return the research pack called `pack`."""
    fields: dict[str, Any] = {
        **make_research_answer().model_dump(),
        "week_id": WEEK_ID,
        "pack": pack,
        "asof_et": NOW,
        "research_source": "prompted:rehearsal/research",
        "model": "rehearsal/research",
        "sources": (Source(title="The Fed", url="https://www.federalreserve.gov"),),
    }
    return ResearchPack.model_validate({**fields, **changes})
