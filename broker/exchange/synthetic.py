"""A made-up market: correlated instruments driven by a few factors and by regimes of volatility.

Every day's shocks are drawn by (seed, factor, day's number since 2016), so a longer history never
changes an earlier price, and any process computes the same one. Levels wander around a trend, which
keeps twenty years of them believable. None of it is a forecast.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from broker.exchange.noise import FloatArray, normals, uniforms
from broker.exchange.paths import Ohlcv
from broker.exchange.seeds import key_of

FACTORS = ("equity", "rates", "dollar", "gold", "oil", "credit")
_SESSIONS_A_YEAR = 252
_REGIME_VOLATILITY = np.array([0.7, 1.1, 2.2])
_REGIME_EQUITY_DRIFT = np.array([0.03, 0.0, -0.12])
"""Mean daily equity shock, in deviations: calm markets climb, stressed ones fall."""
_REGIME_MOVES = ((0.985, 0.998), (0.03, 0.985), (0.01, 0.06))
"""Per regime: a draw below the first number makes the next day calm, below the second normal."""
_GAP_SHARE = 0.35
"""Part of a day's return that happens before the open."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """How one symbol moves.

    Attributes:
        start_usd: Price at the start of 2016.
        growth: Trend per year, a logarithmic rate.
        loadings: Daily deviation from each of FACTORS, in percent.
        own: Daily deviation of its own, in percent.
        recall: Part of the distance to the trend that is made up per session.
        shares: Typical volume of a day.
    """

    start_usd: float
    growth: float
    loadings: tuple[float, float, float, float, float, float]
    own: float
    recall: float
    shares: int


INSTRUMENTS: dict[str, Instrument] = {
    "SPY": Instrument(201.0, 0.105, (0.95, 0, 0, 0, 0, 0), 0.06, 0.004, 75_000_000),
    "QQQ": Instrument(109.5, 0.150, (1.12, 0.10, 0, 0, 0, 0), 0.45, 0.004, 45_000_000),
    "IWM": Instrument(110.6, 0.070, (1.12, -0.05, 0, 0, 0.05, 0.2), 0.50, 0.004, 30_000_000),
    "TLT": Instrument(121.5, -0.025, (-0.18, 0.85, 0, 0, 0, 0), 0.08, 0.006, 30_000_000),
    "IEF": Instrument(106.2, -0.010, (-0.07, 0.38, 0, 0, 0, 0), 0.04, 0.008, 7_000_000),
    "HYG": Instrument(80.1, 0.0, (0.30, 0.05, 0, 0, 0.03, 0.25), 0.05, 0.012, 35_000_000),
    "LQD": Instrument(113.6, -0.002, (0.06, 0.35, 0, 0, 0, 0.20), 0.05, 0.010, 25_000_000),
    "UUP": Instrument(25.7, 0.008, (-0.10, -0.06, 0.40, 0, 0, 0), 0.03, 0.008, 1_500_000),
    "GLD": Instrument(101.8, 0.110, (0.0, 0.18, -0.30, 0.75, 0, 0), 0.05, 0.005, 9_000_000),
    "IAU": Instrument(20.4, 0.110, (0.0, 0.18, -0.30, 0.75, 0, 0), 0.06, 0.005, 7_000_000),
    "USO": Instrument(82.0, -0.005, (0.45, -0.10, -0.15, 0, 1.80, 0), 0.15, 0.008, 4_000_000),
    "BNO": Instrument(24.0, 0.020, (0.45, -0.10, -0.15, 0, 1.70, 0), 0.25, 0.008, 900_000),
    "VIXY": Instrument(38.0, -0.030, (-3.40, 0, 0, 0, 0, 0), 1.80, 0.030, 5_000_000),
}
"""The instruments that the synthetic market knows; levels and deviations resemble the real ones."""


@dataclass(frozen=True, slots=True)
class SyntheticHistory:
    """Daily bars as arrays of shape (sessions, symbols), columns in the order of INSTRUMENTS."""

    opens: FloatArray
    highs: FloatArray
    lows: FloatArray
    closes: FloatArray
    volumes: FloatArray

    def bar(self, session_number: int, symbol_number: int) -> Ohlcv:
        """Return one day of one symbol."""
        place = (session_number, symbol_number)
        return Ohlcv(
            open=float(self.opens[place]),
            high=float(self.highs[place]),
            low=float(self.lows[place]),
            close=float(self.closes[place]),
            volume=int(self.volumes[place]),
        )

    def bars(self, first: int, end: int, symbol_number: int) -> Iterator[Ohlcv]:
        """Return the days of one symbol from the session number `first` to before `end`."""
        place = (slice(first, end), symbol_number)
        columns = (self.opens, self.highs, self.lows, self.closes)
        prices = (column[place].tolist() for column in columns)
        return map(Ohlcv, *prices, self.volumes[place].astype(np.int64).tolist())


def history(seed: int, sessions: int) -> SyntheticHistory:
    """Return the first `sessions` days since 2016 of every instrument for `seed`."""
    regimes = _regimes(seed, sessions)
    scale = _REGIME_VOLATILITY[regimes][:, None]
    returns = _returns(seed, regimes) * scale
    levels = _levels(returns)
    before = np.vstack([_starts()[None, :], levels[:-1]])
    opens = before * np.exp(_GAP_SHARE * returns + _draws(seed, "gap", sessions) * 0.001 * scale)
    return _bars(seed, opens, levels, reach=_deviations() * scale)


def _regimes(seed: int, sessions: int) -> "np.ndarray[tuple[int], np.dtype[np.int_]]":
    """Walk the three regimes (calm, normal, stressed), one step a day, starting calm."""
    regime, walked = 0, []
    for draw in uniforms(key_of(seed, "regime"), sessions).tolist():
        calm, normal = _REGIME_MOVES[regime]
        regime = 0 if draw < calm else 1 if draw < normal else 2
        walked.append(regime)
    return np.array(walked, dtype=np.int_)


def _returns(seed: int, regimes: "np.ndarray[tuple[int], np.dtype[np.int_]]") -> FloatArray:
    """Return daily logarithmic shocks of shape (sessions, symbols), before the regime's scale."""
    sessions = len(regimes)
    shocks = np.column_stack([normals(key_of(seed, name), sessions) for name in FACTORS])
    shocks[:, 0] += _REGIME_EQUITY_DRIFT[regimes]
    loadings = np.array([one.loadings for one in INSTRUMENTS.values()])
    # Summed factor by factor: a matrix product may add in another order on another machine.
    moved = sum(shocks[:, [n]] * loadings[:, n][None, :] for n in range(len(FACTORS)))
    own = np.array([one.own for one in INSTRUMENTS.values()])
    return np.asarray((moved + _draws(seed, "own", sessions) * own) / 100.0, dtype=np.float64)


