"""A pitch: one portfolio manager's thesis on one instrument, with its rules."""

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, Literal
from uuid import UUID

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


class Bucket(StrEnum):
    """Expected performance over the week against the mean of the universe."""

    STRONG_OUTPERFORM = "strong_outperform"
    OUTPERFORM = "outperform"
    NEUTRAL = "neutral"
    UNDERPERFORM = "underperform"
    STRONG_UNDERPERFORM = "strong_underperform"


Operator = Literal["<", "<=", ">", ">="]

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
)


class IndicatorRule(Value):
    """A threshold on a number of the market table, such as SPY.rsi_14 > 70."""

    name: Annotated[str, Field(pattern=r"^[A-Z]{1,5}\.[a-z0-9_]+$")]
    operator: Operator
    threshold: float

    def holds(self, value: float) -> bool:
        """Whether the rule is true of `value`."""
        return _COMPARE[self.operator](value, self.threshold)

    def __str__(self) -> str:
        """Return the rule as its author wrote it."""
        return f"{self.name} {self.operator} {self.threshold:g}"


class FrozenIndicator(IndicatorRule):
    """A rule with the value that the market table had when the week began; frozen for the week."""

    current: float


class RankedInstrument(Value):
    """One place in the ranking; 1 is the instrument expected to do best."""

    instrument: str
    rank: Annotated[int, Field(ge=1)]
    bucket: Bucket


class PitchAnswer(Value):
    """What a portfolio manager's model returns."""

    instrument: str
    direction: Direction
    horizon: Horizon
    conviction: Conviction
    thesis_bullets: Annotated[tuple[ShortText, ...], Field(min_length=1, max_length=5)]
    indicators: Annotated[tuple[IndicatorRule, ...], Field(min_length=1, max_length=5)]
    invalidation: ShortText
    invalidation_rule: IndicatorRule | None = None
    """The part of `invalidation` that a machine can check; None where no single number says it."""
    ranking: tuple[RankedInstrument, ...]
    choice_explanation: Annotated[str, Field(max_length=400)]
    """Why the choice departs from the ranking; empty where it does not."""
    monitoring_plan: LongText


class PitchTerms(Value):
    """What a pitch says, with the frozen values of its rules and without its author."""

    instrument: str
    direction: Direction
    horizon: Horizon
    conviction: Conviction
    thesis_bullets: tuple[str, ...]
    indicators: tuple[FrozenIndicator, ...]
    invalidation: str
    invalidation_rule: FrozenIndicator | None = None
    """None where no single number says it, and in pitches from before there were such rules."""
    ranking: tuple[RankedInstrument, ...]
    choice_explanation: str
    monitoring_plan: str


class Pitch(PitchTerms):
    """A valid answer with its author."""

    idea_id: UUID
    week_id: str
    account: str
    model: str
    made_at: datetime


def pitch_problems(
    answer: PitchAnswer,
    *,
    universe: Sequence[str],
    tradable: Collection[str],
    numbers: Mapping[str, float],
) -> tuple[str, ...]:
    """Return every broken rule as one clause that its author can act on; empty where all hold.

    `universe` is what the ranking must cover, `tradable` what has prices this week, `numbers` those
    of the market table, which rules may name by their ids.
    """
    problems = [
        conviction_disagreement(answer.direction, answer.conviction),
        _instrument_problem(answer.instrument, tradable),
        _ranking_problem(answer.ranking, universe),
        _choice_problem(answer, len(universe)),
        *(
            f"indicators: {rule.name} is no number of the market table"
            for rule in answer.indicators
            if rule.name not in numbers
        ),
        _invalidation_problem(answer.invalidation_rule, numbers),
    ]
    return tuple(problem for problem in problems if problem)


def _instrument_problem(instrument: str, tradable: Collection[str]) -> str | None:
    if instrument in tradable:
        return None
    listed = ", ".join(tradable)
    return f"instrument: {instrument!r} cannot be traded this week; choose one of {listed}"


def _ranking_problem(ranking: Sequence[RankedInstrument], universe: Sequence[str]) -> str | None:
    named = sorted(place.instrument for place in ranking)
    ranks = sorted(place.rank for place in ranking)
    if named == sorted(universe) and ranks == list(range(1, len(universe) + 1)):
        return None
    listed = ", ".join(universe)
    return f"ranking: give each of {listed} one rank from 1 to {len(universe)}, each rank once"


def _invalidation_problem(rule: IndicatorRule | None, numbers: Mapping[str, float]) -> str | None:
    """Hold that the rule can be read and would end the trade later, not before it began."""
    if rule is None:
        return None
    if rule.name not in numbers:
        return f"invalidation_rule: {rule.name} is no number of the market table"
    now = numbers[rule.name]
    if rule.holds(now):
        return (
            f"invalidation_rule: {rule} is true already, the table has {now:g}; give a rule that is"
            " not true yet, or null"
        )
    return None


def _choice_problem(answer: PitchAnswer, places: int) -> str | None:
    """Hold that a LONG stands in the upper half of the author's ranking, a SHORT in the lower."""
    rank = next((p.rank for p in answer.ranking if p.instrument == answer.instrument), None)
    if rank is None or answer.direction is Direction.FLAT or answer.choice_explanation.strip():
        return None
    upper_half = rank <= (places + 1) // 2
    if upper_half is (answer.direction is Direction.LONG):
        return None
    return (
        f"choice_explanation: {answer.direction} on {answer.instrument}, ranked {rank} of {places},"
        " departs from the ranking; say why"
    )
