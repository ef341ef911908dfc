import re
from decimal import Decimal
from importlib.resources import files
from statistics import fmean

import pytest

from council.analytics.calibration import ANCHORS, COIN_BRIER, calibrations
from council.analytics.inputs import Week
from council.model.base import Horizon
from tests.council.analytics.weeks import make_week, pitched


def foretold(number: int, conviction: float, *, right: bool, move: float = 0.02) -> Week:
    """Return a week in which SPY moves the way that ALPHA's pitch said, or the other way."""
    sign = (1 if conviction > 0 else -1) * (1 if right else -1)
    pitch = pitched("ALPHA", "SPY", conviction)
    after = {"SPY": 100 * (1 + sign * move)}
    return make_week({"SPY": 100.0}, after, number=number, pitches=(pitch,))


def test_hits_and_returns_are_counted_by_strength_long_and_short_together() -> None:
    weeks = [
        foretold(0, 1, right=True),
        foretold(1, -1, right=True),
        foretold(2, -1, right=False),
        foretold(3, 2, right=False, move=0.05),
    ]

    (found,) = calibrations(weeks, ["ALPHA"])

    assert [level.hits.count for level in found.levels] == [0, 3, 0, 1]
    assert found.levels[1].hits.share == pytest.approx(2 / 3)
    assert found.levels[1].mean_return == pytest.approx(0.02 / 3)
    assert found.levels[3].mean_return == pytest.approx(-0.05)
    assert (found.hits.hits, found.hits.count) == (2, 4)
    errors = [(0.57 - 1) ** 2, (0.57 - 1) ** 2, 0.57**2, 0.67**2]
    assert found.brier == pytest.approx(fmean(errors))


def kept_word() -> list[Week]:
    """Return a hundred weeks of each strength, in which as many came true as it claims."""
    claims = [
        (float(strength), case < 100 * anchor)
        for strength, anchor in ANCHORS.items()
        for case in range(100)
    ]
    return [foretold(n, strength, right=right) for n, (strength, right) in enumerate(claims)]


def test_a_manager_that_means_what_it_says_bears_the_anchors_out() -> None:
    (found,) = calibrations(kept_word(), ["ALPHA"])

    assert [level.hits.hits for level in found.levels] == [53, 57, 62, 67]
    assert [level.agrees for level in found.levels] == [True] * 4
    assert found.brier is not None
    assert found.brier < COIN_BRIER


def test_a_boaster_does_not() -> None:
    weeks = [foretold(number, 2, right=number % 2 == 0) for number in range(200)]

    (found,) = calibrations(weeks, ["ALPHA"])

    assert found.levels[3].agrees is False
    assert found.brier is not None
    assert found.brier > COIN_BRIER


def test_a_pitch_counts_by_its_own_horizon_and_only_once_that_is_over() -> None:
    rows = ({"SPY": 100.0}, {"SPY": 101.0}, {"SPY": 95.0})
    day = pitched("ALPHA", "SPY", 1, horizon=Horizon.ONE_DAY)
    week = pitched("BRAVO", "SPY", 1, horizon=Horizon.ONE_WEEK)
    whole = make_week(*rows, pitches=(day, week))
    running = Week(whole.week_id, whole.marks[:2], pitches=(day, week))

    over = calibrations([whole], ["ALPHA", "BRAVO"])
    early = calibrations([running], ["ALPHA", "BRAVO"])

    assert [one.hits.share for one in over] == [1.0, 0.0]
    assert [one.hits.count for one in early] == [1, 0]


def test_flat_pitches_and_silence_claim_nothing() -> None:
    week = make_week({"SPY": 100.0}, {"SPY": 99.0}, pitches=(pitched("ALPHA", "SPY", 0),))

    for found in calibrations([week], ["ALPHA", "BRAVO"]):
        assert (found.hits.count, found.mean_return, found.brier) == (0, None, None)
        assert {level.agrees for level in found.levels} == {None}


def test_the_anchors_are_those_of_the_prompts() -> None:
    text = (files("prompts") / "system.md.j2").read_text(encoding="utf-8")

    said = re.findall(r"\b(\d\d)(?: or more)? at ([\d.]+)\s+or -", text)

    assert {Decimal(strength): int(share) / 100 for share, strength in said} == ANCHORS
