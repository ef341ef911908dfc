"""The twelve indicators of the market table, by TA-Lib over daily bars.

An indicator whose history is too short is None, never a number from half a window. Figures are
rounded to six significant digits: more is noise, and equal bars must give equal facts everywhere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from broker.models import Bar

if TYPE_CHECKING:
    import numpy as np

    Prices = np.ndarray[Any, np.dtype[np.float64]]

RETURN_WINDOWS_SESSIONS = (1, 5, 20, 60)
AVERAGE_WINDOWS_SESSIONS = (50, 200)
WILDER_PERIOD_SESSIONS = 14
VOLATILITY_WINDOW_SESSIONS = 20
MACD_PERIODS_SESSIONS = (12, 26, 9)
SESSIONS_PER_YEAR = 252
SIGNIFICANT_DIGITS = 6


@dataclass(frozen=True, slots=True)
class _Series:
    """One instrument's sessions, oldest first."""

    high: "Prices"
    low: "Prices"
    close: "Prices"


def indicators_of(bars: Sequence[Bar]) -> dict[str, float | None]:
    """Return every indicator of `INDICATOR_NAMES` after the last of `bars` (oldest first)."""
    series = _series(bars)
    found = {
        **_returns(series.close),
        "rsi_14": _rsi(series.close),
        **_macd(series.close),
        "atr_14": _atr(series),
        "realised_volatility_20d": _realised_volatility(series.close),
        **_distances(series.close),
    }
    return {name: _rounded(value) for name, value in found.items()}


def _series(bars: Sequence[Bar]) -> _Series:
    import numpy as np  # noqa: PLC0415 - a server that only lists its tools should not pay for it

    columns = np.array(
        [(float(bar.high), float(bar.low), float(bar.close)) for bar in bars], dtype=np.float64
    ).reshape(-1, 3)
    high, low, close = (np.ascontiguousarray(column) for column in columns.T)
    return _Series(high, low, close)


def _returns(close: "Prices") -> dict[str, float | None]:
    return {
        f"return_{window}d": close[-1] / close[-1 - window] - 1 if len(close) > window else None
        for window in RETURN_WINDOWS_SESSIONS
    }


def _rsi(close: "Prices") -> float | None:
    import talib  # noqa: PLC0415 - loads a C library; see `_series`

    if len(close) <= WILDER_PERIOD_SESSIONS:
        return None
    return _last(talib.RSI(close, WILDER_PERIOD_SESSIONS))


def _macd(close: "Prices") -> dict[str, float | None]:
    import talib  # noqa: PLC0415 - see `_rsi`

    names = ("macd", "macd_signal", "macd_histogram")
    _, slow, signal = MACD_PERIODS_SESSIONS
    if len(close) < slow + signal - 1:
        return dict.fromkeys(names)
    lines = talib.MACD(close, *MACD_PERIODS_SESSIONS)
    return {name: _last(line) for name, line in zip(names, lines, strict=True)}


def _atr(series: _Series) -> float | None:
    import talib  # noqa: PLC0415 - see `_rsi`

    if len(series.close) <= WILDER_PERIOD_SESSIONS:
        return None
    return _last(talib.ATR(series.high, series.low, series.close, WILDER_PERIOD_SESSIONS))


def _realised_volatility(close: "Prices") -> float | None:
    """Return the sample deviation of the last 20 daily log returns, times sqrt(252)."""
    import numpy as np  # noqa: PLC0415 - see `_series`

    if len(close) <= VOLATILITY_WINDOW_SESSIONS:
        return None
    steps = np.diff(np.log(close[-VOLATILITY_WINDOW_SESSIONS - 1 :]))
    return float(np.std(steps, ddof=1)) * math.sqrt(SESSIONS_PER_YEAR)


def _distances(close: "Prices") -> dict[str, float | None]:
    import talib  # noqa: PLC0415 - see `_rsi`

    found: dict[str, float | None] = {}
    for window in AVERAGE_WINDOWS_SESSIONS:
        average = _last(talib.SMA(close, window)) if len(close) >= window else None
        name = f"distance_from_average_{window}d"
        found[name] = close[-1] / average - 1 if average else None
    return found


def _last(line: "Prices") -> float | None:
    return float(line[-1]) if len(line) else None


def _rounded(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
