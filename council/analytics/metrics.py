"""The usual figures of a series of equities or returns: pure, in plain floats.

Returns are simple and per period, fractions: 0.01 is one percent. What cannot be computed from too
few or unvarying numbers is None, never 0. The conventions are those of empyrical, except that a
drawdown is a fraction of 0 or more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import fsum, prod, sqrt
from operator import mul
from typing import Final

SESSIONS_A_YEAR: Final = 252
_FEWEST: Final = 2
_NO_SPREAD: Final = 1e-12
"""Returns that differ by less differ by rounding alone."""
_Z_95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Sharpe:
    """An annualised Sharpe ratio with its standard error, over `periods` returns."""

    ratio: float
    standard_error: float
    periods: int

    @property
    def interval(self) -> tuple[float, float]:
        """Return the bounds within which the true ratio lies in about 95 of 100 cases."""
        reach = _Z_95 * self.standard_error
        return self.ratio - reach, self.ratio + reach


def returns_of(equities: Sequence[float]) -> list[float]:
    """Return the simple returns between `equities` in US dollars, one fewer than there are.

    Raises:
        ValueError: an equity is not above zero, so that no return can be told.
    """
    if not all(equity > 0 for equity in equities):
        raise ValueError("an equity of zero or less has no return")
    return [after / before - 1.0 for before, after in pairwise(equities)]


def time_weighted_return(returns: Sequence[float]) -> float:
    """Return the product of all periods' growth, less one; 0 for no period."""
    return prod([1.0 + one for one in returns]) - 1.0


def maximum_drawdown(returns: Sequence[float]) -> float:
    """Return the deepest fall from a peak, the beginning included, as a fraction of 0 or more."""
    return max(drawdowns(list(accumulate((1.0 + one for one in returns), mul, initial=1.0))))


def drawdowns(equities: Sequence[float]) -> list[float]:
    """Return at each equity, all above zero, how far it is below the highest so far: 0 or more."""
    peaks = accumulate(equities, max)
    return [1.0 - equity / peak for equity, peak in zip(equities, peaks, strict=True)]


def annual_volatility(
    returns: Sequence[float], *, periods_a_year: int = SESSIONS_A_YEAR
) -> float | None:
    """Return the sample standard deviation of the returns, annualised."""
    spread = _deviation(returns)
    return None if spread is None else spread * sqrt(periods_a_year)


def sharpe(returns: Sequence[float], *, periods_a_year: int = SESSIONS_A_YEAR) -> Sharpe | None:
    """Return the Sharpe ratio against cash at no interest; None for too few or equal returns.

    The standard error allows for skewness and fat tails (Mertens 2002), not for returns that
    depend on each other.
    """
    spread = _deviation(returns)
    if not spread or max(returns) - min(returns) < _NO_SPREAD:
        return None
    one, scale = _mean(returns) / spread, sqrt(periods_a_year)
    return Sharpe(one * scale, _sharpe_error(returns, one) * scale, len(returns))


def turnover(traded_usd: Sequence[float], mean_equity_usd: float) -> float | None:
    """Return what was bought and sold, added up, as a multiple of the mean equity."""
    return fsum(map(abs, traded_usd)) / mean_equity_usd if mean_equity_usd > 0 else None


def conviction_volatility(changes: Sequence[float]) -> float | None:
    """Return the sample standard deviation of the `changes` of conviction from look to look."""
    return _deviation(changes)


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def _deviation(values: Sequence[float]) -> float | None:
    if len(values) < _FEWEST:
        return None
    middle = _mean(values)
    return sqrt(fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


def _sharpe_error(returns: Sequence[float], one: float) -> float:
    """Return the standard error of the ratio `one` of a single period."""
    middle, count = _mean(returns), len(returns)
    second, third, fourth = (
        fsum((value - middle) ** power for value in returns) / count for power in (2, 3, 4)
    )
    skewness, kurtosis = third / second**1.5, fourth / second**2
    variance = 1.0 - skewness * one + (kurtosis - 1.0) / 4.0 * one**2
    return sqrt(max(variance, 0.0) / (count - 1))
