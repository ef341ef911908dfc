"""Which numbers of a sentence stand in what was shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.model.said_numbers import known_numbers

KNOWN = known_numbers(
    {
        "profit_usd": -1230.45,
        "time_weighted_return": 0.0123,
        "mean_bps": 12.3,
        "text": "500 SPY filled at 100.50 on 2026-11-24 at 12:00",
        "book": "60/40",
        "quote": "It fell 4% and 7 USD.",
    }
)


@pytest.mark.parametrize(
    "text",
    [
        "It lost $1,230.45.",
        "It lost about 1,230 dollars, or 1.2k.",
        "It lost 1.2 %, or 1.23 percent.",
        "The stage was worth 12 basis points.",
        "500 SPY at 100.5 on 2026-11-24 at 12:00, as the 60/40 book.",
        "It fell four percent and $7.",
        "3 of 5 managers were right, says E12 of P3.",
        "Nothing is cited.",
    ],
)
def test_a_shown_number_is_borne_out_rounded_or_not(text: str) -> None:
    assert KNOWN.bear_out(text)


@pytest.mark.parametrize(
    "text",
    [
        "It lost $1,300.",
        "It lost 5 %.",
        "It lost five percent.",
        "It lost 5 dollars.",
        "It lost US$5.",
        "500 SPY on 2026-11-25.",
        "500 SPY at 13:00.",
        "The S&P 520 fell.",
        "It was worth 1230 percent.",
    ],
)
def test_a_number_that_stands_nowhere_is_not(text: str) -> None:
    assert not KNOWN.bear_out(text)


@given(st.floats(0.011, 1e6), st.integers(0, 4))
def test_every_number_is_borne_out_as_it_stands_and_as_a_share(value: float, digits: int) -> None:
    written = round(value, 4)
    known = known_numbers({"share": written})

    assert known.bear_out(f"It was {written:.4f}.")
    assert known.bear_out(f"It was {100 * written:.{digits + 1}f}%.")


@given(st.text(max_size=200))
def test_whatever_is_written_can_be_read(text: str) -> None:
    assert known_numbers(text).bear_out(text)
