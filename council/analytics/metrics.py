"""The usual figures of a series of equities or returns: pure, in plain floats.

Returns are simple and per period, fractions: 0.01 is one percent. What cannot be computed from too
few or unvarying numbers is None, never 0. The conventions are those of empyrical, except that a
drawdown is a fraction of 0 or more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Series = Sequence[float] | NDArray[np.float64]

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
    import numpy as np  # noqa: PLC0415 - a server that only lists its tools should not pay for it

    worth = np.asarray(equities, dtype=np.float64)
    if not (worth > 0).all():
        raise ValueError("an equity of zero or less has no return")
    returns: list[float] = (worth[1:] / worth[:-1] - 1.0).tolist()
    return returns


def time_weighted_return(returns: "Series") -> float:
    """Return the product of all periods' growth, less one; 0 for no period."""
    return float(_growth(returns)[-1]) - 1.0


def maximum_drawdown(returns: "Series") -> float:
    """Return the deepest fall from a peak, the beginning included, as a fraction of 0 or more."""
    return float(drawdowns(_growth(returns)).max())


def drawdowns(equities: "Series") -> "NDArray[np.float64]":
    """Return at each equity, all above zero, how far it is below the highest so far: 0 or more."""
    import numpy as np  # noqa: PLC0415 - as above

    worth = np.asarray(equities, dtype=np.float64)
    return np.asarray(1.0 - worth / np.maximum.accumulate(worth))


def _growth(returns: "Series") -> "NDArray[np.float64]":
    """Return what one dollar came to by each period, the beginning included, oldest first."""
    import numpy as np  # noqa: PLC0415 - as above

    # One after the other, as years of marks would be multiplied by hand.
    periods = 1.0 + np.asarray(returns, dtype=np.float64)
    return np.cumprod(np.concatenate(([1.0], periods)), dtype=np.float64)


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


def turnover(traded_usd: "Series", mean_equity_usd: float) -> float | None:
    """Return what was bought and sold, added up, as a multiple of the mean equity."""
    import numpy as np  # noqa: PLC0415 - as above

    return fsum(np.abs(traded_usd).tolist()) / mean_equity_usd if mean_equity_usd > 0 else None


def conviction_volatility(changes: "Series") -> float | None:
    """Return the sample standard deviation of the `changes` of conviction from look to look."""
    return _deviation(changes)


def _mean(values: "Series") -> float:
    import numpy as np  # noqa: PLC0415 - as above

    return fsum(np.asarray(values, dtype=np.float64).tolist()) / len(values)


def _deviation(values: "Series") -> float | None:
    if len(values) < _FEWEST:
        return None
    away = _away(values)
    return sqrt(fsum((away * away).tolist()) / (len(values) - 1))


def _away(values: "Series") -> "NDArray[np.float64]":
    """Return what each of `values` is away from their mean."""
    import numpy as np  # noqa: PLC0415 - as above

    return np.asarray(np.asarray(values, dtype=np.float64) - _mean(values))


def _sharpe_error(returns: Sequence[float], one: float) -> float:
    """Return the standard error of the ratio `one` of a single period."""
    away, count = _away(returns), len(returns)
    # Products have the same digits on every machine, which powers do not.
    squares = away * away
    second, third, fourth = (
        fsum(powers.tolist()) / count for powers in (squares, squares * away, squares * squares)
    )
    skewness, kurtosis = third / second**1.5, fourth / second**2
    variance = 1.0 - skewness * one + (kurtosis - 1.0) / 4.0 * one**2
    return sqrt(max(variance, 0.0) / (count - 1))
