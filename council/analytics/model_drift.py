"""Whether a manager has begun to pitch unlike its past: total variation, exact permutation test.

Recent are the last four pitches, past those before them, a year at most and eight at least. Every
way to draw four of all is counted, not sampled, so the same weeks always give the same figures. At
a limit of 0.005 on two kinds of answers, five managers raise two or three false alarms a year.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from math import comb, prod

from council.measure_facts import ModelDriftMeasured
from council.model.measures import Drift

RECENT_WEEKS = 4
FEWEST_PAST_WEEKS = 8
MOST_PAST_WEEKS = 52
ALARM_P_VALUE = 0.005
_DIGITS = 6
_TOLERANCE = 1e-9


def drift_of(answers: Sequence[Hashable]) -> Drift | None:
    """Return how the last answers differ from those before, oldest first; None for too few."""
    recent = answers[-RECENT_WEEKS:]
    past = answers[:-RECENT_WEEKS][-MOST_PAST_WEEKS:]
    if len(past) < FEWEST_PAST_WEEKS:
        return None
    all_counts, recent_counts = Counter((*past, *recent)), Counter(recent)
    kinds = tuple(all_counts)
    totals = tuple(all_counts[kind] for kind in kinds)
    seen = _distance(tuple(recent_counts[kind] for kind in kinds), totals)
    return Drift(distance=round(seen, _DIGITS), p_value=round(_p_value(seen, totals), _DIGITS))


def is_alarming(*drifts: Drift | None) -> bool:
    """Return whether any of `drifts` is rarer by chance than the limit."""
    return any(drift is not None and drift.p_value <= ALARM_P_VALUE for drift in drifts)


def drift_sentence(measured: ModelDriftMeasured) -> str:
    """Return what the owner is told of an alarm, with what else is new."""
    kinds = (("directions", measured.directions), ("convictions", measured.convictions))
    parts = [
        f"{kind} differ by {drift.distance:.2f} (p {drift.p_value:.3f})"
        for kind, drift in kinds
        if drift is not None and is_alarming(drift)
    ]
    beside = "; ".join(measured.changes) or "model, prompts and configuration are as before"
    return (
        f"{measured.account} pitches unlike its own past: {' and '.join(parts)}, the last "
        f"{RECENT_WEEKS} weeks against those before; {beside}."
    )


def _p_value(seen: float, totals: tuple[int, ...]) -> float:
    """Return the share of all draws of the recent weeks whose distance is at least `seen`."""
    ways = sum(
        prod(comb(total, taken) for total, taken in zip(totals, draw, strict=True))
        for draw in _draws(RECENT_WEEKS, totals)
        if _distance(draw, totals) >= seen - _TOLERANCE
    )
    return ways / comb(sum(totals), RECENT_WEEKS)


def _draws(count: int, totals: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield every way to take `count` of `totals`, as counts by kind."""
    if not totals:
        if count == 0:
            yield ()
        return
    for taken in range(min(count, totals[0]) + 1):
        for rest in _draws(count - taken, totals[1:]):
            yield (taken, *rest)


def _distance(recent: tuple[int, ...], totals: tuple[int, ...]) -> float:
    here, there = sum(recent), sum(totals) - sum(recent)
    shares = ((r / here, (t - r) / there) for r, t in zip(recent, totals, strict=True))
    return sum(abs(one - other) for one, other in shares) / 2
