"""Whether the reviewers knew: their rankings, their kill shots and the dissents against results.

Pure. A pitch's result is what one dollar in its direction gained from the week's entry to its end,
0 for FLAT, so that sizes play no part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from uuid import UUID

from council.analytics.inputs import Week
from council.analytics.outcomes import pitch_return
from council.analytics.proportions import Proportion, proportion_of
from council.analytics.ranks import rank_correlation
from council.analytics.resampling import Estimate, NotEnoughWeeks, estimate
from council.model.base import Direction
from council.model.review import Review


@dataclass(frozen=True, slots=True)
class ReviewerScore:
    """How well one reviewer foretold results, or all of them together (`reviewer` None).

    `rank_ic` is the mean of the weekly rank correlations between mean scores and results, -1 to 1.
    `kill_shots` are the pitches that this reviewer marked down hardest of all reviewers, not FLAT;
    those that lost are its hits.
    """

    reviewer: str | None
    weekly_ic: dict[str, float]
    """By week; weeks with fewer than three results, or with equal scores, are absent."""
    rank_ic: Estimate | NotEnoughWeeks
    kill_shots: Proportion


@dataclass(frozen=True, slots=True)
class DissentScore:
    """How often the pitches of one manager, or of all (`account` None), beat the council's trade.

    Only those count that the chairman overruled by name.
    """

    account: str | None
    right: Proportion


def reviewer_scores(weeks: Sequence[Week]) -> tuple[ReviewerScore, ...]:
    """Return the score of all reviewers together, then of each by name."""
    judged = [week.once("judged", partial(_judged, week)) for week in weeks]
    names = sorted({name for week in judged for name in week.information if name is not None})
    return tuple(_score(name, judged) for name in (None, *names))


def dissent_scores(weeks: Sequence[Week]) -> tuple[DissentScore, ...]:
    """Return the score of all dissents together, then by the author of the overruled pitch."""
    cases = [case for week in weeks for case in week.once("dissents", partial(_dissents, week))]
    authors = sorted({author for author, _ in cases})
    return tuple(
        DissentScore(name, proportion_of([ok for author, ok in cases if name in (None, author)]))
        for name in (None, *authors)
    )


def results_of(week: Week) -> dict[UUID, float]:
    """Return the week's results by the pitch's id; a pitch without prices is absent."""
    found = {pitch.idea_id: pitch_return(week, pitch) for pitch in week.pitches}
    return {idea: gained for idea, gained in found.items() if gained is not None}


def harshest(week: Week) -> tuple[Review, ...]:
    """Return for every pitch the review with the lowest mean score; none where two share it."""
    found = []
    for pitch in week.pitches:
        own = sorted(
            (review for review in week.reviews if review.pitch_id == pitch.idea_id),
            key=lambda review: review.scores.mean,
        )
        if own and (len(own) == 1 or own[0].scores.mean < own[1].scores.mean):
            found.append(own[0])
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What each reviewer of a week foretold of its results, and the week's kill shots."""

    week_id: str
    information: dict[str | None, float | None]
    """By reviewer, None: of all of them together."""
    shots: tuple[tuple[str, bool], ...]
    """Who marked a pitch down hardest, and whether it lost."""


def _judged(week: Week) -> _Judged:
    results = results_of(week)
    flat = {pitch.idea_id for pitch in week.pitches if pitch.direction is Direction.FLAT}
    shots = [shot for shot in harshest(week) if shot.pitch_id in results.keys() - flat]
    means = [(review, review.scores.mean) for review in week.reviews]
    names = {None, *(review.reviewer for review in week.reviews)}
    return _Judged(
        week.week_id,
        {name: _information(name, means, results) for name in names},
        tuple((shot.reviewer, results[shot.pitch_id] < 0) for shot in shots),
    )


def _score(reviewer: str | None, weeks: Sequence[_Judged]) -> ReviewerScore:
    weekly = {week.week_id: week.information.get(reviewer) for week in weeks}
    known = {week_id: value for week_id, value in weekly.items() if value is not None}
    shots = [lost for week in weeks for by, lost in week.shots if reviewer in (None, by)]
    return ReviewerScore(reviewer, known, estimate(known), proportion_of(shots))


def _information(
    reviewer: str | None, reviews: Sequence[tuple[Review, float]], results: Mapping[UUID, float]
) -> float | None:
    """Return the rank correlation of a week's mean scores by pitch with the results."""
    scores: dict[UUID, list[float]] = {}
    for review, mean in reviews:
        if reviewer in (None, review.reviewer) and review.pitch_id in results:
            scores.setdefault(review.pitch_id, []).append(mean)
    return rank_correlation(
        [fmean(own) for own in scores.values()], [results[idea] for idea in scores]
    )


def _dissents(week: Week) -> list[tuple[str, bool]]:
    """Return the author of each overruled pitch and whether it beat the council's trade."""
    decision = week.decision
    council = None if decision is None else pitch_return(week, decision)
    if decision is None or council is None:
        return []
    found = []
    for label in dict.fromkeys(dissent.label for dissent in decision.dissent_summary):
        author = decision.authors.get(label)
        pitch = week.pitch_of(author) if author else None
        gained = None if pitch is None else pitch_return(week, pitch)
        if author and gained is not None:
            found.append((author, gained > council))
    return found
