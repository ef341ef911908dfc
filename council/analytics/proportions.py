"""A share of cases with how sure it is: Wilson's interval, pure."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

_Z_95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Proportion:
    """`hits` of `count` cases; every figure is None where there was no case."""

    hits: int
    count: int

    @property
    def share(self) -> float | None:
        """Return the hits as a fraction of the cases."""
        return self.hits / self.count if self.count else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the bounds that hold the true share in 95 of 100 cases (Wilson 1927)."""
        if not self.count:
            return None
        share, square = self.hits / self.count, _Z_95**2
        middle = share + square / (2 * self.count)
        inner = share * (1 - share) / self.count + square / (4 * self.count**2)
        reach, scale = _Z_95 * sqrt(inner), 1 + square / self.count
        low, high = (middle - reach) / scale, (middle + reach) / scale
        # At the ends rounding alone would leave 1e-17 where the bound is exact.
        return (low if self.hits else 0.0), (high if self.hits < self.count else 1.0)


def proportion_of(cases: list[bool]) -> Proportion:
    """Return the share of `cases` that are true."""
    return Proportion(sum(cases), len(cases))
