"""The rehearsal reviewer: nine scores by rules, seen with the eyes of its own style."""

from dataclasses import dataclass
from typing import Any

from council.llm.rehearsal.reading import Blocks, Instrument, Market, read_market
from council.llm.rehearsal.styles import STYLES, ranked, scores_of
from council.llm.rehearsal.wording import capped, significant

_Pitch = dict[str, Any]
_CROWDED = 6
"""A pitch below this originality is asked what sets it apart."""
_PLAIN_SCORE = 0.8
_FAR_RANGES, _NEAR_RANGES = 4.0, 1.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What one reviewer sees: the market, its own scores and ranking, and the whole ballot."""

    market: Market
    scores: dict[str, float]
    ranking: tuple[str, ...]
    ballot: tuple[_Pitch, ...]

    def support(self, pitch: _Pitch) -> float:
        """Return how far the reviewer's own score speaks for the pitch; below 0 against it."""
        side = {"LONG": 1, "SHORT": -1}.get(pitch["direction"], 0)
        return side * self.scores.get(pitch["instrument"], 0.0)


def reviews(blocks: Blocks, style_name: str) -> dict[str, Any]:
    """Return one review for each pitch on the ballot, as JSON."""
    market = read_market(blocks)
    scores = scores_of(STYLES[style_name], market)
    ballot = tuple(blocks["pitches"])
    desk = Desk(market, scores, ranked(scores, market.universe), ballot)
    return {"reviews": [_review(pitch, desk) for pitch in ballot]}


def _review(pitch: _Pitch, desk: Desk) -> dict[str, Any]:
    return {
        "label": pitch["label"],
        "scores": {name: _bounded(rule(pitch, desk)) for name, rule in _CRITERIA.items()},
        "best_argument_against": capped(_objection(pitch, desk)),
        "one_flip_condition": capped(_flip(pitch, desk)),
        "suggested_fix": capped(_fix(pitch, desk)),
    }


def _clarity(pitch: _Pitch, desk: Desk) -> float:
    with_numbers = sum(any(c.isdigit() for c in line) for line in pitch["thesis_bullets"])
    return 3 + with_numbers + (1 if len(pitch["thesis_bullets"]) > 1 else 0)


def _edge(pitch: _Pitch, desk: Desk) -> float:
    return 5 + 2.5 * desk.support(pitch)


def _timing(pitch: _Pitch, desk: Desk) -> float:
    instrument = desk.market.of(pitch["instrument"])
    move = instrument.in_deviations("return_5d", 5) if instrument else None
    side = {"LONG": 1, "SHORT": -1}.get(pitch["direction"], 0)
    return 5 + 1.5 * side * (move or 0.0) + (1 if pitch["horizon"] != "1w" else 0)


def _risk(pitch: _Pitch, desk: Desk) -> float:
    ranges = _stop_ranges(pitch, desk)
    written = any(character.isdigit() for character in pitch["invalidation"])
    if ranges is None:
        return 5 if written else 3
    return (9 if _NEAR_RANGES <= ranges <= _FAR_RANGES else 5) - (0 if written else 3)


def _integrity(pitch: _Pitch, desk: Desk) -> float:
    own = sum(r["name"].startswith(f"{pitch['instrument']}.") for r in pitch["indicators"])
    already = sum(_holds(rule) for rule in pitch["indicators"])
    return float(5 + min(own, 3) + (already < len(pitch["indicators"])) - already)


def _originality(pitch: _Pitch, desk: Desk) -> float:
    others = [one for one in desk.ballot if one["label"] != pitch["label"]]
    same = sum(one["instrument"] == pitch["instrument"] for one in others)
    twins = sum(
        one["instrument"] == pitch["instrument"] and one["direction"] == pitch["direction"]
        for one in others
    )
    return float(8 - 2 * same - twins)


def _tradeability(pitch: _Pitch, desk: Desk) -> float:
    instrument = desk.market.of(pitch["instrument"])
    if instrument is None:
        return 1
    return 9 - 12 * instrument.daily_range / instrument.close - 4 * instrument.volatility


