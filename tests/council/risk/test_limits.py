from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.models import Position, PositionIntent, Side
from config.schema import RiskLimits
from council.risk.limits import Exposure, OrderAsk, breach, daily_loss_breach, ticket_breach
from tests.builders import make_leg, make_ticket

LIMITS = RiskLimits()


def order(side: Side = Side.BUY, quantity: int = 500, **changes: Any) -> OrderAsk:
    return OrderAsk(
        **{"symbol": "SPY", "price": Decimal(100), **changes}, side=side, quantity=quantity
    )


def holding(quantity: int, symbol: str = "SPY", price: int = 100) -> Position:
    value = Decimal(quantity * price)
    return Position(symbol, Decimal(quantity), Decimal(price), value, Decimal(0))


def exposure(*positions: Position, **changes: Any) -> Exposure:
    return Exposure(**{"equity_usd": Decimal(100_000), **changes}, positions=positions)


def verdict(asked: OrderAsk, had: Exposure, **limits: Any) -> tuple[str, bool] | None:
    found = breach(asked, had, RiskLimits(**limits))
    return (found.reason, found.is_final) if found else None


def test_an_order_within_every_limit_passes() -> None:
    assert breach(order(), exposure(), LIMITS) is None


REFUSED: list[tuple[OrderAsk, Exposure, dict[str, Any], str]] = [
    (
        order(quantity=1_600),
        exposure(equity_usd=Decimal(500_000)),
        {},
        "limit order_notional_usd: the order is worth 160,000 of at most 150,000",
    ),
    (
        order(quantity=1_001),
        exposure(),
        {},
        "limit gross_exposure: all positions would be worth 100,100 of at most 100,000, "
        "1 times the equity",
    ),
    (
        order(quantity=600),
        exposure(holding(-500, "TLT")),
        {},
        "limit gross_exposure: all positions would be worth 110,000 of at most 100,000, "
        "1 times the equity",
    ),
    (
        order(quantity=500),
        exposure(shares_today=49_501),
        {},
        "limit shares_a_day: 50,001 shares would be traded today of at most 50,000",
    ),
    (
        order(Side.SELL, quantity=10),
        exposure(equity_usd=Decimal("1999.5")),
        {},
        "limit short_minimum_equity_usd: the account's equity is 1,999.50, a short needs 2,000",
    ),
    (
        order(),
        exposure(entered=frozenset({"QQQ"})),
        {},
        "limit one_instrument_a_week: SPY would be instrument 2 of at most 1 that the account "
        "enters this week, after QQQ",
    ),
]


@pytest.mark.parametrize(("asked", "had", "limits", "reason"), REFUSED, ids=lambda v: str(v)[:40])
def test_a_limit_of_size_refuses_for_good_with_its_name_and_both_numbers(
    asked: OrderAsk, had: Exposure, limits: dict[str, Any], reason: str
) -> None:
    assert verdict(asked, had, **limits) == (reason, True)


WAITING: list[tuple[dict[str, Any], str]] = [
    (
        {"quote_age": timedelta(seconds=300)},
        "limit quote_age_seconds: the quote of SPY is 300 s old of at most 120",
    ),
    (
        {"clock_skew": timedelta(seconds=-2.5)},
        "limit clock_skew_seconds: the venue's clock differs by 2.50 s of at most 2",
    ),
    (
        {"quote_age": timedelta(seconds=-3)},
        "limit clock_skew_seconds: the quote is 3 s ahead of our clock of at most 2",
    ),
]


