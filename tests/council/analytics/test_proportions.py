import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from council.analytics.proportions import Proportion


@given(st.integers(0, 60), st.integers(1, 60))
def test_wilsons_interval_is_that_of_scipy(hits: int, misses: int) -> None:
    found = Proportion(hits, hits + misses)

    expected = binomtest(hits, hits + misses).proportion_ci(method="wilson")
    assert found.interval == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_of_no_case_there_is_neither_share_nor_interval() -> None:
    assert (Proportion(0, 0).share, Proportion(0, 0).interval) == (None, None)


def test_at_the_ends_the_bounds_are_exact() -> None:
    none, every = Proportion(0, 7).interval, Proportion(7, 7).interval

    assert none is not None
    assert every is not None
    assert (none[0], every[1]) == (0.0, 1.0)
