"""The rehearsal members of the general council: they know nothing, say so, and go through the acts.

All that they can honestly add is what their one rule reads in the market table, where one is shown.
"""

from typing import Any

from council.llm.rehearsal.reading import Blocks, read_market
from council.llm.rehearsal.styles import STYLES, ranked, scores_of
from council.llm.rehearsal.wording import capped, fact_of

_HONESTLY = (
    "This is a rehearsal: a fixed rule wrote this, not a language model. It did not understand the "
    "question and knows nothing of the world."
)
_DOUBT = "A rule cannot answer questions; with a gateway key language models do."
_REASON = "By a fixed rule: this one cites {} numbers. Nothing was understood."
_QUOTED = 2_000


def member_answer(blocks: Blocks, style_name: str) -> dict[str, Any]:
    """Return what the rule reads in the market table, and that it is no answer, as JSON."""
    reading = _reading(blocks, style_name) or "No market table was shown, so it can add nothing."
    return {"answer": f"{_HONESTLY} {reading}", "confidence": "low", "doubts": [_DOUBT]}


def ranking(blocks: Blocks) -> dict[str, Any]:
    """Return the answers ranked by how many numbers they cite, as JSON."""
    rows = sorted(blocks["answers"], key=lambda row: (-_numbers(row["answer"]), row["label"]))
    return {
        "ranking": [
            {"label": row["label"], "reason": _REASON.format(_numbers(row["answer"]))}
            for row in rows
        ]
    }


def final_answer(blocks: Blocks) -> dict[str, Any]:
    """Return the best-ranked answer as it stands, and that nobody has judged it, as JSON."""
    best = blocks["scoreboard"][0]["label"]
    texts = {row["label"]: row["answer"] for row in blocks["answers"]}
    quoted = capped(texts[best].removeprefix(_HONESTLY).strip(), _QUOTED)
    return {"answer": f"{_HONESTLY} {quoted}", "confidence": "low", "dissent": []}


def _numbers(text: str) -> int:
    return sum(any(character.isdigit() for character in word) for word in text.split())


def _reading(blocks: Blocks, style_name: str) -> str | None:
    if "market_table" not in blocks:
        return None
    market, style = read_market(blocks), STYLES[style_name]
    scores = scores_of(style, market)
    priced = [symbol for symbol in ranked(scores, market.universe) if symbol in scores]
    if not priced:
        return None
    best = market.of(priced[0])
    facts = [fact_of(best, name) for name in style.drivers] if best else []
    said = " ".join(fact for fact in facts if fact)
    return f"Its rule is that {style.claim}; it puts {priced[0]} first of {len(priced)}. {said}"
