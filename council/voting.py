"""Adds up the reviews: who stands where, by normalised Borda points within each reviewer's ballot.

Scores are compared only within one reviewer, because some give eights where others give fives. A
reviewer's own pitch is not on its ballot, so points are divided by the ballot's length.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean, pvariance

from config.ids import meaning_id
from council.model.base import Value
from council.model.pitch import Pitch
from council.model.review import Review

DIGITS = 4


class Standing(Value):
    """What the reviewers made of one pitch; `mean_rank` counts from 1, the best.

    `borda` is the share of the other pitches on a ballot that this one beat, averaged over ballots:
    1 is first everywhere, 0 last everywhere. All three are None where nobody reviewed the pitch.
    """

    label: str
    reviews: int
    mean_score: float | None
    borda: float | None
    mean_rank: float | None
    score_variance: float | None
    """Between the reviewers' means: high where they disagree."""


def scoreboard(
    reviews: Sequence[Review], labels: Mapping[str, Pitch], *, week_id: str
) -> tuple[Standing, ...]:
    """Return the standing of every label, best first.

    Ties in Borda points are broken by the mean score, then by the lower variance, then by a seeded
    draw.
    """
    places = _places(reviews)
    standings = [_standing(label, pitch, reviews, places) for label, pitch in labels.items()]
    return tuple(sorted(standings, key=lambda standing: _order(standing, week_id)))


def _standing(
    label: str,
    pitch: Pitch,
    reviews: Sequence[Review],
    places: Mapping[tuple[str, str], tuple[float, float]],
) -> Standing:
    own = [review for review in reviews if review.pitch_id == pitch.idea_id]
    if not own:
        return Standing(
            label=label,
            reviews=0,
            mean_score=None,
            borda=None,
            mean_rank=None,
            score_variance=None,
        )
    means = [review.scores.mean for review in own]
    found = [places[review.reviewer, str(review.pitch_id)] for review in own]
    return Standing(
        label=label,
        reviews=len(own),
        mean_score=round(fmean(means), DIGITS),
        borda=round(fmean(points for _, points in found), DIGITS),
        mean_rank=round(fmean(rank for rank, _ in found), DIGITS),
        score_variance=round(pvariance(means), DIGITS),
    )


def _places(reviews: Sequence[Review]) -> dict[tuple[str, str], tuple[float, float]]:
    """Return rank and normalised points by reviewer and pitch; equals share their mean place."""
    places = {}
    for review in reviews:
        rivals = [
            other.scores.mean
            for other in reviews
            if other.reviewer == review.reviewer and other.review_id != review.review_id
        ]
        own = review.scores.mean
        worse = sum(mean < own for mean in rivals) + sum(mean == own for mean in rivals) / 2
        points = worse / len(rivals) if rivals else 0.5
        places[review.reviewer, str(review.pitch_id)] = (1 + len(rivals) - worse, points)
    return places


def _order(standing: Standing, week_id: str) -> tuple[float, float, float, bytes]:
    draw = meaning_id("tie", week_id, standing.label).bytes
    if standing.borda is None or standing.mean_score is None or standing.score_variance is None:
        return (1.0, 0.0, 0.0, draw)
    return (-standing.borda, -standing.mean_score, standing.score_variance, draw)