def _ranking(pitch: _Pitch, desk: Desk) -> float:
    """Score how near the ranking is to the reviewer's own (Spearman's footrule)."""
    own = {symbol: place for place, symbol in enumerate(desk.ranking, start=1)}
    apart = sum(abs(own.get(p["instrument"], p["rank"]) - p["rank"]) for p in pitch["ranking"])
    widest = max(1, len(own) ** 2 // 2)
    return 9 - 8 * float(apart) / widest


def _consistency(pitch: _Pitch, desk: Desk) -> float:
    places = len(pitch["ranking"])
    rank = next(p["rank"] for p in pitch["ranking"] if p["instrument"] == pitch["instrument"])
    if pitch["direction"] == "FLAT":
        return 6
    steps = float(rank - 1 if pitch["direction"] == "LONG" else places - rank)
    gap = abs(abs(float(pitch["conviction"])) - abs(desk.scores.get(pitch["instrument"], 0.0)))
    return 10 - 8 * steps / max(1, places) - gap


_CRITERIA = {
    "clarity": _clarity,
    "edge_plausibility": _edge,
    "timing_catalyst": _timing,
    "risk_definition": _risk,
    "indicator_integrity": _integrity,
    "originality": _originality,
    "tradeability": _tradeability,
    "ranking_quality": _ranking,
    "choice_consistency": _consistency,
}


def _bounded(score: float) -> int:
    return max(1, min(10, round(score)))


def _holds(rule: dict[str, Any]) -> bool:
    current, threshold = float(rule["current"]), float(rule["threshold"])
    if current == threshold:
        return "=" in rule["operator"]
    return (current > threshold) is (">" in rule["operator"])


def _stop_ranges(pitch: _Pitch, desk: Desk) -> float | None:
    """Return how many average daily ranges away the pitch's own price rule is, if it has one."""
    instrument = desk.market.of(pitch["instrument"])
    name = f"{pitch['instrument']}.close"
    level = next((r["threshold"] for r in pitch["indicators"] if r["name"] == name), None)
    if instrument is None or level is None:
        return None
    return abs(instrument.close - float(level)) / instrument.daily_range


def _objection(pitch: _Pitch, desk: Desk) -> str:
    symbol, support = pitch["instrument"], desk.support(pitch)
    own = desk.scores.get(symbol, 0.0)
    if pitch["direction"] == "FLAT":
        best = desk.ranking[0]
        return (
            f"FLAT gives up a week in which {best} scores {desk.scores.get(best, 0.0):+.2f} usual "
            f"moves on another reading."
        )
    if support < 0:
        return (
            f"Another reading of the same table scores {symbol} {own:+.2f} usual moves, against "
            f"{pitch['direction']} at {pitch['conviction']}."
        )
    place = desk.ranking.index(symbol) + 1 if symbol in desk.ranking else 0
    if support >= _PLAIN_SCORE:
        return (
            f"Everybody can see it: {symbol} scores {own:+.2f} usual moves here too and ranks "
            f"{place} of {len(desk.ranking)}; nothing says why that is not in the price."
        )
    return (
        f"{symbol} scores only {own:+.2f} usual moves here and ranks {place} of "
        f"{len(desk.ranking)}; a conviction of {pitch['conviction']} has little left to win."
    )


def _flip(pitch: _Pitch, desk: Desk) -> str:
    instrument = desk.market.of(pitch["instrument"])
    if instrument is None:
        return f"Prices of {pitch['instrument']} appear and speak against the thesis."
    side = 1 if pitch["direction"] == "SHORT" else -1
    level = significant(instrument.close + side * 1.5 * instrument.daily_range)
    where = "above" if side > 0 else "below"
    return (
        f"A close of {instrument.symbol} {where} {level:g}, 1.5 average daily ranges from "
        f"{instrument.close:g}."
    )


def _fix(pitch: _Pitch, desk: Desk) -> str:
    symbol, ranges = pitch["instrument"], _stop_ranges(pitch, desk)
    instrument: Instrument | None = desk.market.of(symbol)
    if instrument is not None and (ranges is None or not _NEAR_RANGES <= ranges <= _FAR_RANGES):
        return (
            f"Put a rule on {symbol}.close about two average daily ranges "
            f"(${2 * instrument.daily_range:.2f}) from {instrument.close:g}."
        )
    if _originality(pitch, desk) < _CROWDED:
        return f"Say what {symbol} offers that the other proposals on it do not, with a number."
    weakest = min(_CRITERIA, key=lambda name: _CRITERIA[name](pitch, desk)).replace("_", " ")
    return f"Strengthen {weakest}: name the number of {symbol} that would change your mind first."
