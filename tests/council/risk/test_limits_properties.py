"""Limits only ever take away: whatever the numbers, less room or more exposure lets less pass."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from broker.models import Position, Side
from config.schema import RiskLimits
from council.risk.limits import (
    Breach,
    Exposure,
    OrderAsk,
    breach,
    daily_loss_breach,
    reduces,
)

SYMBOLS = ("SPY", "TLT", "GLD")
amounts = st.decimals(-500_000, 500_000, places=2)
prices = st.decimals("0.01", 2_000, places=2)
odd_numbers = st.sampled_from([Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])

orders = st.builds(
    OrderAsk, st.sampled_from(SYMBOLS), st.sampled_from(Side), st.integers(1, 60_000), prices
)


@st.composite
def positions(draw: st.DrawFn, most: int = 2_000) -> tuple[Position, ...]:
    held = draw(st.dictionaries(st.sampled_from(SYMBOLS), st.integers(-most, most), max_size=3))
    price = draw(prices)
    return tuple(
        Position(symbol, Decimal(quantity), price, quantity * price, Decimal(0))
        for symbol, quantity in held.items()
    )


exposures = st.builds(
    Exposure,
    equity_usd=amounts,
    positions=positions(),
    shares_today=st.integers(0, 60_000),
    entered=st.frozensets(st.sampled_from(SYMBOLS), max_size=2),
    quote_age=st.timedeltas(timedelta(seconds=-5), timedelta(seconds=300)),
    clock_skew=st.timedeltas(timedelta(seconds=-4), timedelta(seconds=4)),
)
limits = st.builds(
    RiskLimits,
    gross_exposure=st.decimals("0.01", 2, places=2),
    order_notional_usd=st.decimals(1, 1_000_000, places=2),
    shares_a_day=st.integers(1, 100_000),
    quote_age_seconds=st.floats(0.1, 600),
    daily_loss=st.decimals("0.001", 1, places=3),
    short_minimum_equity_usd=st.decimals(0, 100_000, places=2),
    clock_skew_seconds=st.floats(0.1, 10),
)


class Case(NamedTuple):
    """An order to be judged."""

    asked: OrderAsk
    had: Exposure
    of: RiskLimits

    @property
    def verdict(self) -> Breach | None:
        return breach(*self)

    def but(self, **changes: Any) -> "Case":
        return self._replace(had=replace(self.had, **changes))


cases = st.builds(Case, orders, exposures, limits)
refused = cases.filter(lambda case: case.verdict is not None)
modest = st.builds(
    Case,
    st.builds(
        OrderAsk,
        st.sampled_from(SYMBOLS),
        st.sampled_from(Side),
        st.integers(1, 100),
        st.decimals("0.01", 50, places=2),
    ),
    st.builds(Exposure, equity_usd=st.decimals(0, 50_000, places=2), positions=positions(most=9)),
    limits,
)
"""Cases of which many pass: what an account may do and what not lie close together."""


def held_also(case: Case, symbol: str, quantity: Decimal) -> Case:
    """Return the case with `quantity` held of `symbol` instead of what there was."""
    price = case.asked.price
    others = tuple(position for position in case.had.positions if position.symbol != symbol)
    own = Position(symbol, quantity, price, quantity * price, Decimal(0))
    return case.but(positions=(*others, own))


def tighter(of: RiskLimits, by: Decimal) -> list[RiskLimits]:
    """Return `of` with one limit after the other tightened by the fraction `by`."""
    smaller: dict[str, Any] = {
        name: type(value)(value * type(value)(by))
        for name, value in of.model_dump(exclude={"short_minimum_equity_usd"}).items()
        if not isinstance(value, int)
    }
    smaller["shares_a_day"] = max(int(of.shares_a_day * by), 1)
    smaller["short_minimum_equity_usd"] = of.short_minimum_equity_usd / by
    return [of.model_copy(update={name: value}) for name, value in smaller.items()]


@given(cases)
def test_a_limit_gives_a_verdict_and_changes_nothing(case: Case) -> None:
    before = deepcopy(case)

    found = case.verdict

    assert found is None or found.reason.startswith(f"limit {found.limit}: ")
    assert case == before


@given(refused, st.decimals("0.01", 1, places=2))
def test_tightening_a_limit_never_lets_a_refused_order_pass(case: Case, by: Decimal) -> None:
    assert all(case._replace(of=narrow).verdict for narrow in tighter(case.of, by))


@given(amounts, amounts, limits, st.decimals("0.01", 1, places=2))
def test_tightening_the_daily_loss_never_lets_an_account_go_on(
    equity: Decimal, last_equity: Decimal, of: RiskLimits, by: Decimal
) -> None:
    assume(daily_loss_breach(equity, last_equity, of) is not None)

    assert all(daily_loss_breach(equity, last_equity, narrow) for narrow in tighter(of, by))


@given(refused, st.integers(1, 5_000), st.booleans())
def test_adding_exposure_never_lets_a_refused_order_pass(
    case: Case, more: int, elsewhere: bool
) -> None:
    symbol = "UUP" if elsewhere else case.asked.symbol
    held, sign = case.had.held(symbol), 1 if case.asked.side is Side.BUY else -1
    assume(held * sign >= 0)  # against a position the order may become a way out

    assert held_also(case, symbol, held + sign * more).verdict is not None


@given(refused, st.integers(0, 60_000))
def test_having_done_more_never_lets_a_refused_order_pass(case: Case, more: int) -> None:
    had = case.had

    busier = case.but(shares_today=had.shares_today + more, entered=had.entered | {"UUP"})

    assert busier.verdict is not None


@given(cases, st.integers(0, 60_000), amounts | odd_numbers)
def test_what_only_reduces_passes_every_limit_of_size(
    case: Case, beyond: int, equity: Decimal
) -> None:
    sign = -1 if case.asked.side is Side.BUY else 1
    in_time = case.but(equity_usd=equity, quote_age=timedelta(0), clock_skew=timedelta(0))

    way_out = held_also(in_time, case.asked.symbol, Decimal(sign * (case.asked.quantity + beyond)))

    assert reduces(way_out.asked, way_out.had)
    assert way_out.verdict is None


@given(modest)
def test_what_passes_leaves_the_account_within_its_limits(case: Case) -> None:
    asked, had, of = case
    after = {position.symbol: abs(position.market_value) for position in had.positions}
    position = had.held(asked.symbol) + asked.signed_quantity
    after[asked.symbol] = abs(position) * asked.price

    within = (
        sum(after.values()) <= of.gross_exposure * had.equity_usd
        and asked.quantity * asked.price <= of.order_notional_usd
        and asked.quantity <= of.shares_a_day
        and (position >= 0 or had.equity_usd >= of.short_minimum_equity_usd)
    )

    assert (case.verdict is None) == (within or reduces(asked, had))


@given(cases, odd_numbers, st.sampled_from(["price", "equity", "value"]))
def test_what_is_no_number_never_passes(case: Case, odd: Decimal, where: str) -> None:
    assume(not reduces(case.asked, case.had))
    strange = Position("UUP", Decimal(1), Decimal(1), odd, Decimal(0))
    spoilt = {
        "price": case._replace(asked=replace(case.asked, price=odd)),
        "equity": case.but(equity_usd=odd),
        "value": case.but(positions=(*case.had.positions, strange)),
    }

    assert spoilt[where].verdict is not None
