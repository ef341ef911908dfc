from math import sqrt
from random import Random
from statistics import fmean, stdev

import empyrical
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import kurtosis, skew

from council.analytics.metrics import (
    annual_volatility,
    conviction_volatility,
    drawdowns,
    maximum_drawdown,
    returns_of,
    sharpe,
    time_weighted_return,
    turnover,
)

SERIES = st.lists(st.floats(min_value=-0.3, max_value=0.3), min_size=2, max_size=120)
FIXED = (
    [0.01, -0.02, 0.03, 0.0, -0.015],
    [-0.1, -0.1, -0.1, 0.5],
    [0.001 * ((7 * step) % 13 - 6) for step in range(252)],
    [0.02, -0.01],
)
CLOSE = 1e-9


def check_against_empyrical(returns: list[float]) -> None:
    series = np.array(returns)
    assert time_weighted_return(returns) == pytest.approx(
        empyrical.cum_returns_final(series), abs=CLOSE, rel=CLOSE
    )
    assert maximum_drawdown(returns) == pytest.approx(
        -empyrical.max_drawdown(series), abs=CLOSE, rel=CLOSE
    )
    assert annual_volatility(returns) == pytest.approx(
        empyrical.annual_volatility(series), abs=CLOSE, rel=CLOSE
    )
    assert annual_volatility(returns, periods_a_year=52) == pytest.approx(
        empyrical.annual_volatility(series, period="weekly"), abs=CLOSE, rel=CLOSE
    )


@pytest.mark.parametrize("returns", FIXED)
def test_the_figures_of_fixed_series_are_those_of_the_library(returns: list[float]) -> None:
    ratio = sharpe(returns)

    check_against_empyrical(returns)
    assert ratio is not None
    assert ratio.ratio == pytest.approx(
        empyrical.sharpe_ratio(np.array(returns)), abs=CLOSE, rel=CLOSE
    )


@given(SERIES)
def test_the_figures_of_any_series_are_those_of_the_library(returns: list[float]) -> None:
    check_against_empyrical(returns)


@given(SERIES)
def test_the_sharpe_ratio_of_any_series_is_that_of_the_library(returns: list[float]) -> None:
    assume(stdev(returns) > 1e-6)

    ratio = sharpe(returns)

    assert ratio is not None
    assert ratio.ratio == pytest.approx(
        empyrical.sharpe_ratio(np.array(returns)), abs=CLOSE, rel=CLOSE
    )


@given(st.lists(st.floats(min_value=1, max_value=1e7), min_size=2, max_size=60))
def test_drawdowns_are_those_of_the_returns_between(equities: list[float]) -> None:
    falls = drawdowns(equities)

    assert all(0 <= fall < 1 for fall in falls)
    assert max(falls) == pytest.approx(maximum_drawdown(returns_of(equities)), abs=CLOSE, rel=CLOSE)


def skewed(source: Random) -> float:
    """Return a draw with fat tails and skewness, of mean 0.05 and deviation about 1."""
    return 0.05 + (source.gauss(0, 0.9) if source.random() < 0.95 else source.gauss(-1.2, 2.0))


@pytest.mark.parametrize("draw", [skewed, lambda source: source.gauss(0.15, 1.0)])
def test_the_standard_error_is_the_spread_that_drawing_again_shows(draw: object) -> None:
    assert callable(draw)
    source = Random(20)  # noqa: S311 - a seeded draw
    found = [sharpe([draw(source) for _ in range(150)]) for _ in range(1_500)]

    spread = stdev(one.ratio for one in found if one)
    claimed = fmean(one.standard_error for one in found if one)

    assert claimed == pytest.approx(spread, rel=0.06)


@given(SERIES)
def test_the_standard_error_is_that_of_the_moments(returns: list[float]) -> None:
    assume(stdev(returns) > 1e-4)
    found = sharpe(returns, periods_a_year=1)
    assert found is not None
    ratio, tails = found.ratio, kurtosis(returns, fisher=False)

    variance = 1 - skew(returns) * ratio + (tails - 1) / 4 * ratio**2

    expected = sqrt(max(variance, 0) / (len(returns) - 1))
    assert found.standard_error == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_of_equal_returns_there_is_no_sharpe_ratio_and_of_one_no_volatility() -> None:
    assert sharpe([0.01, 0.01, 0.01]) is None
    assert sharpe([0.1 + 0.2, 0.3, 0.3]) is None
    assert sharpe([0.01]) is None
    assert annual_volatility([0.01]) is None
    assert conviction_volatility([0.5]) is None


def test_the_interval_reaches_two_standard_errors_either_way() -> None:
    found = sharpe([0.01, -0.01] * 100 + [0.02] * 20)

    assert found is not None
    low, high = found.interval
    assert (low + high) / 2 == pytest.approx(found.ratio)
    assert high - low == pytest.approx(3.92 * found.standard_error, rel=1e-3)


def test_an_equity_of_zero_has_no_return() -> None:
    with pytest.raises(ValueError, match="zero or less"):
        returns_of([100.0, 0.0, 50.0])


def test_turnover_counts_both_sides_against_the_mean_equity() -> None:
    assert turnover([5_000.0, -5_000.0], 10_000.0) == pytest.approx(1.0)
    assert turnover([5_000.0], 0.0) is None


def test_conviction_volatility_is_the_spread_of_its_changes() -> None:
    assert conviction_volatility([0.5, -0.5]) == pytest.approx(sqrt(0.5))
    assert conviction_volatility([0.0, 0.0, 0.0]) == 0
