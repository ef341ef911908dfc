from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.web.countdown import time_left


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=2, hours=3, minutes=59), "in 2 d 3 h"),
        (timedelta(days=1), "in 1 d 0 h"),
        (timedelta(hours=23, minutes=59, seconds=59), "in 23 h 59 min"),
        (timedelta(minutes=59), "in 59 min"),
        (timedelta(seconds=59), "in less than a minute"),
        (timedelta(0), ""),
        (timedelta(days=-3), ""),
    ],
)
def test_the_time_left_is_said_in_two_units(left: timedelta, words: str) -> None:
    assert time_left(left) == words


@given(st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=400)))
def test_more_time_is_never_said_than_is_left(left: timedelta) -> None:
    numbers = [int(word) for word in time_left(left).split() if word.isdecimal()]
    units = [timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)]
    first = next((at for at, unit in enumerate(units) if left >= unit), None)

    if first is None:
        assert numbers == []
    else:
        said = sum(
            (n * unit for n, unit in zip(numbers, units[first:], strict=False)), timedelta(0)
        )
        smallest = units[min(first + 1, 2)]
        assert timedelta(0) <= left - said < smallest
