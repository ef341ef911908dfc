import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.schema import SizingPolicy
from council.risk.sizing import equity_share, shrinking, whole_share_quantity
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
correlations = st.lists(st.floats(-1, 1), max_size=6)
VOLATILITY_TARGET = make_risk(sizing_policy=SizingPolicy.VOLATILITY_TARGET)


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


@pytest.mark.parametrize("volatility", [None, 0.0, -0.2, math.nan, math.inf, -math.inf])
def test_the_volatility_target_sizes_nothing_by_guess(volatility: float | None) -> None:
    risk = make_risk(sizing_policy=SizingPolicy.VOLATILITY_TARGET)

    assert equity_share(Decimal(1), risk, volatility=volatility) is None
    assert equity_share(Decimal(0), risk, volatility=volatility) == 0


@pytest.mark.parametrize("policy", SizingPolicy)
@pytest.mark.parametrize("conviction", ["NaN", "Infinity", "-Infinity"])
def test_a_conviction_that_is_no_number_sizes_nothing(
    policy: SizingPolicy, conviction: str
) -> None:
    risk = make_risk(sizing_policy=policy)

    assert equity_share(Decimal(conviction), risk, volatility=0.2) is None


@pytest.mark.parametrize(
    ("others", "share"),
    [
        ([], "0.5000"),
        ([0.0, 0.0], "0.5000"),
        ([1.0, 1.0, 1.0], "0.2500"),
        ([0.25, 0.5, 0.5, -0.9], "0.3333"),
        ([-1.0, -0.5], "0.5000"),
        ([math.nan], "0.3535"),
        ([math.inf], "0.3535"),
        ([7.0], "0.3535"),
    ],
    ids=["alone", "independent", "four alike", "mixed", "hedges", "nan", "inf", "above 1"],
)
def test_the_volatility_target_shrinks_beside_bets_that_go_alike(
    others: list[float], share: str
) -> None:
    found = equity_share(Decimal(2), VOLATILITY_TARGET, volatility=0.2, correlations=others)

    assert found == Decimal(share)


@pytest.mark.parametrize("policy", [SizingPolicy.CONVICTION_TABLE, SizingPolicy.LINEAR])
def test_the_other_policies_do_not_look_at_the_other_accounts(policy: SizingPolicy) -> None:
    risk = make_risk(sizing_policy=policy)

    alone = equity_share(Decimal(1), risk)

    assert equity_share(Decimal(1), risk, correlations=[1.0] * 5) == alone


@given(halves, st.floats(0.001, 5), correlations, st.floats(-1, 1))
def test_one_more_bet_never_enlarges_a_share(
    conviction: Decimal, volatility: float, others: list[float], more: float
) -> None:
    shares = [
        equity_share(conviction, VOLATILITY_TARGET, volatility=volatility, correlations=beside)
        for beside in ([], others, [*others, more])
    ]

    known = [share for share in shares if share is not None]
    assert len(known) == 3
    assert known == sorted(known, reverse=True)


@given(halves, st.floats(0.001, 5), st.floats(1, 100), correlations)
def test_more_volatility_never_gives_more_shares(
    conviction: Decimal, volatility: float, times: float, others: list[float]
) -> None:
    calm, wild = (
        equity_share(conviction, VOLATILITY_TARGET, volatility=value, correlations=others)
        for value in (volatility, volatility * times)
    )

    assert calm is not None
    assert wild is not None
    assert wild <= calm


sizes = st.floats(-2, 2)
loadings = st.lists(st.floats(-1, 1), min_size=3, max_size=3)
accounts = st.lists(st.tuples(sizes, loadings), min_size=1, max_size=6)


@given(accounts)
def test_all_accounts_together_carry_no_more_variance_than_independent_ones(
    bets: list[tuple[float, list[float]]],
) -> None:
    # Any matrix of correlations is one of unit vectors: their cosines.
    vectors = [_unit(loading) for _, loading in bets]
    matrix = [[_cosine(a, b) for b in vectors] for a in vectors]
    signs = [math.copysign(1, size) for size, _ in bets]

    scaled = [
        size * float(shrinking([signs[i] * signs[j] * r for j, r in enumerate(row) if j != i]))
        for i, ((size, _), row) in enumerate(zip(bets, matrix, strict=True))
    ]

    together = sum(
        a * b * r
        for a, row in zip(scaled, matrix, strict=True)
        for b, r in zip(scaled, row, strict=True)
    )
    assert together <= sum(size * size for size, _ in bets) + 1e-9


@given(halves, st.sampled_from(SizingPolicy), st.floats(0.001, 5), correlations)
def test_no_policy_ever_asks_for_more_than_the_account(
    conviction: Decimal, policy: SizingPolicy, volatility: float, others: list[float]
) -> None:
    share = equity_share(
        conviction,
        make_risk(sizing_policy=policy),
        volatility=volatility,
        correlations=others,
    )

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


@pytest.mark.parametrize("odd", ["NaN", "Infinity"])
def test_a_size_from_no_number_is_refused(odd: str) -> None:
    for numbers in ([odd, "1", "1"], ["1", odd, "1"], ["1", "1", odd]):
        equity, share, price = (Decimal(number) for number in numbers)

        with pytest.raises(ValueError, match="must be finite"):
            whole_share_quantity(equity, share, price)


def test_an_account_in_debt_buys_nothing() -> None:
    assert whole_share_quantity(Decimal(-500), Decimal("0.5"), Decimal(10)) == 0


def test_a_price_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        whole_share_quantity(Decimal(100), Decimal(1), Decimal(0))


def _unit(loading: list[float]) -> list[float]:
    length = math.hypot(*loading)
    return [value / length for value in loading] if length > 1e-6 else [1.0, 0.0, 0.0]


def _cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
