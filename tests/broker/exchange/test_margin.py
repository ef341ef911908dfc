"""What positions bind, by Alpaca's table of a share's price."""

from decimal import Decimal

import pytest

from broker.exchange.ledger import Holding, Ledger
from broker.exchange.margin import buying_power, long_rate, order_value, short_rate, valued
from broker.models import Quote, Side
from tests.broker.exchange.builders import WEDNESDAY_NOON, make_draft


@pytest.mark.parametrize(
    ("price", "leverage", "rate"),
    [
        ("100", 1, "0.3"),
        ("6.01", 1, "0.3"),
        ("6", 1, "0.5"),
        ("2.5", 1, "0.5"),
        ("2.49", 1, "1"),
        ("100", 2, "0.5"),
        ("100", 3, "0.75"),
        ("2", 3, "1"),
    ],
)
def test_a_long_share_binds_more_the_cheaper_it_is(price: str, leverage: int, rate: str) -> None:
    assert long_rate(Decimal(price), leverage) == Decimal(rate)


@pytest.mark.parametrize(
    ("price", "per_share"),
    [("100", "30"), ("20", "6"), ("10", "5"), ("5", "5"), ("4", "4"), ("2", "2.5")],
)
def test_a_short_share_binds_a_least_amount(price: str, per_share: str) -> None:
    assert short_rate(Decimal(price)) * Decimal(price) == Decimal(per_share)


def ledger(cash: int, **quantities: int) -> Ledger:
    holdings = {
        symbol: Holding(symbol, Decimal(quantity), Decimal(100))
        for symbol, quantity in quantities.items()
    }
    return Ledger(Decimal(cash), holdings)


def test_margins_of_long_and_short_positions_add_up() -> None:
    worth = valued(ledger(0, SPY=10, TLT=-10), {"SPY": Decimal(200), "TLT": Decimal(10)})

    assert worth.maintenance_margin == 600 + 50
    assert worth.long_value == 2000
    assert worth.short_value == -100
    assert worth.equity == 1900


@pytest.mark.parametrize(
    ("cash", "margin"), [(-99_999, 60_000), (-100_000, 100_000)], ids=["owes less", "owes much"]
)
def test_one_name_binds_more_in_an_account_that_owes_much(cash: int, margin: int) -> None:
    worth = valued(ledger(cash, SPY=2000), {})

    assert worth.maintenance_margin == margin


def test_a_spread_of_names_binds_the_usual_share_even_of_an_account_that_owes_much() -> None:
    names = {f"S{number}": 500 for number in range(8)}

    worth = valued(ledger(-100_000, **names), {})

    assert worth.maintenance_margin == 120_000


@pytest.mark.parametrize(("multiplier", "power"), [(1, 500), (2, 2000), (4, 4000)])
def test_buying_power_is_the_free_equity_times_the_multiplier(multiplier: int, power: int) -> None:
    worth = valued(ledger(500, SPY=10), {})

    assert buying_power(worth, Decimal(multiplier)) == power


@pytest.mark.parametrize(
    ("side", "limit", "stop", "value"),
    [
        (Side.BUY, None, None, "1000.1"),
        (Side.BUY, 90, None, "900"),
        (Side.BUY, None, 110, "1100"),
        (Side.SELL, None, None, "1030.103"),
        (Side.SELL, 90, None, "1030.103"),
        (Side.SELL, 120, None, "1200"),
    ],
)
def test_an_opening_order_counts_at_what_it_may_cost(
    side: Side, limit: int | None, stop: int | None, value: str
) -> None:
    draft = make_draft(
        side=side,
        limit_price=None if limit is None else Decimal(limit),
        stop_price=None if stop is None else Decimal(stop),
    )
    quote = Quote("SPY", Decimal("99.99"), Decimal("100.01"), WEDNESDAY_NOON)

    assert order_value(draft, draft.quantity, quote) == Decimal(value)
