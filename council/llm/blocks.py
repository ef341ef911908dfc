"""What stored facts look like inside a prompt: one block each, equal bytes for equal facts."""

from collections.abc import Sequence
from typing import Any

from council.context import WeekContext
from council.model.checkpoint import IndicatorReading
from council.model.decision import Decision
from council.model.market import InstrumentSnapshot, MarketSnapshot
from council.model.pitch import Pitch
from council.model.postmortem import OfferedLesson
from council.model.research import ResearchPack
from council.model.review import Ballot, Review
from council.templates import render
from council.untrusted import fenced, without_links

_PACK_ORIGIN = {"week_id", "pack", "asof_et", "research_source", "model", "sources"}
"""Left out of prompts: a reader who knows the writer judges the writer; links are never needed."""
_REVIEW_WORDS = {"scores", "best_argument_against", "one_flip_condition", "suggested_fix"}


def market_text(snapshot: MarketSnapshot, universe: Sequence[str]) -> str:
    """Return the market table and the universe with how to read them."""
    return render("market", **_market_blocks(snapshot, universe))


def shared_text(context: WeekContext, universe: Sequence[str]) -> str:
    """Return what opens the prompt of every stage after research: market table and packs."""
    packs = sorted(context.packs, key=lambda pack: pack.pack)
    return render(
        "shared",
        **_market_blocks(context.frozen_snapshot, universe),
        packs=[pack_block(pack) for pack in packs],
        missing_packs=sorted(gap.pack for gap in context.failed_packs),
    )


def pack_block(pack: ResearchPack) -> str:
    """Return a pack without its origin and without links."""
    content = pack.model_dump(mode="json", exclude=_PACK_ORIGIN)
    return fenced("research_pack", without_links(content), pack=pack.pack)


def reviews_block(reviews: Sequence[Review], ballot: Ballot) -> str:
    """Return the reviews under the labels of `ballot`; who wrote which is left out."""
    rows = [
        {
            "label": pitch.label,
            "reviews": [
                review.model_dump(mode="json", include=_REVIEW_WORDS)
                for review in reviews
                if review.pitch_id == ballot.pitch_ids[pitch.label]
            ],
        }
        for pitch in ballot.pitches
    ]
    return fenced("reviews", without_links(rows))


def thesis_block(thesis: Pitch | Decision | None) -> str:
    """Return what was thought when the week began, without its author."""
    kept = {
        "horizon",
        "thesis_bullets",
        "invalidation",
        "monitoring_plan",
        "rationale",
        "selected_trade",
    }
    content = thesis.model_dump(mode="json", include=kept) if thesis else None
    return fenced("thesis", without_links(content))


def invalidation_block(readings: Sequence[IndicatorReading]) -> str:
    """Return the rules that end a trade, and whether any is met; null where that is not known."""
    rules = [
        {
            **reading.model_dump(mode="json", exclude={"crossed"}),
            "met": None if reading.now is None else reading.met,
        }
        for reading in readings
    ]
    is_known = bool(rules) and all(rule["met"] is not None for rule in rules)
    met = any(rule["met"] for rule in rules) or (False if is_known else None)
    return fenced("invalidation", {"invalidation_met": met, "rules": rules})


def lessons_block(lessons: Sequence[OfferedLesson]) -> str:
    """Return what earlier weeks taught, with age and support; empty where they taught nothing."""
    rows = [lesson.model_dump(mode="json", exclude={"lesson_id"}) for lesson in lessons]
    return fenced("lessons", without_links(rows)) if rows else ""


def _market_blocks(snapshot: MarketSnapshot, universe: Sequence[str]) -> dict[str, str]:
    return {
        "market_table": fenced("market_table", _table(snapshot)),
        "universe": fenced("universe", list(universe)),
    }


def _table(snapshot: MarketSnapshot) -> dict[str, Any]:
    proxy = snapshot.volatility_proxy
    return {
        "instruments": [_row(instrument) for instrument in snapshot.instruments],
        "volatility_proxy": _row(proxy) if proxy else None,
        "without_prices": list(snapshot.without_prices),
        "notices": list(snapshot.notices),
        "source": snapshot.source,
    }


def _row(instrument: InstrumentSnapshot) -> dict[str, Any]:
    return {
        "symbol": instrument.symbol,
        "asset_class": instrument.asset_class,
        "last_session_on": instrument.last_session_on.isoformat(),
        "close": float(instrument.last_close),
        **instrument.indicators,
    }
