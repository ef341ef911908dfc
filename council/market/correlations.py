"""How alike the instruments' daily returns were, for sizing alone: frozen with the market table.

A pair counts only with every one of the last 60 returns on both sides; for any other pair nothing
is known, which sizing takes for the worst.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import combinations

from broker.models import Bar
from config.clock import new_york_date
from council.model.market import Correlation

WINDOW_SESSIONS = 60

_NO_CHANGE = 1e-9
"""Below this spread of the returns a correlation would be one of rounding errors."""

_SIGNIFICANT = ".6g"
"""Of each figure, as in the indicators: equal bars must give equal facts everywhere."""


def correlations_of(bars: Mapping[str, Sequence[Bar]]) -> tuple[Correlation, ...]:
    """Return Pearson's correlation of the daily simple returns of every pair of symbols.

    It is the covariance of the two over the product of their deviations, from -1 to 1. The window
    ends with the newest session of any symbol. A symbol with a gap in it, or whose return never
    changed, is in no pair.
    """
    # The newest days of all are among the newest of each that has them.
    closes = {symbol: _by_day(series[-WINDOW_SESSIONS - 1 :]) for symbol, series in bars.items()}
    days = sorted({day for series in closes.values() for day in series})[-WINDOW_SESSIONS - 1 :]
    if len(days) <= WINDOW_SESSIONS:
        return ()
    lines = {
        symbol: [series[day] for day in days]
        for symbol, series in closes.items()
        if all(day in series for day in days)
    }
    return _pairs({symbol: line for symbol, line in lines.items() if min(line) > 0})


def _by_day(series: Sequence[Bar]) -> dict[date, Decimal]:
    return {new_york_date(bar.start_at): bar.close for bar in series}


def _pairs(lines: Mapping[str, Sequence[Decimal]]) -> tuple[Correlation, ...]:
    """Correlate all lines of closes, equally long and above zero, in one matrix."""
    import numpy as np  # noqa: PLC0415 - a server that only lists its tools should not pay for it

    closes = {symbol: np.array([float(close) for close in line]) for symbol, line in lines.items()}
    returns = {symbol: line[1:] / line[:-1] - 1 for symbol, line in closes.items()}
    varied = {symbol: line for symbol, line in returns.items() if np.ptp(line) > _NO_CHANGE}
    if not varied:
        return ()
    matrix = np.atleast_2d(np.corrcoef(list(varied.values())))
    return tuple(
        Correlation(first=one, second=other, value=_rounded(matrix[i, j]))
        for (i, one), (j, other) in combinations(enumerate(varied), 2)
    )


def _rounded(value: float) -> float:
    return min(max(float(f"{value:{_SIGNIFICANT}}"), -1.0), 1.0)
