"""What is known of a week, as one immutable value folded from its facts.

The same fold serves a live run, a resume and a replay.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, cast
from uuid import UUID

from config.ids import meaning_id, trade_id_for
from council.analytics.model_drift import drift_sentence
from council.analytics.silence import silence_sentence
from council.events import (
    CheckpointTaken,
    DecisionReached,
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
from council.model.checkpoint import Action
from council.model.decision import Decision
from council.model.market import MarketSnapshot
from council.model.pitch import Pitch
from council.model.research import ResearchPack
from council.model.review import Review
from council.result_facts import PostmortemAbstained, PostmortemWritten
from council.trade_facts import TradeProposed
from council.untrusted import quoted


@dataclass(frozen=True, slots=True)
class WeekContext:
    """A week so far. A stage gets one and returns facts; folding these gives the next one.

    `version` is that of the week's stream; tuples are in the order in which the facts were stored.
    """

    week_id: str
    version: int = 0
    started: WeekStarted | None = None
    snapshot: MarketSnapshot | None = None
    packs: tuple[ResearchPack, ...] = ()
    second_hand: tuple[ResearchReceived, ...] = ()
    """Packs that not the first provider of their chain wrote."""
    failed_packs: tuple[ResearchFailed, ...] = ()
    pitches: tuple[Pitch, ...] = ()
    pitch_abstentions: tuple[PitchAbstained, ...] = ()
    reviews: tuple[Review, ...] = ()
    review_abstentions: tuple[ReviewAbstained, ...] = ()
    review_bias: ReviewBiasMeasured | None = None
    drifts: tuple[ModelDriftMeasured, ...] = ()
    silences: tuple[ManagerFellSilent, ...] = ()
    decision: Decision | None = None
    no_decision: NoDecision | None = None
    proposals: tuple[TradeProposed, ...] = ()
    without_ticket: tuple[NoTicket, ...] = ()
    checkpoints: tuple[CheckpointTaken, ...] = ()
    postmortem: PostmortemWritten | None = None
    postmortem_abstention: PostmortemAbstained | None = None
    """The first; whoever tries again stores no other."""
    completed: frozenset[str] = frozenset()

    @property
    def frozen_snapshot(self) -> MarketSnapshot:
        """Return the snapshot; only stages after it may ask."""
        if self.snapshot is None:
            raise ValueError(f"week {self.week_id} has no market snapshot yet")
        return self.snapshot

    def pitch_of(self, account: str) -> Pitch | None:
        """Return the pitch of `account`, or None where it abstained or was not asked yet."""
        return next((pitch for pitch in self.pitches if pitch.account == account), None)

    @property
    def trade_ids(self) -> tuple[tuple[str, UUID], ...]:
        """Return every (account, trade id) that the week can have, oldest first.

        That is one an account, and one of each checkpoint that changed something.
        """
        if "propose" not in self.completed:
            return ()
        authors = [pitch.account for pitch in self.pitches]
        authors += [self.decision.account] if self.decision else []
        own = [(account, trade_id_for(self.week_id, account)) for account in authors]
        return (*own, *self._checkpoint_trade_ids())

    def _checkpoint_trade_ids(self) -> tuple[tuple[str, UUID], ...]:
        return tuple(
            (
                taken.account,
                meaning_id("trade", self.week_id, taken.account, taken.checkpoint.checkpoint_id),
            )
            for taken in self.checkpoints
            if taken.checkpoint.action is not Action.STAY
        )

    @property
    def degraded(self) -> tuple[str, ...]:
        """Return how the week fell short of a full one, one sentence each.

        Reasons may hold what a model or a gateway said, so they stand in quotation marks.
        """
        start = self.started.degraded if self.started else ()
        notices = self.snapshot.notices if self.snapshot else ()
        return (
            *start,
            *notices,
            *(_second_hand_sentence(received) for received in self.second_hand),
            *(
                f"Research pack {gap.pack} is missing: {quoted(gap.reason)}."
                for gap in self.failed_packs
            ),
            *(
                f"{gap.account} abstained from pitching: {quoted(gap.reason)}."
                for gap in self.pitch_abstentions
            ),
            *(
                f"{gap.account} abstained from reviewing: {quoted(gap.reason)}."
                for gap in self.review_abstentions
            ),
            *(silence_sentence(found.silence) for found in self.silences),
            *(drift_sentence(found) for found in self.drifts if found.alarm),
            *(
                (f"No council trade: {quoted(self.no_decision.reason)}.",)
                if self.no_decision
                else ()
            ),
            *(f"{gap.account} gets no trade: {quoted(gap.reason)}." for gap in self.without_ticket),
        )


def _second_hand_sentence(received: ResearchReceived) -> str:
    pack, asked = received.pack, quoted("; ".join(received.failed_providers))
    return f"Research pack {pack.pack} is by {pack.research_source}, after {asked}."


_Fold = Callable[[WeekContext, Any], WeekContext]


def _grow(name: str, item: Callable[[Any], object]) -> _Fold:
    """Fold a fact by adding to the tuple called `name`."""
    return lambda context, fact: replace(
        context, **cast("dict[str, Any]", {name: (*getattr(context, name), item(fact))})
    )


def _put(name: str, item: Callable[[Any], object]) -> _Fold:
    """Fold a fact by setting the field called `name`."""
    return lambda context, fact: replace(context, **cast("dict[str, Any]", {name: item(fact)}))


def _complete(context: WeekContext, fact: StageCompleted) -> WeekContext:
    return replace(context, completed=context.completed | {fact.stage})


def _receive(context: WeekContext, fact: ResearchReceived) -> WeekContext:
    return replace(
        context,
        packs=(*context.packs, fact.pack),
        second_hand=(*context.second_hand, fact) if fact.failed_providers else context.second_hand,
    )


def _itself(fact: Fact) -> Fact:
    return fact


_FOLDS: dict[type[Fact], _Fold] = {
    WeekStarted: _put("started", _itself),
    SnapshotTaken: _put("snapshot", attrgetter("snapshot")),
    ResearchReceived: _receive,
    ResearchFailed: _grow("failed_packs", _itself),
    PitchMade: _grow("pitches", attrgetter("pitch")),
    PitchAbstained: _grow("pitch_abstentions", _itself),
    ReviewMade: _grow("reviews", attrgetter("review")),
    ReviewAbstained: _grow("review_abstentions", _itself),
    ReviewBiasMeasured: _put("review_bias", _itself),
    ModelDriftMeasured: _grow("drifts", _itself),
    ManagerFellSilent: _grow("silences", _itself),
    DecisionReached: _put("decision", attrgetter("decision")),
    NoDecision: _put("no_decision", _itself),
    TradeProposed: _grow("proposals", _itself),
    NoTicket: _grow("without_ticket", _itself),
    CheckpointTaken: _grow("checkpoints", _itself),
    PostmortemWritten: _put("postmortem", _itself),
    PostmortemAbstained: _put("postmortem_abstention", _itself),
    StageCompleted: _complete,
}


def fold(context: WeekContext, facts: Iterable[Fact]) -> WeekContext:
    """Return `context` with `facts` in it; facts that say nothing of the stages pass by."""
    for fact in facts:
        step = _FOLDS.get(type(fact))
        context = step(context, fact) if step else context
        if fact.stream == f"week-{context.week_id}":
            context = replace(context, version=context.version + 1)
    return context
