"""The rehearsal portfolio managers: rank by one style's scores, trade the clearer end."""

from dataclasses import dataclass
from typing import Any

from council.llm.rehearsal.reading import Blocks, Instrument, Market, read_market
from council.llm.rehearsal.styles import STYLES, Style, ranked, scores_of
from council.llm.rehearsal.wording import fact_of, significant

_STOP_RANGES = 2.0
_SMALLEST_CONVICTION, _LARGEST_CONVICTION = 0.5, 2.0
_CONVICTION_A_SCORE = 1.1
_CLEAR_SCORE, _SLIGHT_SCORE = 1.0, 0.25
_OVERBOUGHT, _OVERSOLD = 75.0, 25.0


@dataclass(frozen=True, slots=True)
class Choice:
    """What a manager settled on; `score` is 0 where nothing is known."""

    instrument: Instrument
    direction: str
    conviction: float
    score: float


def pitch(blocks: Blocks, style_name: str) -> dict[str, Any]:
    """Return the pitch of the manager with this style, as JSON."""
    market, style = read_market(blocks), STYLES[style_name]
    scores = scores_of(style, market)
    ranking = ranked(scores, market.universe)
    choice = choose(market, scores, ranking)
    return {
        "instrument": choice.instrument.symbol,
        "direction": choice.direction,
        "horizon": style.horizon,
        "conviction": choice.conviction,
        "thesis_bullets": _thesis(choice, style, ranking),
        "indicators": _indicators(choice),
        "invalidation": _invalidation(choice),
        "invalidation_rule": _invalidation_rule(choice),
        "ranking": [
            {"instrument": symbol, "rank": rank, "bucket": _bucket(scores.get(symbol, 0.0))}
            for rank, symbol in enumerate(ranking, start=1)
        ],
        "choice_explanation": _explanation(choice, ranking),
        "monitoring_plan": _plan(choice),
    }


def choose(market: Market, scores: dict[str, float], ranking: tuple[str, ...]) -> Choice:
    """Return the end of the ranking with the stronger score, FLAT where nothing speaks for any."""
    priced = [symbol for symbol in ranking if symbol in scores]
    best, worst = priced[0], priced[-1]
    symbol = best if scores[best] >= -scores[worst] else worst
    instrument = next(one for one in market.instruments if one.symbol == symbol)
    score = scores[symbol]
    if score == 0:
        return Choice(instrument, "FLAT", 0, score)
    halves = round(abs(score) * _CONVICTION_A_SCORE / 0.5) * 0.5
    size = max(_SMALLEST_CONVICTION, min(_LARGEST_CONVICTION, halves))
    return Choice(instrument, "LONG" if score > 0 else "SHORT", size if score > 0 else -size, score)


def stop_level(choice: Choice) -> float:
    """Return the close at which the trade is wrong, in dollars."""
    side = -1 if choice.direction != "SHORT" else 1
    return significant(
        max(0.01, choice.instrument.close + side * _STOP_RANGES * choice.instrument.daily_range)
    )


def _thesis(choice: Choice, style: Style, ranking: tuple[str, ...]) -> list[str]:
    symbol = choice.instrument.symbol
    known = _known_facts(choice.instrument, style)
    place = f"{symbol} ranks {ranking.index(symbol) + 1} of {len(ranking)}"
    if choice.direction == "FLAT":
        return [f"{place}, but no known number speaks for a move of it: no position.", *known]
    side = "for" if choice.direction == "LONG" else "against"
    return [
        f"The rule is that {style.claim}; it speaks {side} {symbol}.",
        f"{place} with a score of {choice.score:+.2f} usual moves, the clearest in the table.",
        *known,
    ]


def _known_facts(instrument: Instrument, style: Style) -> list[str]:
    """Return what the style's numbers say, of the last session where it knows none of them."""
    facts = [fact_of(instrument, name) for name in style.drivers]
    known = [fact for fact in facts if fact]
    return known or [fact for fact in (fact_of(instrument, "return_1d"),) if fact]


def _indicators(choice: Choice) -> list[dict[str, Any]]:
    """Return rules that do not hold now and would speak against the trade if they did."""
    numbers, short = choice.instrument.numbers, choice.direction == "SHORT"
    against = ">" if short else "<"
    rules = [("close", against, stop_level(choice))]
    if "rsi_14" in numbers:
        rules.append(("rsi_14", "<" if short else ">", _OVERSOLD if short else _OVERBOUGHT))
    distance = numbers.get("distance_from_average_50d")
    if distance is not None and (distance > 0) is not short:
        rules.append(("distance_from_average_50d", against, 0.0))
    return [
        {"name": f"{choice.instrument.symbol}.{name}", "operator": operator, "threshold": level}
        for name, operator, level in rules
    ]


def _invalidation(choice: Choice) -> str:
    symbol, level = choice.instrument.symbol, stop_level(choice)
    if choice.direction == "FLAT":
        return f"A close of {symbol} under {level:g} would end the quiet and call for a new look."
    side = "above" if choice.direction == "SHORT" else "below"
    return (
        f"{symbol} closes {side} {level:g}, two average daily ranges from its last close of "
        f"{choice.instrument.close:g}."
    )


def _invalidation_rule(choice: Choice) -> dict[str, Any] | None:
    """Return the sentence as a rule; None where the level lies on the wrong side of the close."""
    close, level = choice.instrument.close, stop_level(choice)
    is_short = choice.direction == "SHORT"
    if close > level if is_short else close < level:
        return None
    return {
        "name": f"{choice.instrument.symbol}.close",
        "operator": ">" if is_short else "<",
        "threshold": level,
    }


def _explanation(choice: Choice, ranking: tuple[str, ...]) -> str:
    upper_half = ranking.index(choice.instrument.symbol) < (len(ranking) + 1) // 2
    if choice.direction == "FLAT" or upper_half is (choice.direction == "LONG"):
        return ""
    return "The ranking is relative, the trade is not: this is the only end with a signal."


def _plan(choice: Choice) -> str:
    level = stop_level(choice)
    return (
        f"At every checkpoint compare {choice.instrument.symbol} with {level:g}; look again when "
        f"an indicator crosses, and leave when the close does."
    )


def _bucket(score: float) -> str:
    if abs(score) < _SLIGHT_SCORE:
        return "neutral"
    strength = "strong_" if abs(score) >= _CLEAR_SCORE else ""
    return f"{strength}{'outperform' if score > 0 else 'underperform'}"
