from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.schema import InstrumentConfig
from council.carry import Carry, carry_of
from council.result_facts import HeldPosition

AS_OF = date(2025, 12, 31)
RATES = {
    symbol: InstrumentConfig(
        symbol=symbol,
        asset_class="class",
        name=symbol,
        dividend_yield=Decimal(dividend_yield),
        borrow_rate=Decimal(borrow_rate),
        rates_as_of=AS_OF,
    )
    for symbol, dividend_yield, borrow_rate in (("HYG", "0.06", "0.005"), ("GLD", "0", "0.0025"))
}
DAY = timedelta(days=1)


def held(symbol: str, quantity: int, price: str = "100") -> HeldPosition:
    value = quantity * Decimal(price)
    return HeldPosition(
        symbol=symbol, quantity=quantity, price=Decimal(price), market_value_usd=value
    )


@pytest.mark.parametrize(
    ("positions", "dividends", "borrow"),
    [
        ((held("HYG", 500),), "8.2192", "0"),  # 50,000 x 6 % / 365
        ((held("HYG", -500),), "-8.2192", "0.6849"),
        ((held("GLD", -500),), "0", "0.3425"),
        ((held("HYG", 500), held("GLD", -500)), "8.2192", "0.3425"),
        ((held("AAPL", -500),), "0", "0"),
        ((), "0", "0"),
    ],
    ids=["long", "short", "short without dividends", "both", "without rates", "flat"],
)
def test_longs_receive_and_shorts_pay_for_a_day(
    positions: Sequence[HeldPosition], dividends: str, borrow: str
) -> None:
    assert carry_of(positions, DAY, RATES) == Carry(Decimal(dividends), Decimal(borrow))


def test_a_mark_that_another_clock_dates_later_brings_and_costs_nothing() -> None:
    assert carry_of((held("HYG", -50_000),), -DAY, RATES) == Carry()


def test_an_estimate_ends_at_a_hundredth_of_a_cent() -> None:
    carry = carry_of((held("HYG", -1, "33.33"),), DAY / 7, RATES)

    assert carry.dividends_usd.as_tuple().exponent == carry.borrow_usd.as_tuple().exponent == -4


@given(
    shares=st.integers(-10_000, 10_000),
    hours=st.integers(0, 24 * 30),
    split=st.floats(0, 1),
)
def test_a_time_marked_in_two_parts_brings_what_it_brings_in_one(
    shares: int, hours: int, split: float
) -> None:
    position, whole = (held("HYG", shares),), timedelta(hours=hours)
    first = timedelta(seconds=int(whole.total_seconds() * split))

    parts = [carry_of(position, elapsed, RATES) for elapsed in (first, whole - first)]
    once = carry_of(position, whole, RATES)

    assert abs(sum(part.dividends_usd for part in parts) - once.dividends_usd) <= Decimal("0.0001")
    assert once.borrow_usd >= 0
    assert once.dividends_usd * shares >= 0
