"""From a week's context to the arguments for and against one of its trades: pure.

What models wrote is cleaned and cut here, so that a card has a bounded size whatever they wrote.
"""

from typing import Final

from council.anonymise import number_flags, sealed_labels
from council.context import WeekContext
from council.model.decision import Decision
from council.model.pitch import Pitch
from council.trade_facts import TradeProposed
from council.untrusted import clean_text
from council.voting import scoreboard
from mcp_server.apps.card_shapes import (
    ArgumentShape,
    IndicatorShape,
    ObjectionShape,
    VoteShape,
)

_SHORT_BYTES: Final = 300
_LONG_BYTES: Final = 1_200
_MOST: Final = 6
"""Of reviews, views and flags on one card."""


def argument_of(proposal: TradeProposed, context: WeekContext) -> ArgumentShape:
    """Return why the account's author wants the trade: its pitch, the decision, a checkpoint."""
    account, decision = proposal.account, context.decision
    pitch = context.pitch_of(account)
    argument = ArgumentShape()
    if pitch is not None:
        argument = _of_pitch(pitch, context)
    elif decision is not None and decision.account == account:
        argument = _of_decision(decision, context)
    looks = (taken.checkpoint for taken in context.checkpoints)
    asking = next((look for look in looks if look.checkpoint_id == proposal.source_id), None)
    if asking is None:
        return argument
    why = f"{asking.action} at the checkpoint of {asking.slot} New York: {asking.reason_delta}"
    return argument.model_copy(update={"source": "checkpoint", "reason": _short(why)})


def flags_of(account: str, context: WeekContext) -> tuple[str, ...]:
    """Return what a person should know of the argument's standing, a sentence each."""
    pitch, decision = context.pitch_of(account), context.decision
    if pitch is not None:
        numbers = context.snapshot.numbers() if context.snapshot else {}
        wrong = number_flags(pitch, numbers)[:_MOST]
        return tuple(f"A number in it is doubtful: {_short(flag)}." for flag in wrong)
    overruled = decision is not None and decision.account == account and decision.overrides_vote
    return ("The chairman chose against the reviewers' vote.",) if overruled else ()


def _of_pitch(pitch: Pitch, context: WeekContext) -> ArgumentShape:
    labels = {own.idea_id: label for label, own in sealed_labels(context).items()}
    return ArgumentShape(
        source="pitch",
        pitch_label=labels[pitch.idea_id],
        reason=_cut(pitch.choice_explanation, _LONG_BYTES),
        thesis=tuple(map(_short, pitch.thesis_bullets)),
        indicators=tuple(
            IndicatorShape(rule=str(rule), current=rule.current) for rule in pitch.indicators
        ),
        invalidation=_invalidation(pitch),
        plan=_cut(pitch.monitoring_plan, _LONG_BYTES),
        reviews=_objections(pitch, context),
    )


def _invalidation(pitch: Pitch) -> str:
    """Return the author's sentence, and after it the rule that a checkpoint reads."""
    rule = pitch.invalidation_rule
    sentence = _short(pitch.invalidation)
    return f"{sentence} [{rule}, was {rule.current:g}]" if rule else sentence


def _objections(pitch: Pitch, context: WeekContext) -> tuple[ObjectionShape, ...]:
    """Return the reviews of `pitch`, the harshest first: the order must not tell who wrote them."""
    own = [review for review in context.reviews if review.pitch_id == pitch.idea_id]
    harshest = sorted(own, key=lambda review: (review.scores.mean, review.best_argument_against))
    return tuple(
        ObjectionShape(
            label=f"Reviewer {number}",
            mean_score=round(review.scores.mean, 2),
            objection=_short(review.best_argument_against),
        )
        for number, review in enumerate(harshest[:_MOST], start=1)
    )


def _of_decision(decision: Decision, context: WeekContext) -> ArgumentShape:
    plan = decision.monitoring_plan
    return ArgumentShape(
        source="decision",
        reason=_cut(decision.rationale, _LONG_BYTES),
        plan=_cut(" ".join((*plan.checkpoints, *plan.watch_conditions)), _LONG_BYTES),
        votes=_votes(decision, context),
        dissent=tuple(
            _short(f"{view.label}: {view.view}") for view in decision.dissent_summary[:_MOST]
        ),
    )


def _votes(decision: Decision, context: WeekContext) -> tuple[VoteShape, ...]:
    """Return every pitch under its label, the best reviewed first."""
    labels, chosen = sealed_labels(context), decision.selected_trade
    board = scoreboard(context.reviews, labels, week_id=context.week_id)
    wanted = (chosen.direction, chosen.instrument)
    return tuple(
        VoteShape(
            label=standing.label,
            trade=f"{pitch.direction} {pitch.instrument}",
            mean_score=None if standing.mean_score is None else round(standing.mean_score, 2),
            agrees=(pitch.direction, pitch.instrument) == wanted,
        )
        for standing in board
        for pitch in (labels[standing.label],)
    )


def _short(text: str) -> str:
    return _cut(text, _SHORT_BYTES)


def _cut(text: str, most_bytes: int) -> str:
    """Return `text` cleaned, and cut at the end of a character where it is longer than that."""
    cleaned = clean_text(text)
    encoded = cleaned.encode()
    if len(encoded) <= most_bytes:
        return cleaned
    return f"{encoded[: most_bytes - 3].decode(errors='ignore')}…"
