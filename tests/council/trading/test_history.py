from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from broker.models import OrderStatus
from config.ids import client_order_id_for
from council.trade_facts import LegClosed, LegIntended
from council.trading.account_legs import LegState
from council.trading.history import instruments_entered, shares_traded
from tests.builders import NOW, WEEK_ID, make_leg, make_ticket

TODAY = date(2026, 11, 18)


def leg(filled: int = 500, *, is_over: bool = True, **changes: Any) -> LegState:
    """Return the order that bought `filled` of 500 SPY today."""
    ticket = make_ticket()
    about: dict[str, Any] = {
        "week_id": WEEK_ID,
        "account": "ALPHA",
        "trade_id": ticket.trade_id,
        "client_order_id": client_order_id_for(ticket.trade_id, "open", 1),
    }
    line = make_leg().model_dump()
    intended = LegIntended(
        **about,
        **{**line, **changes},
        attempt=1,
        venue=ticket.venue,
        start_quantity=0,
        digest=ticket.digest,
    )
    closed = LegClosed(
        **about,
        symbol=intended.symbol,
        status=OrderStatus.FILLED if filled else OrderStatus.CANCELED,
        filled_quantity=filled,
        average_price=Decimal(100) if filled else None,
        position_quantity=filled,
    )
    return LegState(
        intended, NOW, attempted_at=NOW, filled=filled, closed=closed if is_over else None
    )


def test_an_order_that_may_have_filled_enters_its_instrument() -> None:
    legs = [leg(), leg(0, is_over=False, symbol="QQQ")]

    assert instruments_entered(legs, WEEK_ID) == {"SPY", "QQQ"}


def test_closing_an_unfilled_order_or_another_week_enters_nothing() -> None:
    legs = [leg(leg="close"), leg(0, symbol="QQQ")]

    assert instruments_entered(legs, WEEK_ID) == frozenset()
    assert instruments_entered([leg()], "2026-11-25") == frozenset()


def test_all_shares_of_the_day_add_up_whatever_their_side() -> None:
    legs = [leg(), leg(120, leg="close"), leg(30, is_over=False)]

    assert shares_traded(legs, TODAY) == 650


def test_shares_belong_to_the_new_york_day_on_which_they_were_sent() -> None:
    late = replace(leg(), attempted_at=datetime(2026, 11, 19, 1, tzinfo=UTC))
    tomorrow = replace(leg(70), attempted_at=datetime(2026, 11, 19, 15, tzinfo=UTC))
    unsent = replace(leg(0), attempted_at=None)

    assert shares_traded([late, tomorrow, unsent], TODAY) == 500
