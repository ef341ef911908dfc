"""What is measured of the models week by week: reviewers' biases, drift, silence."""

from typing import Annotated, Literal

from pydantic import Field

from council.model.base import Value

BiasKind = Literal["position", "length"]


class ReviewBias(Value):
    """How a reviewer's mean scores went with what should not matter; Pearson, -1 to 1.

    Of one reviewer, or of all (`reviewer` None). A correlation is None where it has no meaning:
    fewer than three reviews, or all the same. `flagged` names those beyond the limit.
    """

    reviewer: str | None
    reviews: int
    position: float | None
    """With the place on the ballot: below 0 where the first ones are favoured."""
    length: float | None
    """With the characters that the reviewer read: above 0 where long pitches are favoured."""
    flagged: tuple[BiasKind, ...]


class Drift(Value):
    """How far recent answers are from earlier ones, over one kind of answer.

    `distance` is the total variation, 0 (the same shares) to 1 (nothing in common); `p_value` the
    share of all ways to draw as many weeks that are at least as far.
    """

    distance: Annotated[float, Field(ge=0, le=1)]
    p_value: Annotated[float, Field(ge=0, le=1)]


class LongSilence(Value):
    """A manager that gave no pitch in the last weeks that were run; `since` is the first of them.

    `reason` is the newest one.
    """

    account: str
    weeks: Annotated[int, Field(ge=1)]
    since: str
    reason: str
