"""Lets the chairman settle the council's trade from anonymous pitches, reviews and the vote.

Without a quorum there is no decision, and a chairman that gives none is not replaced by a rule:
either way the council trades nothing this week, and the reason is stored.
"""

from dataclasses import replace

from config.schema import Config
from council.anonymise import anonymous_reviews, ballot_for, sealed_labels
from council.context import WeekContext
from council.events import DecisionReached, NoDecision
from council.fact import Fact
from council.llm.questions import chairman_question
from council.model.decision import Decision, DecisionAnswer
from council.model.pitch import Pitch
from council.ports import Abstained, Answered, Deps, Progress, Question
from council.voting import Standing, scoreboard


async def chairman(context: WeekContext, deps: Deps) -> tuple[Fact, ...]:
    """Return the decision, or why there is none."""
    account = deps.config.chairman.nickname
    if reason := _without_quorum(context, deps):
        return (_none(context, account, reason),)
    board = scoreboard(context.reviews, sealed_labels(context), week_id=context.week_id)
    reply = await deps.models.ask(decision_question(context, deps.config, board))
    if isinstance(reply, Abstained):
        deps.tell(Progress("chairman", f"{account} abstained: {reply.reason}", 1, 1))
        return (_none(context, account, f"the chairman gave no valid decision: {reply.reason}"),)
    decision = _decision(reply, context, deps, board=board)
    deps.tell(Progress("chairman", _said(decision), 1, 1))
    return (
        DecisionReached(
            week_id=context.week_id, account=account, decision=decision, outcome=reply.outcome
        ),
    )


def decision_question(
    context: WeekContext, config: Config, board: tuple[Standing, ...]
) -> Question[DecisionAnswer]:
    """Return what the chairman is asked: anonymous pitches and reviews, and the vote in `board`."""
    return chairman_question(
        replace(context, reviews=anonymous_reviews(context, config)),
        ballot_for(config.chairman.nickname, context, config),
        [standing.model_dump(mode="json") for standing in board],
        config,
    )


def _without_quorum(context: WeekContext, deps: Deps) -> str | None:
    limits, managers = deps.config.models.limits, len(deps.config.managers)
    pitches = len(context.pitches)
    if pitches < limits.quorum_pitches:
        return f"{pitches} of {managers} managers pitched and {limits.quorum_pitches} are needed"
    reviewers = len({review.reviewer for review in context.reviews})
    if reviewers < limits.quorum_reviews:
        return f"{reviewers} of {managers} managers reviewed and {limits.quorum_reviews} are needed"
    return None


def _none(context: WeekContext, account: str, reason: str) -> NoDecision:
    return NoDecision(week_id=context.week_id, account=account, reason=reason)


def _decision(
    reply: Answered[DecisionAnswer],
    context: WeekContext,
    deps: Deps,
    *,
    board: tuple[Standing, ...],
) -> Decision:
    """Return the decision with the vote beside it and the authors unsealed."""
    labels = sealed_labels(context)
    best = board[0].label
    return Decision(
        **dict(reply.answer),
        week_id=context.week_id,
        account=deps.config.chairman.nickname,
        model=reply.model,
        reached_at=deps.clock.now(),
        best_reviewed_label=best,
        overrides_vote=_differs(reply.answer, labels[best]),
        authors={label: pitch.account for label, pitch in labels.items()},
    )


def _differs(answer: DecisionAnswer, best: Pitch) -> bool:
    trade = answer.selected_trade
    return (trade.instrument, trade.direction) != (best.instrument, best.direction)


def _said(decision: Decision) -> str:
    trade = decision.selected_trade
    return f"{decision.account}: {trade.direction} {trade.instrument} at {decision.conviction:+}"
