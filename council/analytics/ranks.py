"""Whether a ranking foretold what came: the rank information coefficient, pure."""

from collections.abc import Sequence
from statistics import correlation
from typing import Final

_FEWEST: Final = 3


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Spearman's correlation, ties at their mean rank; None for fewer than 3 or no spread.

    Raises:
        ValueError: the two differ in length.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} numbers cannot be paired")
    if len(first) < _FEWEST:
        return None
    one, other = _ranks(first), _ranks(second)
    if min(one) == max(one) or min(other) == max(other):
        return None
    return correlation(one, other)


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the ranks from 1, equal values sharing the mean of theirs."""
    ordered = sorted(values)
    places: dict[float, list[int]] = {}
    for place, value in enumerate(ordered, start=1):
        places.setdefault(value, []).append(place)
    return [sum(places[value]) / len(places[value]) for value in values]
