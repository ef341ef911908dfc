"""The facts about the models themselves: bias of reviewers, drift and silence of managers."""

from typing import ClassVar

from council.fact import Fact
from council.model.measures import Drift, LongSilence, ReviewBias


class ReviewBiasMeasured(Fact):
    """A week's reviews were held against place on the ballot and length of the pitch."""

    pooled: ReviewBias
    reviewers: tuple[ReviewBias, ...]


class ModelDriftMeasured(Fact):
    """A manager's recent pitches were held against its earlier ones.

    `directions` and `convictions` are None while there are not enough weeks; `pitches` counts those
    that were there, of two years at most. `changes` says what else is new since the week before:
    model, prompts, configuration, by which a drift may be explained.
    """

    account: str
    model: str
    pitches: int
    directions: Drift | None
    convictions: Drift | None
    alarm: bool
    prompts_hash: str
    changes: tuple[str, ...]

    MEANING: ClassVar[tuple[str, ...]] = ("week_id", "account")


class ManagerFellSilent(Fact):
    """A manager gave no pitch for weeks, this one included; the owner is told."""

    account: str
    silence: LongSilence

    MEANING: ClassVar[tuple[str, ...]] = ("week_id", "account")


MEASURE_FACTS: tuple[type[Fact], ...] = (
    ReviewBiasMeasured,
    ModelDriftMeasured,
    ManagerFellSilent,
)
