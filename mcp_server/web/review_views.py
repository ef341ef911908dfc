"""The reviews of a week as its page shows them: pure.

Until the chairman is done, nobody learns who reviewed what: nobody reviews a pitch of its own, so a
label's reviewers would tell who wrote it. The reviews of a label then stand in an order that only
their contents decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from council.analytics.charts import review_matrix
from council.context import WeekContext
from council.model.review import Review
from council.untrusted import clean_text

CRITERIA: Final = (
    ("clarity", "Clarity"),
    ("edge_plausibility", "Edge"),
    ("timing_catalyst", "Timing"),
    ("risk_definition", "Risk"),
    ("indicator_integrity", "Indicators"),
    ("originality", "Original"),
    ("tradeability", "Tradeable"),
    ("ranking_quality", "Ranking"),
    ("choice_consistency", "Choice"),
)
"""The rubric: the name of a score and its heading, in the order of the scores."""


@dataclass(frozen=True, slots=True)
class ReviewView:
    """One review: its nine scores in the order of `CRITERIA`, and its three sentences."""

    reviewer: str
    """A number that says nothing, until the chairman is done."""
    mean: float
    scores: tuple[int, ...]
    kill_shot: str
    flip_condition: str
    fix: str


@dataclass(frozen=True, slots=True)
class LabelView:
    """All reviews of the pitch behind one label; `author` is None until the chairman is done."""

    label: str
    author: str | None
    trade: str | None
    mean: float
    reviews: tuple[ReviewView, ...]


@dataclass(frozen=True, slots=True)
class ReviewsView:
    """The whole review; `silent` are those who gave no valid ballot, with the reason.

    `matrix` is a drawing, None until the chairman is done, and where nobody reviewed.
    """

    has_decided: bool
    labels: tuple[LabelView, ...]
    matrix: str | None
    silent: tuple[tuple[str, str], ...]


def reviews_view(context: WeekContext) -> ReviewsView:
    """Return all reviews of a week, the label with the best mean score first."""
    return ReviewsView(
        has_decided=has_decided(context),
        labels=label_views(context),
        matrix=matrix_of(context),
        silent=tuple((gap.account, clean_text(gap.reason)) for gap in context.review_abstentions),
    )


def has_decided(context: WeekContext) -> bool:
    """Return whether the chairman is done, with a decision or without."""
    return context.decision is not None or context.no_decision is not None


def label_views(context: WeekContext) -> tuple[LabelView, ...]:
    """Return the reviewed labels, the best mean score first."""
    by_label: dict[str, list[Review]] = {}
    for review in context.reviews:
        by_label.setdefault(review.anonymized_pitch_id, []).append(review)
    found = [_label(label, given, context) for label, given in by_label.items()]
    return tuple(sorted(found, key=lambda one: (-one.mean, one.label)))


def matrix_of(context: WeekContext) -> str | None:
    """Draw who scored whom; None until the chairman is done, and where nobody reviewed."""
    scores = _scores(context) if has_decided(context) else {}
    if not scores:
        return None
    authors = [pitch.account for pitch in context.pitches]
    given = dict.fromkeys(reviewer for reviewer, _ in scores)
    # Reviewers stand in the authors' order, so that the empty cells make a diagonal.
    reviewers = [name for name in authors if name in given]
    reviewers += sorted(set(given) - set(reviewers))
    return review_matrix(reviewers, authors, scores)


def _label(label: str, given: Sequence[Review], context: WeekContext) -> LabelView:
    decided = has_decided(context)
    pitch = next((p for p in context.pitches if p.idea_id == given[0].pitch_id), None)
    shown = given if decided else sorted(given, key=_without_reviewer)
    return LabelView(
        label=clean_text(label),
        author=pitch.account if decided and pitch else None,
        trade=f"{pitch.direction} {pitch.instrument}" if decided and pitch else None,
        mean=fmean(review.scores.mean for review in given),
        reviews=tuple(
            _review(review, review.reviewer if decided else f"Reviewer {number}")
            for number, review in enumerate(shown, start=1)
        ),
    )


def _without_reviewer(review: Review) -> tuple[float, str]:
    return review.scores.mean, review.best_argument_against


def _review(review: Review, reviewer: str) -> ReviewView:
    return ReviewView(
        reviewer=clean_text(reviewer),
        mean=review.scores.mean,
        scores=tuple(getattr(review.scores, name) for name, _ in CRITERIA),
        kill_shot=clean_text(review.best_argument_against),
        flip_condition=clean_text(review.one_flip_condition),
        fix=clean_text(review.suggested_fix),
    )


def _scores(context: WeekContext) -> Mapping[tuple[str, str], float]:
    authors = {pitch.idea_id: pitch.account for pitch in context.pitches}
    return {
        (review.reviewer, authors[review.pitch_id]): review.scores.mean
        for review in context.reviews
        if review.pitch_id in authors
    }
