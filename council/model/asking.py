"""What members and chairman of the general council answer to a question that a person asks."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Annotated, Literal

from pydantic import Field

from council.model.base import ShortText, Value
from council.model.decision import Dissent

ANSWER_CHARACTERS = 4_000

AnswerText = Annotated[str, Field(min_length=1, max_length=ANSWER_CHARACTERS)]
Confidence = Literal["low", "medium", "high"]


class MemberAnswer(Value):
    """What a member returns; `doubts` are what it could not check or what would change it."""

    answer: AnswerText
    confidence: Confidence
    doubts: Annotated[tuple[ShortText, ...], Field(max_length=5)]


class RankedAnswer(Value):
    """One place in a ranking, the answer under its label."""

    label: str
    reason: ShortText


class RankingAnswer(Value):
    """What a member returns on the others' answers: every label once, the best first."""

    ranking: tuple[RankedAnswer, ...]


class FinalAnswer(Value):
    """What the chairman returns; `dissent` are views that it did not follow, by label."""

    answer: AnswerText
    confidence: Confidence
    dissent: Annotated[tuple[Dissent, ...], Field(max_length=8)]


class AnswerStanding(Value):
    """What the others made of one answer; `borda` and `mean_rank` as in `council.voting`."""

    label: str
    rankings: int
    borda: float | None
    mean_rank: float | None


def ranking_problems(answer: RankingAnswer, labels: Sequence[str]) -> tuple[str, ...]:
    """Return why `answer` does not rank each of `labels` exactly once; empty where it does."""
    given = [place.label for place in answer.ranking]
    if Counter(given) == Counter(labels):
        return ()
    return (f"ranking: give each of {', '.join(labels)} exactly one place, got {given}",)


def final_problems(answer: FinalAnswer, labels: Collection[str]) -> tuple[str, ...]:
    """Return every broken rule of the chairman's answer; empty where all hold."""
    unknown = sorted({view.label for view in answer.dissent} - set(labels))
    return (f"dissent: unknown labels {', '.join(unknown)}",) if unknown else ()
