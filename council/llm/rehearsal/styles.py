"""Five ways to look at the same market table, one for each rehearsal manager.

A score is in units of an instrument's own usual move: above 0 expects a rise, 1 is a clear signal.
Where history is too short for a style's own numbers, it reads the longest move that is known; where
nothing is known the score is 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

from council.llm.rehearsal.reading import Instrument, Market

_NEUTRAL_RSI = 50.0
_RSI_UNIT = 12.0
_SCORE_BOUND = 3.0
_SLIGHT_SCORE_BOUND = 0.6
"""Of what a short history says: it is worth the smallest conviction and no more."""

_SHORT_MOVES = (("return_20d", 20), ("return_5d", 5), ("return_1d", 1))

Score = Callable[[Instrument, Market], float | None]


@dataclass(frozen=True, slots=True)
class Style:
    """A manager's rule: `claim` is what it believes, `drivers` are the numbers it reads first.

    `score` returns None where it knows none of its numbers. Then the longest known move counts, its
    way if `follows_moves`, else against it, and never for more than a slight signal.
    """

    score: Score
    follows_moves: bool
    horizon: str
    claim: str
    drivers: tuple[str, ...]


def momentum(instrument: Instrument, market: Market) -> float | None:
    """Expect the last months' move to go on."""
    return _mean(
        instrument.in_deviations("return_20d", 20),
        instrument.in_deviations("return_60d", 60),
        _times(0.5, instrument.in_deviations("return_5d", 5)),
    )


def mean_reversion(instrument: Instrument, market: Market) -> float | None:
    """Expect the last days' stretch to come back."""
    rsi = instrument.numbers.get("rsi_14")
    return _mean(
        None if rsi is None else (_NEUTRAL_RSI - rsi) / _RSI_UNIT,
        _times(-1.0, instrument.in_deviations("return_5d", 5)),
        _times(-0.5, instrument.in_deviations("distance_from_average_50d", 50)),
    )


def trend(instrument: Instrument, market: Market) -> float | None:
    """Expect price to keep to the side of its averages."""
    histogram = instrument.numbers.get("macd_histogram")
    return _mean(
        _times(1.4, instrument.in_deviations("distance_from_average_50d", 50)),
        instrument.in_deviations("distance_from_average_200d", 200),
        None if histogram is None else 4 * histogram / instrument.daily_range,
    )


def carry(instrument: Instrument, market: Market) -> float | None:
    """Prefer calm instruments that drift up, dislike nervous ones that drift down."""
    calm = None
    if "realised_volatility_20d" in instrument.numbers:
        calm = max(-0.8, 1 - instrument.volatility / market.median_volatility)
    return _mean(_times(1.6, calm), _times(0.7, instrument.in_deviations("return_60d", 60)))


def volatility_regime(instrument: Instrument, market: Market) -> float | None:
    """Hold nervous instruments in quiet times and quiet ones when fear rises."""
    if "realised_volatility_20d" not in instrument.numbers:
        return None
    nervous = max(-1.0, min(1.0, instrument.volatility / market.median_volatility - 1))
    recent = instrument.in_deviations("return_1d", 1)
    return _mean(-1.6 * stress(market) * nervous, _times(0.6, recent))


def stress(market: Market) -> float:
    """Return how fear moves: above 0 it rises, from the proxy or else from the whole table."""
    known = short_move(market.proxy) if market.proxy else None
    if known is not None:
        return max(-1.5, min(1.5, known))
    return -(_mean(*(short_move(one) for one in market.instruments)) or 0.0)


def short_move(instrument: Instrument) -> float | None:
    """Return the longest known move of up to 20 sessions, in usual moves; None if none is known."""
    moves = (instrument.in_deviations(name, sessions) for name, sessions in _SHORT_MOVES)
    return next((move for move in moves if move is not None), None)


STYLES: dict[str, Style] = {
    "momentum": Style(
        momentum,
        True,
        "1w",
        "what rose for months on steady buying tends to keep rising for another week",
        ("return_20d", "return_60d", "return_5d"),
    ),
    "mean-reversion": Style(
        mean_reversion,
        False,
        "3d",
        "a move that outran its usual range in a few days tends to give part of it back",
        ("rsi_14", "return_5d", "distance_from_average_50d"),
    ),
    "trend": Style(
        trend,
        True,
        "1w",
        "price tends to stay on its side of the averages until the averages are broken",
        ("distance_from_average_50d", "distance_from_average_200d", "macd_histogram"),
    ),
    "carry": Style(
        carry,
        True,
        "1w",
        "calm instruments with a steady drift pay for the waiting, nervous ones charge for it",
        ("realised_volatility_20d", "return_60d", "atr_14"),
    ),
    "volatility-regime": Style(
        volatility_regime,
        True,
        "1w",
        "nervous instruments lead while fear falls and calm ones lead while it rises",
        ("realised_volatility_20d", "return_1d", "return_20d"),
    ),
}


def scores_of(style: Style, market: Market) -> dict[str, float]:
    """Return the style's score of every instrument with prices, within -3 to 3."""
    return {
        one.symbol: max(-_SCORE_BOUND, min(_SCORE_BOUND, _score(style, one, market)))
        for one in market.instruments
    }


def ranked(scores: dict[str, float], universe: tuple[str, ...]) -> tuple[str, ...]:
    """Return the universe from best to worst; whatever has no score stands in the middle."""
    order = {symbol: place for place, symbol in enumerate(universe)}
    return tuple(sorted(universe, key=lambda symbol: (-scores.get(symbol, 0.0), order[symbol])))


def _score(style: Style, instrument: Instrument, market: Market) -> float:
    own = style.score(instrument, market)
    if own is not None:
        return own
    move = short_move(instrument) or 0.0
    slight = _SLIGHT_SCORE_BOUND * move / (1 + abs(move))
    return slight if style.follows_moves else -slight


def _mean(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) / len(known) if known else None


def _times(factor: float, part: float | None) -> float | None:
    return None if part is None else factor * part