def _levels(returns: FloatArray) -> FloatArray:
    """Let each close follow its shocks while being drawn back to its trend; shape of `returns`."""
    keep = 1.0 - np.array([one.recall for one in INSTRUMENTS.values()])
    growth = np.array([one.growth for one in INSTRUMENTS.values()]) / _SESSIONS_A_YEAR
    distance = np.zeros(returns.shape[1])
    distances = np.empty_like(returns)
    for number, shock in enumerate(returns):
        distance = distance * keep + shock
        distances[number] = distance
    trend = np.arange(1, len(returns) + 1)[:, None] * growth[None, :]
    return np.asarray(_starts()[None, :] * np.exp(distances + trend), dtype=np.float64)


def _bars(
    seed: int, opens: FloatArray, closes: FloatArray, *, reach: FloatArray
) -> SyntheticHistory:
    """Round to cents and add highs, lows and volumes around opens and closes."""
    opens, closes = np.round(opens, 2), np.round(closes, 2)
    above = np.abs(_draws(seed, "high", len(opens))) * reach * 0.5
    below = np.abs(_draws(seed, "low", len(opens))) * reach * 0.5
    highs = np.round(np.maximum(opens, closes) * (1 + above), 2)
    lows = np.round(np.minimum(opens, closes) * (1 - below), 2)
    shares = np.array([one.shares for one in INSTRUMENTS.values()])
    busy = 1.0 + 0.25 * _draws(seed, "volume", len(opens))
    return SyntheticHistory(opens, highs, lows, closes, np.floor(shares * busy))


def _draws(seed: int, purpose: str, sessions: int) -> FloatArray:
    return np.column_stack(
        [normals(key_of(seed, purpose, symbol), sessions) for symbol in INSTRUMENTS]
    )


def _deviations() -> FloatArray:
    """Return each instrument's daily deviation in calm-to-normal times, a fraction."""
    rows = [(*one.loadings, one.own) for one in INSTRUMENTS.values()]
    return np.array([sum(part * part for part in row) ** 0.5 / 100.0 for row in rows])[None, :]


def _starts() -> FloatArray:
    return np.array([one.start_usd for one in INSTRUMENTS.values()])
