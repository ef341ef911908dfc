"""Anonymous peer review: what a reviewer sees, what it answers, what is kept."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from council.model.base import ShortText, Value
from council.model.pitch import PitchTerms

Score = Annotated[int, Field(ge=1, le=10)]


class Scores(Value):
    """The rubric: seven criteria of a pitch, two for its ranking against its choice; 10 is best."""

    clarity: Score
    edge_plausibility: Score
    timing_catalyst: Score
    risk_definition: Score
    indicator_integrity: Score
    originality: Score
    tradeability: Score
    ranking_quality: Score
    choice_consistency: Score

    @property
    def mean(self) -> float:
        """Return the unweighted mean of the nine scores."""
        values = [int(score) for score in self.model_dump().values()]
        return sum(values) / len(values)


class AnonymousPitch(PitchTerms):
    """A pitch under a label: normalised fields only, nothing that names its author.

    `number_flags` says which of its numbers the market table does not bear out.
    """

    label: str
    number_flags: tuple[str, ...] = ()


class Ballot(Value):
    """The others' pitches in one reviewer's own order; `pitch_ids`, by label, is never shown."""

    reviewer: str
    pitches: tuple[AnonymousPitch, ...]
    pitch_ids: dict[str, UUID]


class ReviewAnswer(Value):
    """One review as the reviewer's model returns it."""

    label: str
    scores: Scores
    best_argument_against: ShortText
    one_flip_condition: ShortText
    suggested_fix: ShortText


class BallotAnswer(Value):
    """A reviewer's whole answer: one review for each label."""

    reviews: tuple[ReviewAnswer, ...]


class Review(Value):
    """A review with its reviewer and the pitch behind the label; `display_index` counts from 0."""

    review_id: UUID
    week_id: str
    pitch_id: UUID
    reviewer: str
    reviewer_model: str
    anonymized_pitch_id: str
    display_index: int
    made_at: datetime
    scores: Scores
    best_argument_against: str
    one_flip_condition: str
    suggested_fix: str


def ballot_problems(answer: BallotAnswer, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return why `answer` does not review each of `labels` exactly once; empty where it does."""
    given = sorted(review.label for review in answer.reviews)
    if given == sorted(labels):
        return ()
    return (f"reviews: give exactly one review for each of {', '.join(labels)}, got {given}",)
