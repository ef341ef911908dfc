"""The rehearsal chairman: the first in the vote wins, the others are heard as dissent."""

from statistics import fmean
from typing import Any

from council.llm.rehearsal.reading import Blocks, read_market
from council.llm.rehearsal.wording import capped, fact_of

_Pitch = dict[str, Any]


def decision(blocks: Blocks) -> dict[str, Any]:
    """Return the council's trade, as JSON."""
    means = _mean_scores(blocks["reviews"])
    standing = {row["label"]: place for place, row in enumerate(blocks["scoreboard"])}
    pitches = sorted(
        blocks["pitches"], key=lambda pitch: (standing.get(pitch["label"], 0), _order(pitch, means))
    )
    chosen = pitches[0]
    return {
        "selected_trade": {name: chosen[name] for name in ("instrument", "direction", "horizon")},
        "conviction": float(chosen["conviction"]),
        "rationale": capped(_rationale(chosen, means, blocks), 1_200),
        "dissent_summary": [_dissent(other) for other in pitches[1:] if _differs(other, chosen)][
            :8
        ],
        "monitoring_plan": _plan(chosen),
    }


def _mean_scores(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {
        row["label"]: fmean(fmean(review["scores"].values()) for review in row["reviews"])
        for row in rows
        if row["reviews"]
    }


def _order(pitch: _Pitch, means: dict[str, float]) -> tuple[float, float, str]:
    return -means.get(pitch["label"], 0.0), -abs(float(pitch["conviction"])), pitch["label"]


def _differs(pitch: _Pitch, chosen: _Pitch) -> bool:
    trades = ((one["instrument"], one["direction"]) for one in (pitch, chosen))
    return len(set(trades)) > 1


def _rationale(chosen: _Pitch, means: dict[str, float], blocks: Blocks) -> str:
    label, symbol = chosen["label"], chosen["instrument"]
    score = f"{means[label]:.2f} of 10" if label in means else "no score"
    instrument = read_market(blocks).of(symbol)
    facts = [fact_of(instrument, n) for n in ("return_20d", "rsi_14")] if instrument else []
    objections = [
        review["best_argument_against"]
        for row in blocks["reviews"]
        if row["label"] == label
        for review in row["reviews"]
    ]
    return " ".join(
        [
            f"{label} stands first with the reviewers ({score}): {chosen['direction']} {symbol}.",
            chosen["thesis_bullets"][0],
            *[fact for fact in facts if fact],
            *[f"The strongest objection heard: {text}" for text in objections[:1]],
            "Its invalidation is checkable and limits the case.",
        ]
    )


def _dissent(pitch: _Pitch) -> dict[str, str]:
    view = f"{pitch['direction']} {pitch['instrument']} at {pitch['conviction']}: "
    return {"label": pitch["label"], "view": capped(view + pitch["thesis_bullets"][-1])}


def _plan(chosen: _Pitch) -> dict[str, list[str]]:
    rules = [f"{r['name']} {r['operator']} {r['threshold']:g}" for r in chosen["indicators"]]
    return {
        "checkpoints": ["At every slot: the frozen indicators first, then profit and loss."],
        "key_indicators": rules[:6],
        "watch_conditions": [chosen["invalidation"]],
    }
