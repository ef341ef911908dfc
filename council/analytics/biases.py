"""How much reviewers' scores go with a pitch's place on the ballot and with its length.

Both should be near 0. Scores are centred on each reviewer's own mean before they are pooled,
because a lenient reviewer is not a biased one. With four reviews each, a single reviewer's figures
are noise: the pooled ones count, and only over weeks.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from statistics import StatisticsError, correlation, fmean
from uuid import UUID

from council.model.measures import BiasKind, ReviewBias
from council.model.review import AnonymousPitch, Review

LIMIT = 0.3
"""A correlation beyond it, either way, is flagged."""
FEWEST = 3
_DIGITS = 4

_Row = tuple[float, float, float]
"""Place, length and mean score of one review."""


def shown_length(pitch: AnonymousPitch) -> int:
    """Return how many characters of prose a reviewer read."""
    texts = (*pitch.thesis_bullets, pitch.invalidation)
    return sum(map(len, (*texts, pitch.choice_explanation, pitch.monitoring_plan)))


def review_biases(
    reviews: Sequence[Review], lengths: Mapping[UUID, int]
) -> tuple[ReviewBias, tuple[ReviewBias, ...]]:
    """Return the bias of all reviews together and of each reviewer.

    `lengths` holds `shown_length` by the pitch's id.
    """
    ordered = sorted(reviews, key=attrgetter("reviewer"))
    rows = {
        reviewer: [_row(review, lengths) for review in own]
        for reviewer, own in groupby(ordered, key=attrgetter("reviewer"))
    }
    pooled = [row for own in rows.values() for row in _centred(own)]
    return _bias(None, pooled), tuple(_bias(name, own) for name, own in rows.items())


def _row(review: Review, lengths: Mapping[UUID, int]) -> _Row:
    return (float(review.display_index), float(lengths[review.pitch_id]), review.scores.mean)


def _centred(rows: Sequence[_Row]) -> list[_Row]:
    middle = [fmean(column) for column in zip(*rows, strict=True)]
    return [(row[0] - middle[0], row[1] - middle[1], row[2] - middle[2]) for row in rows]


def _bias(reviewer: str | None, rows: Sequence[_Row]) -> ReviewBias:
    scores = [row[2] for row in rows]
    position = _pearson([row[0] for row in rows], scores)
    length = _pearson([row[1] for row in rows], scores)
    found: tuple[tuple[BiasKind, float | None], ...] = (("position", position), ("length", length))
    return ReviewBias(
        reviewer=reviewer,
        reviews=len(rows),
        position=position,
        length=length,
        flagged=tuple(kind for kind, r in found if r is not None and abs(r) > LIMIT),
    )


def _pearson(first: Sequence[float], second: Sequence[float]) -> float | None:
    if len(first) < FEWEST:
        return None
    try:
        return round(correlation(first, second), _DIGITS)
    except StatisticsError:  # all of one kind are the same
        return None
