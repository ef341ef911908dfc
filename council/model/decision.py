"""The chairman's decision: one council trade, its reasons, and the dissent that it overrules."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated

from pydantic import Field

from council.model.base import (
    Conviction,
    Direction,
    Horizon,
    LongText,
    ShortText,
    Value,
    conviction_disagreement,
)


class SelectedTrade(Value):
    """What the council account is to hold."""

    instrument: str
    direction: Direction
    horizon: Horizon


class Dissent(Value):
    """A minority view that the chairman overruled, under the label that it was read by."""

    label: str
    view: ShortText


class MonitoringPlan(Value):
    """What the checkpoints should look at."""

    checkpoints: Annotated[tuple[ShortText, ...], Field(max_length=6)]
    key_indicators: Annotated[tuple[ShortText, ...], Field(max_length=6)]
    watch_conditions: Annotated[tuple[ShortText, ...], Field(max_length=6)]


class DecisionAnswer(Value):
    """What the chairman's model returns."""

    selected_trade: SelectedTrade
    conviction: Conviction
    rationale: LongText
    dissent_summary: Annotated[tuple[Dissent, ...], Field(max_length=8)]
    monitoring_plan: MonitoringPlan


class Decision(DecisionAnswer):
    """A valid answer with its author and the vote that it was read beside."""

    week_id: str
    account: str
    model: str
    reached_at: datetime
    best_reviewed_label: str
    overrides_vote: bool
    """Whether the trade differs in instrument or direction from the best-reviewed pitch."""
    authors: dict[str, str]
    """The account behind each label, unsealed after the decision."""


def decision_problems(
    answer: DecisionAnswer, *, tradable: Collection[str], labels: Collection[str]
) -> tuple[str, ...]:
    """Return every broken rule of the chairman's answer; empty where all hold."""
    trade = answer.selected_trade
    problems = [conviction_disagreement(trade.direction, answer.conviction)]
    if trade.instrument not in tradable:
        problems.append(
            f"selected_trade.instrument: {trade.instrument!r} cannot be traded this week; "
            f"choose one of {', '.join(tradable)}"
        )
    unknown = sorted({d.label for d in answer.dissent_summary} - set(labels))
    if unknown:
        problems.append(f"dissent_summary: unknown labels {', '.join(unknown)}")
    return tuple(problem for problem in problems if problem)
