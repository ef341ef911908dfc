from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from broker.models import PositionIntent, Side, VenueName
from config.ids import trade_id_for
from council.model.base import Direction
from council.model.ticket import Ticket, TicketLeg
from council.trading.tickets import (
    Desire,
    Holdings,
    TicketTerms,
    build_ticket,
    permits,
    plan_legs,
    renewed_ticket,
)
from tests.builders import EXPIRES_AT, WEEK_ID, make_leg, make_ticket

SYMBOLS = ("SPY", "TLT", "GLD")
quantities = st.integers(-1_000, 1_000)
holdings_by_symbol = st.dictionaries(st.sampled_from(SYMBOLS), quantities)
BAND = Decimal("0.02")


def apply(positions: Mapping[str, int], leg: TicketLeg) -> dict[str, int]:
    change = leg.quantity if leg.side is Side.BUY else -leg.quantity
    return {**positions, leg.symbol: positions.get(leg.symbol, 0) + change}


@given(holdings_by_symbol, quantities)
def test_the_plan_reaches_the_target_and_nothing_else(held: dict[str, int], target: int) -> None:
    after: dict[str, int] = held
    for leg in plan_legs(held, "SPY", target):
        after = apply(after, leg)

    assert after.get("SPY", 0) == target
    assert not any(quantity for symbol, quantity in after.items() if symbol != "SPY")


@given(holdings_by_symbol, quantities)
def test_no_leg_ever_crosses_zero(held: dict[str, int], target: int) -> None:
    positions: dict[str, int] = held
    for leg in plan_legs(held, "SPY", target):
        before = positions.get(leg.symbol, 0)
        positions = apply(positions, leg)
        assert before * positions[leg.symbol] >= 0
        assert leg.quantity > 0


@given(holdings_by_symbol, quantities)
def test_the_intent_says_what_the_order_does(held: dict[str, int], target: int) -> None:
    positions: dict[str, int] = held
    for leg in plan_legs(held, "SPY", target):
        before = positions.get(leg.symbol, 0)
        positions = apply(positions, leg)
        grows = abs(positions[leg.symbol]) > abs(before)
        assert leg.position_intent == f"{leg.side}_to_{'open' if grows else 'close'}"
        assert leg.leg == ("open" if grows else "close")


@given(holdings_by_symbol, quantities)
def test_planning_again_after_each_leg_gives_the_rest_of_the_plan(
    held: dict[str, int], target: int
) -> None:
    plan = plan_legs(held, "SPY", target)
    for index, leg in enumerate(plan):
        held = apply(held, leg)
        assert plan_legs(held, "SPY", target) == plan[index + 1 :]


def test_a_flip_is_a_close_to_zero_and_then_an_open() -> None:
    close, opening = plan_legs({"TLT": 120}, "TLT", -80)

    assert (close.leg, close.side, close.quantity) == ("close", Side.SELL, 120)
    assert close.position_intent is PositionIntent.SELL_TO_CLOSE
    assert (opening.leg, opening.side, opening.quantity) == ("open", Side.SELL, 80)
    assert opening.position_intent is PositionIntent.SELL_TO_OPEN


def holdings(**changes: Any) -> Holdings:
    fields: dict[str, Any] = {
        "account": "BOARD",
        "account_number": "PA00000006",
        "venue": VenueName.SIMULATED,
        "equity_usd": Decimal("100250.75"),
        "positions": {"SPY": 10, "TLT": 40},
        "price": Decimal("91.235"),
    }
    return Holdings(**{**fields, **changes})


def terms() -> TicketTerms:
    return TicketTerms(trade_id_for(WEEK_ID, "BOARD"), WEEK_ID, BAND, EXPIRES_AT)


def short_tlt(**changes: Any) -> Desire:
    fields: dict[str, Any] = {
        "instrument": "TLT",
        "direction": Direction.SHORT,
        "conviction": Decimal("-1.5"),
        "equity_share": Decimal("0.25"),
    }
    return Desire(**{**fields, **changes})


def test_a_ticket_says_everything_that_is_approved(snapshot: SnapshotAssertion) -> None:
    ticket = build_ticket(short_tlt(), holdings(), terms())

    assert ticket.model_dump(mode="json") == snapshot
    assert ticket.confirmation == f"APPROVE BOARD SHORT 274 TLT {ticket.digest[:4]}"


def test_a_size_of_zero_is_a_ticket_that_closes_what_is_held() -> None:
    desire = short_tlt(conviction=Decimal(-2), equity_share=Decimal(0))

    ticket = build_ticket(desire, holdings(), terms())

    assert ticket.target_quantity == 0
    assert [(leg.leg, leg.symbol) for leg in ticket.legs] == [("close", "SPY"), ("close", "TLT")]


def test_the_digest_survives_the_log() -> None:
    ticket = build_ticket(short_tlt(), holdings(), terms())

    read_back = Ticket.model_validate(ticket.model_dump(mode="json"))

    assert read_back.computed_digest() == ticket.digest


MUTATIONS: dict[str, Any] = {
    "trade_id": trade_id_for(WEEK_ID, "OTHER"),
    "week_id": "2026-11-25",
    "account": "OTHER",
    "account_number": "PA00000002",
    "venue": VenueName.ALPACA_PAPER,
    "instrument": "QQQ",
    "direction": Direction.SHORT,
    "conviction": Decimal("1.5"),
    "equity_usd": Decimal(100_001),
    "equity_share": Decimal("0.51"),
    "target_quantity": 501,
    "notional_usd": Decimal(50_001),
    "reference_price": Decimal(101),
    "lowest_price": Decimal(1),
    "highest_price": Decimal(1_000),
    "legs": (make_leg(quantity=501),),
    "expires_at": EXPIRES_AT + timedelta(seconds=1),
}


@pytest.mark.parametrize("field", [name for name in Ticket.model_fields if name != "digest"])
def test_the_digest_covers_every_field(field: str) -> None:
    ticket = make_ticket()

    changed = ticket.model_copy(update={field: MUTATIONS[field]})

    assert changed.computed_digest() != ticket.digest


def test_a_leg_is_permitted_up_to_the_shares_on_its_line() -> None:
    ticket = make_ticket()

    assert permits(ticket, make_leg(quantity=500), already_filled=0)
    assert permits(ticket, make_leg(quantity=200), already_filled=300)
    assert not permits(ticket, make_leg(quantity=201), already_filled=300)


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "QQQ"},
        {"side": Side.SELL},
        {"leg": "close"},
        {"position_intent": PositionIntent.BUY_TO_CLOSE},
    ],
)
def test_a_leg_that_nobody_saw_is_not_permitted(change: dict[str, Any]) -> None:
    assert not permits(make_ticket(), make_leg(**change), already_filled=0)


def test_a_renewed_ticket_is_sized_again_at_the_new_price() -> None:
    first = build_ticket(short_tlt(), holdings(), terms())

    second = renewed_ticket(first, holdings(price=Decimal(100)), BAND)

    assert second.target_quantity == -250
    assert second.expires_at == first.expires_at
    assert second.digest != first.digest


def test_a_renewed_ticket_keeps_a_target_that_was_not_sized_by_equity() -> None:
    half = short_tlt(direction=Direction.LONG, conviction=Decimal(1), target_quantity=20)
    first = build_ticket(half, holdings(), terms())

    second = renewed_ticket(first, holdings(price=Decimal(100)), BAND)

    assert second.target_quantity == 20
