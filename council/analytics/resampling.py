"""How sure a mean over weeks is, by drawing the weeks anew: the bootstrap, seeded and pure.

Weeks are the unit because the trades of one week share one market. The percentiles are those of
Hesterberg's expanded interval (2015): the plain ones are too narrow for so few weeks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, fsum, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST_WEEKS: Final = 8
"""With fewer an interval would say more about the method than about the council."""
_MOST_DRAWS: Final = 10_000
_DRAWN_WEEKS: Final = 1_040_000
"""In all draws together: from two years to twenty, years more cost no more time."""
_FEWEST_DRAWS: Final = 1_000
_SEED: Final = 20_180_516
_NO_MEAN: Final = 1e-4
"""Of the deviation: to tell less from zero would take a million years of weeks."""
_Z_95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class NotEnoughWeeks:
    """Nothing can be said yet: these `weeks` have something to say, and `needed` are needed."""

    weeks: tuple[str, ...]
    needed: int

    @property
    def missing(self) -> int:
        """Return how many more such weeks it takes."""
        return self.needed - len(self.weeks)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `count` weeks, the bounds of its bootstrap interval of 95 %, and the spread.

    `deviation` is the sample standard deviation from week to week, in the unit of the mean.
    """

    mean: float
    low: float
    high: float
    deviation: float
    count: int

    @property
    def is_certain(self) -> bool:
        """Whether the whole interval is on one side of zero."""
        return self.low * self.high > 0

    @property
    def weeks_to_tell(self) -> int | None:
        """Return in how many weeks in all a mean like this one would stand out from zero.

        By the normal approximation; None for a mean so near to zero that it never would.
        """
        if self.mean == 0 or abs(self.mean) <= _NO_MEAN * self.deviation:
            return None
        return max(ceil((_Z_95 * self.deviation / self.mean) ** 2), FEWEST_WEEKS)


def estimate(
    values: Mapping[str, float], *, telling: tuple[str, ...] | None = None
) -> Estimate | NotEnoughWeeks:
    """Return the mean of the `values` by week and its percentile interval.

    `telling` are the weeks in which there was anything to measure, by default all: enough of these
    must be there, because a mean of zeros and one accident would look sure of itself.
    """
    weeks = tuple(values) if telling is None else telling
    if len(weeks) < FEWEST_WEEKS:
        return NotEnoughWeeks(weeks, FEWEST_WEEKS)
    series = list(values.values())
    mean = fsum(series) / len(series)
    deviation = sqrt(fsum((value - mean) ** 2 for value in series) / (len(series) - 1))
    low, high = _interval(series)
    return Estimate(mean, low, high, deviation, len(series))


def _interval(series: list[float]) -> tuple[float, float]:
    import numpy as np  # noqa: PLC0415 - a server that only lists its tools should not pay for it

    # Not by the matrix product, whose last digits depend on how many threads it uses.
    means = np.einsum("ij,j->i", _draws(len(series)), np.asarray(series)) / len(series)
    tail = 100.0 * _tail(len(series))
    low, high = np.percentile(means, (tail, 100.0 - tail))
    return float(low), float(high)


@lru_cache(maxsize=8)
def _draws(count: int) -> "NDArray[np.uint16]":
    """Return how often each draw of `count` weeks took each of them; the same for all series."""
    import numpy as np  # noqa: PLC0415 - as above

    draws = min(_MOST_DRAWS, max(_FEWEST_DRAWS, _DRAWN_WEEKS // count))
    generator = np.random.default_rng(_SEED)
    taken = generator.integers(0, count, size=(draws, count))
    taken += np.arange(draws)[:, None] * count
    times = np.bincount(taken.ravel(), minlength=draws * count)
    return times.reshape(draws, count).astype(np.uint16)


def _tail(count: int) -> float:
    """Return the share of draws beyond each bound: 0.025, less for a small count.

    Drawing anew shows too small a variance by 1 / count, and a normal tail where Student's is due;
    its quantile is expanded in the degrees of freedom, to within 0.01 from 7 on.
    """
    z, free = _Z_95, count - 1
    student = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return NormalDist().cdf(-sqrt(count / free) * student)
