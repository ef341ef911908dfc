"""The rehearsal researcher: a pack from the market table and nothing else, and it says so."""

from collections.abc import Sequence
from typing import Any

from council.llm.rehearsal.managers import choose, stop_level
from council.llm.rehearsal.reading import Blocks, Instrument, Market, read_market
from council.llm.rehearsal.styles import STYLES, ranked, scores_of, stress
from council.llm.rehearsal.wording import capped, fact_of

_CLEAR_MOVE = 0.3
_CANDIDATES = 4
_KINDS = {
    "equities": ("equit", "stock"),
    "duration": ("duration", "treasur"),
    "dollar": ("dollar",),
    "credit": ("credit",),
    "inflation": ("gold", "oil", "commod"),
}
"""What an asset class is about, by words in its name."""


def pack(blocks: Blocks) -> dict[str, Any]:
    """Return a research pack, as JSON."""
    market = read_market(blocks)
    scores = scores_of(STYLES["momentum"], market)
    ranking = ranked(scores, market.universe)
    return {
        "macro_regime": _regime(market),
        "top_narratives": [_narrative(market, ranking)],
        "consensus_map": _consensus(market, ranking, scores),
        "tradable_candidates": _candidates(market, scores, ranking),
        "instrument_ranking": [
            {"instrument": symbol, "rank": rank, "reason": _reason(market, symbol, scores)}
            for rank, symbol in enumerate(ranking, start=1)
        ],
        "event_calendar_next_7d": [],
        "confidence_notes": {
            "known_unknowns": ["News, positioning and scheduled events of the week."],
            "data_quality_flags": ["no live web: rehearsal", *_gaps(market)],
        },
    }


def _regime(market: Market) -> dict[str, str]:
    equities, duration = _move(market, "equities"), _move(market, "duration")
    risk = _dial(equities - stress(market), ("risk_off", "neutral", "risk_on"))
    return {
        "risk_mode": risk,
        "rates_impulse": _dial(-duration, _IMPULSES),
        "usd_impulse": _dial(_move(market, "dollar"), _IMPULSES),
        "inflation_impulse": _dial(_move(market, "inflation"), _IMPULSES),
        "growth_impulse": _dial(equities + _move(market, "credit"), _IMPULSES),
    }


_IMPULSES = ("down", "flat", "up")


def _dial(move: float, words: tuple[str, str, str]) -> str:
    return words[1] if abs(move) < _CLEAR_MOVE else words[2 if move > 0 else 0]


def _move(market: Market, kind: str) -> float:
    """Return the mean 20-session move of a kind of instruments, in usual moves; 0 if unknown."""
    moves = [
        move
        for one in market.instruments
        if any(word in one.asset_class.lower() for word in _KINDS[kind])
        and (move := one.in_deviations("return_20d", 20)) is not None
    ]
    return sum(moves) / len(moves) if moves else 0.0


def _narrative(market: Market, ranking: Sequence[str]) -> dict[str, Any]:
    level = stress(market)
    tone = "Fear rises" if level > 0 else "Fear fades"
    return {
        "name": f"{tone}: {ranking[0]} leads, {ranking[-1]} lags",
        "why_it_moves_prices_this_week": (
            f"{tone.lower().capitalize()} by {abs(level):.2f} usual moves on the table's own "
            f"numbers; positions follow the last weeks' winners until volatility turns."
        ),
        "key_catalysts_next_7d": [],
        "what_would_falsify_it": f"{ranking[-1]} outruns {ranking[0]} over five sessions.",
    }


def _consensus(market: Market, ranking: Sequence[str], scores: dict[str, float]) -> dict[str, str]:
    first = scores.get(ranking[0], 0.0)
    return {
        "street_consensus": f"Unknown without live sources; the table favours {ranking[0]}.",
        "positioning_guess": f"A guess: leaning to {ranking[0]}, away from {ranking[-1]}.",
        "what_market_is_priced_for": f"A continuation: {ranking[0]} scores {first:+.2f}.",
        "what_would_surprise": f"A reversal in {ranking[0]} with rising volatility.",
    }


def _candidates(
    market: Market, scores: dict[str, float], ranking: Sequence[str]
) -> list[dict[str, Any]]:
    strongest = sorted(scores, key=lambda symbol: (-abs(scores[symbol]), symbol))[:_CANDIDATES]
    return [
        _candidate(instrument, scores[instrument.symbol])
        for symbol in strongest
        if (instrument := market.of(symbol)) is not None
    ]


def _candidate(instrument: Instrument, score: float) -> dict[str, Any]:
    symbol = instrument.symbol
    alone = Market((symbol,), (instrument,), None)
    choice = choose(alone, {symbol: score}, (symbol,))
    facts = [fact_of(instrument, name) for name in ("return_20d", "return_60d")]
    facts = facts if any(facts) else [fact_of(instrument, "return_1d")]
    known = [fact for fact in facts if fact] or [f"{symbol} closed at {instrument.close:g}."]
    side = "above" if choice.direction == "SHORT" else "below"
    return {
        "instrument": symbol,
        "directional_bias": choice.direction,
        "one_week_thesis": f"{' '.join(known)} The score is {score:+.2f} usual moves.",
        "primary_risks": [f"A daily range of ${instrument.daily_range:.2f} can undo a week."],
        "watch_indicators": [f"{symbol}.close {stop_level(choice):g}"],
        "invalidation_rule": f"{symbol} closes {side} {stop_level(choice):g}.",
    }


def _reason(market: Market, symbol: str, scores: dict[str, float]) -> str:
    instrument = market.of(symbol)
    if instrument is None:
        return "No prices this week; placed in the middle."
    fact = fact_of(instrument, "return_20d") or f"{symbol} has a short history."
    return capped(f"{fact} The score is {scores[symbol]:+.2f} usual moves.")


def _gaps(market: Market) -> list[str]:
    missing = [symbol for symbol in market.universe if market.of(symbol) is None]
    return [capped(f"no prices for {', '.join(missing)}")] if missing else []
