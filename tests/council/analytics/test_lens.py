from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import empyrical
import numpy as np
import pytest

from broker.models import Side
from config.schema import InstrumentConfig
from council.analytics.lens import (
    UNKNOWN_CLASS,
    AccountHoldings,
    LensMarket,
    lens,
    look_through,
    market_betas,
    shared_bets,
)
from council.model.market import Correlation
from tests.builders import make_leg, make_snapshot, make_ticket
from tests.council.analytics.weeks import selling_leg

INSTRUMENTS = (
    InstrumentConfig(symbol="SPY", asset_class="equities", name="S&P 500"),
    InstrumentConfig(
        symbol="TLT",
        asset_class="duration",
        name="Treasuries",
        duration_years=Decimal(16),
        duration_as_of=date(2025, 12, 31),
    ),
    InstrumentConfig(
        symbol="LQD",
        asset_class="credit",
        name="Corporates",
        duration_years=Decimal(8),
        duration_as_of=date(2025, 12, 31),
    ),
)
PRICES = {"SPY": Decimal(100), "TLT": Decimal(50), "LQD": Decimal(80)}
ALIKE = Correlation(first="TLT", second="LQD", value=0.9)
APART = Correlation(first="SPY", second="TLT", value=-0.85)


def make_market(**changes: Any) -> LensMarket:
    fields: dict[str, Any] = {
        "instruments": INSTRUMENTS,
        "prices": PRICES,
        "betas": {"SPY": 1.0, "TLT": -0.2, "LQD": 0.1},
        "snapshot": make_snapshot(correlations=(ALIKE, APART)),
    }
    return LensMarket(**{**fields, **changes})


def holding(account: str, **positions: int) -> AccountHoldings:
    return AccountHoldings(account, Decimal(100_000), positions)


THREE = (holding("ALPHA", TLT=1_000), holding("BRAVO", LQD=500), holding("CHARLIE", SPY=-250))


def test_the_look_through_adds_classes_duration_and_beta_over_all_accounts() -> None:
    found = look_through(THREE, make_market())

    assert [(c.asset_class, int(c.net_usd)) for c in found.classes] == [
        ("equities", -25_000), ("duration", 50_000), ("credit", 40_000),
    ]  # fmt: skip
    assert found.equity_usd == 300_000
    assert found.gross == pytest.approx(115 / 300)
    assert found.net == pytest.approx(65 / 300)
    assert found.dv01_usd == Decimal("112.0000")
    assert found.duration_years == pytest.approx((50 * 16 + 40 * 8) / 300)
    assert found.beta == pytest.approx((-25 - 0.2 * 50 + 0.1 * 40) / 300)


def test_long_and_short_of_one_class_show_apart_although_they_cancel() -> None:
    found = look_through((holding("ALPHA", SPY=100), holding("BRAVO", SPY=-100)), make_market())

    (equities,) = found.classes
    assert (int(equities.net_usd), int(equities.gross_usd)) == (0, 20_000)
    assert (found.beta, found.net) == (0, 0)


def test_the_pending_tickets_show_in_what_would_be() -> None:
    legs = (selling_leg(1_000, "TLT"), make_leg(quantity=300))
    flip = make_ticket("ALPHA", legs=legs)
    short = make_ticket("BRAVO", legs=(make_leg(side=Side.SELL, symbol="TLT", quantity=100),))
    stranger = make_ticket("ZULU")

    found = lens(THREE, (flip, short, stranger), make_market())

    assert found.before == look_through(THREE, make_market())
    assert found.after == look_through(
        (holding("ALPHA", SPY=300), holding("BRAVO", LQD=500, TLT=-100), THREE[2]), make_market()
    )


def test_the_same_instrument_on_the_same_side_is_one_bet() -> None:
    pair = (holding("ALPHA", SPY=1), holding("BRAVO", SPY=2))
    hedge = (holding("ALPHA", SPY=1), holding("BRAVO", SPY=-2))

    (bet,) = shared_bets(pair, make_snapshot())

    assert (bet.first.account, bet.second.account, bet.correlation) == ("ALPHA", "BRAVO", 1.0)
    assert shared_bets(hedge, make_snapshot()) == ()


def test_instruments_that_move_alike_are_one_bet_by_their_sides() -> None:
    snapshot = make_snapshot(correlations=(ALIKE, APART))
    found = shared_bets(THREE, snapshot)

    pairs = [(bet.first.instrument, bet.second.instrument, bet.correlation) for bet in found]
    assert pairs == [("TLT", "LQD", 0.9), ("TLT", "SPY", 0.85)]


def test_one_accounts_own_bets_are_not_shared() -> None:
    snapshot = make_snapshot(correlations=(ALIKE, APART))

    assert shared_bets((holding("ALPHA", TLT=100, LQD=100),), snapshot) == ()


def test_what_the_snapshot_does_not_know_is_no_shared_bet() -> None:
    assert shared_bets((holding("ALPHA", SPY=1), holding("BRAVO", LQD=1)), make_snapshot()) == ()


def test_what_has_no_price_no_beta_or_no_class_is_named() -> None:
    market = make_market(prices={**PRICES, "XYZ": Decimal(10)})
    found = look_through((holding("ALPHA", XYZ=10, QQQ=5, SPY=0),), market)

    assert (found.without_price, found.without_beta) == (("QQQ",), ("XYZ",))
    assert found.beta is None
    assert [c.asset_class for c in found.classes] == [UNKNOWN_CLASS]


def test_accounts_without_equity_have_no_fractions() -> None:
    found = look_through((), make_market())

    assert (found.gross, found.net, found.duration_years, found.beta) == (None, None, None, None)


def closes(count: int, seed: int) -> list[float]:
    source = Random(seed)  # noqa: S311 - a seeded draw
    line = [100.0]
    for _ in range(count):
        line.append(line[-1] * (1 + source.gauss(0, 0.01)))
    return line


def test_betas_are_those_of_the_library_over_the_last_sixty_returns() -> None:
    spy, other = closes(90, seed=1), closes(90, seed=2)
    moves = [np.diff(line[-61:]) / np.array(line[-61:-1]) for line in (other, spy)]

    found = market_betas({"SPY": spy, "TLT": other})

    assert found["SPY"] == pytest.approx(1.0)
    assert found["TLT"] == pytest.approx(empyrical.beta(*moves), abs=1e-9)


def test_too_short_a_history_has_no_beta() -> None:
    assert set(market_betas({"SPY": closes(60, seed=1), "TLT": closes(59, seed=2)})) == {"SPY"}
    assert market_betas({"SPY": [100.0] * 61, "TLT": closes(60, seed=2)}) == {}
    assert market_betas({"TLT": closes(60, seed=2)}) == {}
