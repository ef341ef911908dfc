from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from council.analytics.ranks import rank_correlation

NUMBERS = st.lists(st.integers(-5, 5).map(float), min_size=3, max_size=12)


@given(NUMBERS, st.randoms(use_true_random=False))
def test_the_rank_correlation_is_that_of_scipy(first: list[float], source: Random) -> None:
    other = list(first)
    source.shuffle(other)

    found = rank_correlation(first, other)

    if len(set(first)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(spearmanr(first, other).statistic, abs=1e-9)


def test_a_foretold_order_correlates_fully_whatever_the_distances() -> None:
    assert rank_correlation([1, 2, 3, 4], [0.1, 0.2, 5.0, 100.0]) == pytest.approx(1.0)
    assert rank_correlation([4, 3, 2, 1], [0.1, 0.2, 5.0, 100.0]) == pytest.approx(-1.0)


def test_two_ranks_tell_nothing_and_unequal_lengths_are_a_mistake() -> None:
    assert rank_correlation([1, 2], [1, 2]) is None
    with pytest.raises(ValueError, match="cannot be paired"):
        rank_correlation([1, 2, 3], [1, 2])
