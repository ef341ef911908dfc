"""Whether a manager's convictions mean what the prompts say that they mean: pure.

The prompts tie each strength to how often the price moves the pitch's way by the end of its own
horizon; a pitch counts once that horizon is over. FLAT pitches claim no move and are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from statistics import fmean
from types import MappingProxyType
from typing import Final

from council.analytics.inputs import Week
from council.analytics.outcomes import horizon_return
from council.analytics.proportions import Proportion, proportion_of
from council.model.base import Direction

ANCHORS: Final[Mapping[Decimal, float]] = MappingProxyType(
    {
        Decimal("0.5"): 0.53,
        Decimal("1.0"): 0.57,
        Decimal("1.5"): 0.62,
        Decimal("2.0"): 0.67,
    }
)
"""How often the price moves a pitch's way at each strength, as `prompts/system.md.j2` says it."""

COIN_BRIER: Final = 0.25
"""The Brier score of somebody who always says 50 of 100: below it is better than knowing nothing.
"""

_Case = tuple[Decimal, float]
"""Strength of conviction and the return in the pitch's direction."""


@dataclass(frozen=True, slots=True)
class ConvictionLevel:
    """All pitches of one strength, 0.5 to 2, long and short together.

    `mean_return` is the mean of the returns in the pitch's direction, a fraction; None for none.
    """

    strength: Decimal
    anchor: float
    hits: Proportion
    mean_return: float | None

    @property
    def agrees(self) -> bool | None:
        """Whether the hits bear the anchor out, their interval holding it; None without pitches."""
        interval = self.hits.interval
        return None if interval is None else interval[0] <= self.anchor <= interval[1]


@dataclass(frozen=True, slots=True)
class Calibration:
    """A manager's pitches by strength; `brier` is 0 for a seer, 0.25 for a coin, None for none."""

    account: str
    levels: tuple[ConvictionLevel, ...]
    hits: Proportion
    mean_return: float | None
    brier: float | None


def calibrations(weeks: Sequence[Week], managers: Sequence[str]) -> tuple[Calibration, ...]:
    """Return how well each of `managers` knew what it knew, in their order."""
    return tuple(_calibration(manager, _cases(weeks, manager)) for manager in managers)


def _cases(weeks: Sequence[Week], account: str) -> list[_Case]:
    cases = (week.once(("case", account), partial(_case, week, account)) for week in weeks)
    return [case for case in cases if case is not None]


def _case(week: Week, account: str) -> _Case | None:
    """Return the pitch's strength and what came of it, None where there is nothing to judge."""
    pitch = week.pitch_of(account)
    if pitch is None or pitch.direction is Direction.FLAT:
        return None
    gained = horizon_return(week, pitch)
    return None if gained is None else (abs(pitch.conviction), gained)


def _calibration(account: str, cases: Sequence[_Case]) -> Calibration:
    errors = [(ANCHORS[strength] - (gained > 0)) ** 2 for strength, gained in cases]
    return Calibration(
        account=account,
        levels=tuple(_level(strength, cases) for strength in ANCHORS),
        hits=_hits(cases),
        mean_return=_mean_return(cases),
        brier=fmean(errors) if errors else None,
    )


def _level(strength: Decimal, cases: Sequence[_Case]) -> ConvictionLevel:
    own = [case for case in cases if case[0] == strength]
    return ConvictionLevel(strength, ANCHORS[strength], _hits(own), _mean_return(own))


def _hits(cases: Sequence[_Case]) -> Proportion:
    return proportion_of([gained > 0 for _, gained in cases])


def _mean_return(cases: Sequence[_Case]) -> float | None:
    return fmean(gained for _, gained in cases) if cases else None