@pytest.mark.parametrize(("changes", "reason"), WAITING, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("side", list(Side), ids=["opening", "closing"])
def test_an_old_quote_or_a_wrong_clock_makes_every_order_wait(
    changes: dict[str, Any], reason: str, side: Side
) -> None:
    assert verdict(order(side, 10), exposure(holding(10), **changes)) == (reason, False)


def test_what_may_mend_itself_is_said_before_a_size_judged_by_it() -> None:
    found = breach(order(quantity=9_999), exposure(quote_age=timedelta(minutes=9)), LIMITS)

    assert found is not None
    assert (found.limit, found.is_final) == ("quote_age_seconds", False)


@pytest.mark.parametrize(
    "changes",
    [
        {"quote_age": timedelta(seconds=120)},
        {"clock_skew": timedelta(seconds=2)},
        {"shares_today": 49_500},
        {"entered": frozenset({"SPY"})},
        {"equity_usd": Decimal(50_000)},
    ],
    ids=str,
)
def test_exactly_at_a_limit_an_order_passes(changes: dict[str, Any]) -> None:
    assert breach(order(), exposure(**changes), LIMITS) is None


def test_an_order_beyond_zero_does_more_than_reduce() -> None:
    found = breach(order(Side.SELL, 11), exposure(holding(10), equity_usd=Decimal(1_500)), LIMITS)

    assert found is not None
    assert found.limit == "short_minimum_equity_usd"


def test_a_small_account_may_still_buy() -> None:
    assert breach(order(quantity=10), exposure(equity_usd=Decimal(1_500)), LIMITS) is None


def test_covering_a_short_with_little_equity_passes() -> None:
    had = exposure(holding(-10), equity_usd=Decimal(-50), entered=frozenset({"QQQ"}))

    assert breach(order(quantity=10), had, LIMITS) is None


@pytest.mark.parametrize("broken", ["NaN", "Infinity", "-Infinity"])
def test_no_number_is_no_reason_to_send(broken: str) -> None:
    number = Decimal(broken)
    odd = Position("TLT", Decimal(1), Decimal(1), number, Decimal(0))
    strange = Position("SPY", number, Decimal(1), Decimal(1), Decimal(0))

    asked = [
        breach(order(price=number), exposure(), LIMITS),
        breach(order(), exposure(equity_usd=number), LIMITS),
        breach(order(), exposure(odd), LIMITS),
        breach(order(Side.SELL), exposure(strange), LIMITS),
        daily_loss_breach(number, Decimal(100), LIMITS),
        daily_loss_breach(Decimal(100), number, LIMITS),
    ]

    assert all(b and not b.is_final and b.limit == "known_numbers" for b in asked)


@pytest.mark.parametrize("quantity", [0, -5])
def test_an_order_of_no_shares_is_none(quantity: int) -> None:
    found = breach(order(quantity=quantity), exposure(), LIMITS)

    assert found is not None
    assert found.reason == f"limit known_numbers: an order of {quantity} shares cannot be judged"


def test_a_day_that_lost_too_much_is_a_breach_with_both_numbers() -> None:
    found = daily_loss_breach(Decimal(94_999), Decimal(100_000), LIMITS)

    assert found is not None
    assert found.is_final
    assert found.reason == "limit daily_loss: the account lost 5,001 USD today of at most 5,000"


@pytest.mark.parametrize(
    ("equity", "last_equity"), [(95_000, 100_000), (120_000, 100_000), (-10, 0)]
)
def test_a_loss_up_to_the_limit_or_from_nothing_is_none(equity: int, last_equity: int) -> None:
    assert daily_loss_breach(Decimal(equity), Decimal(last_equity), LIMITS) is None


def flip(target: int) -> Any:
    opening = make_leg(
        side=Side.SELL, quantity=-target, position_intent=PositionIntent.SELL_TO_OPEN
    )
    closing = make_leg(
        leg="close", side=Side.SELL, quantity=5_000, position_intent=PositionIntent.SELL_TO_CLOSE
    )
    return make_ticket(target_quantity=target, legs=(closing, opening))


def test_the_opening_leg_of_a_flip_is_judged_from_the_flat_position() -> None:
    assert ticket_breach(flip(-1_000), frozenset(), LIMITS) is None

    found = ticket_breach(flip(-1_001), frozenset(), LIMITS)

    assert found is not None
    assert found.limit == "gross_exposure"


def test_a_ticket_that_enlarges_counts_what_is_held_already() -> None:
    enlarging = make_ticket(target_quantity=1_200, legs=(make_leg(quantity=500),))

    found = ticket_breach(enlarging, frozenset(), LIMITS)

    assert found is not None
    assert "120,000 of at most 100,000" in found.reason


def test_a_ticket_that_opens_nothing_breaks_nothing() -> None:
    closing = flip(-1).legs[0]

    for legs in ((), (closing,)):
        ticket = make_ticket(target_quantity=0, legs=legs)
        assert ticket_breach(ticket, frozenset({"QQQ"}), LIMITS) is None
