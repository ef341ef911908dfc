import itertools
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.models import Bar
from council.market.indicators import indicators_of
from council.model.market import INDICATOR_NAMES

START = datetime(2025, 1, 2, 14, 30, tzinfo=UTC)
CLOSES = [100 + 8 * math.sin(day / 9) + day / 20 + (day * 7919 % 13) / 10 for day in range(300)]


def bars_of(closes: Sequence[float]) -> tuple[Bar, ...]:
    """Return bars with highs and lows at uneven distances from the close."""
    return tuple(
        Bar(
            "SPY",
            START + timedelta(days=day),
            Decimal(str(close)),
            Decimal(str(close + 0.3 + day % 5 / 10)),
            Decimal(str(close - 0.2 - day % 3 / 10)),
            Decimal(str(close)),
            1,
        )
        for day, close in enumerate(closes)
    )


def wilder(values: Sequence[float], period: int) -> float:
    """Return Wilder's smoothed mean: a plain mean first, then one part in `period` each."""
    mean = fmean(values[:period])
    for value in values[period:]:
        mean += (value - mean) / period
    return mean


def exponential(values: Sequence[float], period: int) -> list[float]:
    """Return the exponential averages from the `period`th value on, begun by a plain mean."""
    averages = [fmean(values[:period])]
    for value in values[period:]:
        averages.append(averages[-1] + (value - averages[-1]) * 2 / (period + 1))
    return averages


def test_the_names_are_those_of_the_market_table() -> None:
    assert tuple(indicators_of(bars_of(CLOSES))) == INDICATOR_NAMES


@pytest.mark.parametrize("window", [1, 5, 20, 60])
def test_returns_count_sessions(window: int) -> None:
    found = indicators_of(bars_of(CLOSES))

    assert found[f"return_{window}d"] == pytest.approx(CLOSES[-1] / CLOSES[-1 - window] - 1, 1e-5)


def test_rsi_is_wilders() -> None:
    steps = [after - before for before, after in itertools.pairwise(CLOSES)]
    gains, losses = [max(s, 0) for s in steps], [max(-s, 0) for s in steps]
    expected = 100 - 100 / (1 + wilder(gains, 14) / wilder(losses, 14))

    assert indicators_of(bars_of(CLOSES))["rsi_14"] == pytest.approx(expected, 1e-5)


def test_atr_is_wilders_mean_of_true_ranges() -> None:
    bars = bars_of(CLOSES)
    ranges = [
        max(float(b.high), float(a.close)) - min(float(b.low), float(a.close))
        for a, b in itertools.pairwise(bars)
    ]

    assert indicators_of(bars)["atr_14"] == pytest.approx(wilder(ranges, 14), 1e-5)


def test_macd_is_the_gap_of_two_exponential_averages() -> None:
    # Both averages begin at the 26th close, the fast one with a mean of the 12 closes before.
    fast, slow = exponential(CLOSES[14:], 12), exponential(CLOSES, 26)
    gaps = [a - b for a, b in zip(fast, slow, strict=True)]
    signal = exponential(gaps, 9)[-1]
    found = indicators_of(bars_of(CLOSES))

    assert found["macd"] == pytest.approx(gaps[-1], 1e-4)
    assert found["macd_signal"] == pytest.approx(signal, 1e-4)
    assert found["macd_histogram"] == pytest.approx(gaps[-1] - signal, 1e-3)


def test_volatility_is_that_of_the_last_20_log_returns_in_a_year() -> None:
    recent = CLOSES[-21:]
    steps = [math.log(after / before) for before, after in itertools.pairwise(recent)]

    found = indicators_of(bars_of(CLOSES))["realised_volatility_20d"]

    assert found == pytest.approx(stdev(steps) * math.sqrt(252), 1e-5)


@pytest.mark.parametrize("window", [50, 200])
def test_distances_are_fractions_of_the_plain_average(window: int) -> None:
    expected = CLOSES[-1] / fmean(CLOSES[-window:]) - 1

    found = indicators_of(bars_of(CLOSES))[f"distance_from_average_{window}d"]

    assert found == pytest.approx(expected, 1e-5)


FEWEST_BARS = {
    "return_1d": 2,
    "return_5d": 6,
    "return_20d": 21,
    "return_60d": 61,
    "rsi_14": 15,
    "macd": 34,
    "macd_signal": 34,
    "macd_histogram": 34,
    "atr_14": 15,
    "realised_volatility_20d": 21,
    "distance_from_average_50d": 50,
    "distance_from_average_200d": 200,
}


@pytest.mark.parametrize(("name", "fewest"), FEWEST_BARS.items())
def test_an_indicator_is_unknown_until_its_whole_window_is_there(name: str, fewest: int) -> None:
    assert indicators_of(bars_of(CLOSES[: fewest - 1]))[name] is None
    assert indicators_of(bars_of(CLOSES[:fewest]))[name] is not None


def test_without_bars_everything_is_unknown() -> None:
    assert set(indicators_of(()).values()) == {None}


def test_figures_have_six_significant_digits() -> None:
    for value in indicators_of(bars_of(CLOSES)).values():
        assert value == float(f"{value:.6g}")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=260))
def test_no_prices_give_nan_or_infinity(closes: list[float]) -> None:
    for value in indicators_of(bars_of(closes)).values():
        assert value is None or math.isfinite(value)
