from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.schema import SizingPolicy
from council.risk.sizing import equity_share, whole_share_quantity
from tests.builders import make_risk

OWNERS_TABLE = {
    "-2": "0",
    "-1.5": "0.25",
    "-1": "0.5",
    "-0.5": "0.75",
    "0": "0",
    "0.5": "0.75",
    "1": "0.5",
    "1.5": "0.25",
    "2": "0.1",
}
halves = st.integers(-4, 4).map(lambda steps: Decimal(steps) / 2)


@pytest.mark.parametrize(("conviction", "share"), OWNERS_TABLE.items())
def test_the_owners_table_is_followed_to_the_letter(conviction: str, share: str) -> None:
    assert equity_share(Decimal(conviction), make_risk()) == Decimal(share)


def test_a_conviction_without_a_row_buys_nothing() -> None:
    assert equity_share(Decimal(1), make_risk(conviction_table=())) == 0


@pytest.mark.parametrize(
    ("conviction", "share"), [("-2", "0.5"), ("-0.5", "0.125"), ("0", "0"), ("1.5", "0.375")]
)
def test_linear_is_a_quarter_per_unit_whatever_the_sign(conviction: str, share: str) -> None:
    risk = make_risk(sizing_policy=SizingPolicy.LINEAR)

    assert equity_share(Decimal(conviction), risk) == Decimal(share)


def test_linear_never_exceeds_the_whole_account() -> None:
    risk = make_risk(sizing_policy=SizingPolicy.LINEAR, linear_share_per_unit=Decimal(1))

    assert equity_share(Decimal(-2), risk) == 1


def test_the_volatility_target_halves_where_volatility_doubles() -> None:
    risk = make_risk(sizing_policy=SizingPolicy.VOLATILITY_TARGET)

    calm = equity_share(Decimal(2), risk, volatility=0.2)
    wild = equity_share(Decimal(2), risk, volatility=0.4)

    assert (calm, wild) == (Decimal("0.5"), Decimal("0.25"))


def test_the_volatility_target_scales_with_conviction_and_stops_at_the_whole_account() -> None:
    risk = make_risk(sizing_policy=SizingPolicy.VOLATILITY_TARGET)

    assert equity_share(Decimal(-1), risk, volatility=0.2) == Decimal("0.25")
    assert equity_share(Decimal(2), risk, volatility=0.01) == 1


@pytest.mark.parametrize("volatility", [None, 0.0])
def test_the_volatility_target_sizes_nothing_by_guess(volatility: float | None) -> None:
    risk = make_risk(sizing_policy=SizingPolicy.VOLATILITY_TARGET)

    assert equity_share(Decimal(1), risk, volatility=volatility) is None
    assert equity_share(Decimal(0), risk, volatility=volatility) == 0


@given(halves, st.sampled_from(SizingPolicy), st.floats(0.001, 5))
def test_no_policy_ever_asks_for_more_than_the_account(
    conviction: Decimal, policy: SizingPolicy, volatility: float
) -> None:
    share = equity_share(conviction, make_risk(sizing_policy=policy), volatility=volatility)

    assert share is not None
    assert 0 <= share <= 1


@given(
    st.decimals(0, 10_000_000, places=2),
    st.decimals(0, 1, places=4),
    st.decimals("0.01", 5_000, places=4),
)
def test_whole_shares_never_cost_more_than_the_share_of_equity(
    equity: Decimal, share: Decimal, price: Decimal
) -> None:
    quantity = whole_share_quantity(equity, share, price)

    assert quantity * price <= equity * share < (quantity + 1) * price


def test_an_account_in_debt_buys_nothing() -> None:
    assert whole_share_quantity(Decimal(-500), Decimal("0.5"), Decimal(10)) == 0


def test_a_price_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        whole_share_quantity(Decimal(100), Decimal(1), Decimal(0))
