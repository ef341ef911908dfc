from random import Random
from statistics import fmean

import pytest

from council.analytics.resampling import FEWEST_WEEKS, Estimate, NotEnoughWeeks, estimate


def by_week(*values: float) -> dict[str, float]:
    return {f"week {number}": value for number, value in enumerate(values)}


def test_too_few_weeks_are_named_and_counted() -> None:
    found = estimate(by_week(1.0, 2.0, 3.0))

    assert found == NotEnoughWeeks(("week 0", "week 1", "week 2"), FEWEST_WEEKS)
    assert found.missing == 5


def test_weeks_in_which_nothing_happened_count_in_the_mean_and_not_towards_enough() -> None:
    values = by_week(*[0.0] * 30, 5.0)

    found = estimate(values, telling=("week 30",))

    assert found == NotEnoughWeeks(("week 30",), FEWEST_WEEKS)


@pytest.mark.parametrize("count", [200, 1040])
def test_the_interval_is_about_that_of_the_normal_law_and_always_the_same(count: int) -> None:
    source = Random(3)  # noqa: S311 - a seeded draw
    values = by_week(*[source.gauss(1.0, 2.0) for _ in range(count)])

    found = estimate(values)

    assert isinstance(found, Estimate)
    assert found == estimate(values)
    reach = 1.96 * found.deviation / count**0.5
    assert found.low == pytest.approx(found.mean - reach, abs=0.03)
    assert found.high == pytest.approx(found.mean + reach, abs=0.03)
    assert found.is_certain


@pytest.mark.parametrize("count", [FEWEST_WEEKS, 20])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(count: int) -> None:
    source = Random(1)  # noqa: S311 - a seeded draw

    found = [estimate(by_week(*[source.gauss(0.3, 1.0) for _ in range(count)])) for _ in range(400)]

    held = [one.low <= 0.3 <= one.high for one in found if isinstance(one, Estimate)]
    assert 0.92 <= fmean(held) <= 0.98


def test_an_unsure_mean_says_how_many_weeks_it_would_take() -> None:
    found = estimate(by_week(*[1.0, -0.9] * 10))

    assert isinstance(found, Estimate)
    assert not found.is_certain
    assert found.weeks_to_tell is not None
    assert found.weeks_to_tell == pytest.approx((1.96 * found.deviation / 0.05) ** 2, rel=0.01)


def test_a_mean_of_zero_never_stands_out() -> None:
    found = estimate(by_week(*[1.0, -1.0] * 10))

    assert isinstance(found, Estimate)
    assert found.weeks_to_tell is None


def test_a_mean_of_nothing_but_zeros_is_certain_of_nothing() -> None:
    found = estimate(by_week(*[0.0] * 20))

    assert isinstance(found, Estimate)
    assert (found.is_certain, found.weeks_to_tell) == (False, None)
