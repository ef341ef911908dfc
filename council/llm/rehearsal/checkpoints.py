"""The rehearsal checkpoint: invalidation, crossed indicators and the result decide, no more."""

from typing import Any

from council.llm.rehearsal.reading import Blocks
from council.llm.rehearsal.wording import capped

_BROKEN_AT = 2
"""So many crossed indicators break a thesis."""
_DEEP_LOSS = -0.04


def checkpoint(blocks: Blocks) -> dict[str, Any]:
    """Return the action on an open trade, as JSON."""
    position = blocks["position"]
    crossed = [reading for reading in blocks["indicators"] if reading["crossed"]]
    result = float(position.get("profit_fraction") or 0.0)
    met = [rule for rule in blocks["invalidation"]["rules"] if rule["met"]]
    action = "EXIT" if met else _action(len(crossed), result)
    reason = _ended(met[0]) if met else _reason(crossed, len(blocks["indicators"]), result)
    return {
        "action": action,
        "conviction_after": _conviction(action, position),
        "reason_delta": capped(reason),
    }


def _action(crossed: int, result: float) -> str:
    if crossed >= _BROKEN_AT or (crossed and result <= _DEEP_LOSS):
        return "EXIT"
    return "REDUCE" if crossed else "STAY"


def _conviction(action: str, position: dict[str, Any]) -> float:
    if action == "EXIT":
        return 0.0
    sign = -1 if position["direction"] == "SHORT" else 1
    size = abs(float(position.get("conviction") or 1.0))
    return sign * max(0.5, size - (0.5 if action == "REDUCE" else 0.0))


def _ended(rule: dict[str, Any]) -> str:
    threshold = f"{rule['operator']} {rule['threshold']:g}"
    return f"The invalidation is met: {rule['name']} {threshold}, it is now {_number(rule['now'])}."


def _reason(crossed: list[dict[str, Any]], total: int, result: float) -> str:
    if not crossed:
        return f"None of {total} frozen indicators crossed; the result is {result:+.1%}."
    told = ", ".join(f"{reading['name']} is now {_number(reading['now'])}" for reading in crossed)
    return f"{len(crossed)} of {total} frozen indicators crossed ({told}); result {result:+.1%}."


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
