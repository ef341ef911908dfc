import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.model.citations import citation_flags

NUMBERS = {
    "SPY.close": 1512.34,
    "SPY.rsi_14": 61.24,
    "SPY.return_20d": 0.0432,
    "TLT.return_5d": -0.0118,
    "TLT.macd": -0.021,
}

RIGHT = (
    "SPY.rsi_14 61.2 is not stretched.",
    "SPY.rsi_14 (61) is not stretched.",
    "SPY.rsi_14 is now at 61.24.",
    "SPY.rsi_14 = 61.24, SPY.close: $1,512.34.",
    "SPY.return_20d 0.0432 and SPY.return_20d (4.3%) and 4 percent (SPY.return_20d).",
    "SPY.return_20d of 432 bps.",
    "TLT.return_5d is -0.0118; TLT.return_5d \u22121.2%.",
    "SPY.rsi_14 > 70 ends it, SPY.rsi_14 below 50 as well, SPY.close above 1600 too.",
    "SPY.rsi_14 has room. 70 is far.",
    "Yields fell 3% by Friday, e.g.on Tuesday; the S.p. and U.s. moves say nothing.",
    "TLT.macd -0.02 turns.",
)
WRONG = (
    ("SPY.rsi_14 71.2 is stretched.", "SPY.rsi_14 is cited as 71.2, the market table has 61.24"),
    ("SPY.return_20d (4.3)", "SPY.return_20d is cited as 4.3, the market table has 0.0432"),
    ("TLT.return_5d is 1.2%", "TLT.return_5d is cited as 1.2%, the market table has -0.0118"),
    ("0 (SPY.return_20d)", "SPY.return_20d is cited as 0, the market table has 0.0432"),
    ("SPY.close at $1,400", "SPY.close is cited as $1,400, the market table has 1512.34"),
    ("SPY.put_call_ratio is 0.8", "SPY.put_call_ratio is no number of the market table"),
    ("XYZ.close is 12", "XYZ.close is no number of the market table"),
)


@pytest.mark.parametrize("text", RIGHT)
def test_what_the_market_table_bears_out_is_not_flagged(text: str) -> None:
    assert citation_flags([text], NUMBERS) == ()


@pytest.mark.parametrize(("text", "flag"), WRONG)
def test_a_number_that_is_not_that_of_its_id_is_flagged(text: str, flag: str) -> None:
    assert citation_flags([text, text], NUMBERS) == (flag,)


@given(
    actual=st.floats(0.001, 5_000).map(lambda value: round(value, 6)),
    decimals=st.integers(2, 6),
)
def test_a_number_rounded_to_two_places_or_more_agrees_or_lost_most_of_itself(
    actual: float, decimals: int
) -> None:
    flags = citation_flags([f"SPY.rsi_14 {actual:.{decimals}f}"], {"SPY.rsi_14": actual})

    assert not flags or abs(round(actual, decimals) - actual) > actual / 10


@given(st.text(alphabet="SPY.rsi_14 (61.2%)=$,-bps\n", max_size=80))
def test_of_any_text_only_what_stands_in_it_is_flagged(text: str) -> None:
    flags = citation_flags([text], NUMBERS)

    assert all(flag.partition(" ")[0] in text for flag in flags)
