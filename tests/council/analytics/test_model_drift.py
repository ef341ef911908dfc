import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.analytics.model_drift import (
    ALARM_P_VALUE,
    FEWEST_PAST_WEEKS,
    RECENT_WEEKS,
    drift_of,
    is_alarming,
)

LONG_PAST = ["LONG"] * FEWEST_PAST_WEEKS


def brute_force_p_value(answers: list[str]) -> float:
    """Return the p-value by listing every way to call four of the weeks recent."""

    def distance(recent: tuple[int, ...]) -> float:
        here = [answers[i] for i in recent]
        there = [answers[i] for i in range(len(answers)) if i not in recent]
        kinds = set(answers)
        shares = ((here.count(k) / len(here), there.count(k) / len(there)) for k in kinds)
        return sum(abs(one - other) for one, other in shares) / 2

    everyone = range(len(answers))
    seen = distance(tuple(everyone[-RECENT_WEEKS:]))
    draws = [distance(draw) for draw in combinations(everyone, RECENT_WEEKS)]
    return sum(draw >= seen - 1e-9 for draw in draws) / len(draws)


def test_eleven_weeks_are_not_enough_and_twelve_are() -> None:
    assert drift_of([*LONG_PAST[1:], *["SHORT"] * RECENT_WEEKS]) is None
    assert drift_of([*LONG_PAST, *["SHORT"] * RECENT_WEEKS]) is not None


def test_a_manager_that_turned_round_raises_the_alarm() -> None:
    drift = drift_of([*LONG_PAST, *["SHORT"] * RECENT_WEEKS])

    assert drift is not None
    assert drift.distance == 1.0
    assert drift.p_value == pytest.approx(1 / 495, abs=1e-6)
    assert is_alarming(None, drift)


def test_a_manager_that_stays_itself_raises_none() -> None:
    drift = drift_of([*LONG_PAST, *["LONG"] * RECENT_WEEKS])

    assert drift is not None
    assert (drift.distance, drift.p_value) == (0.0, 1.0)
    assert not is_alarming(drift, None)


@given(st.lists(st.sampled_from(["LONG", "SHORT", "FLAT"]), min_size=12, max_size=13))
def test_the_p_value_is_that_of_counting_every_draw(answers: list[str]) -> None:
    drift = drift_of(answers)

    assert drift is not None
    assert drift.p_value == pytest.approx(brute_force_p_value(answers), abs=1e-6)


def test_without_drift_alarms_are_as_rare_as_the_limit_says() -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    steps = [-2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2]

    weeks = [drift_of(chance.choices(steps, k=30)) for _ in range(400)]

    assert sum(is_alarming(week) for week in weeks) / len(weeks) <= 3 * ALARM_P_VALUE


def test_only_the_last_year_counts_as_past() -> None:
    old = ["SHORT"] * 40
    year = ["LONG"] * 52

    drift = drift_of([*old, *year, *["LONG"] * RECENT_WEEKS])

    assert drift is not None
    assert drift.distance == 0.0
