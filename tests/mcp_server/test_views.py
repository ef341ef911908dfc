from datetime import datetime
from decimal import Decimal
from typing import Any

from config.ids import client_order_id_for
from council.context import WeekContext
from council.llm.spending import Spending
from council.model.base import Direction
from mcp_server.views import (
    checkpoint_shape,
    one_venue,
    trade_shape,
    week_shape,
    zero_size_notice,
)
from tests.builders import make_config, make_decision, make_pitch, make_review, make_ticket
from tests.council.fact_examples import make_checkpoint


def trade_row(**changes: Any) -> dict[str, Any]:
    ticket = make_ticket(**changes)
    return {
        "trade_id": ticket.trade_id,
        "week_id": ticket.week_id,
        "account_id": ticket.account,
        "model": "vendor/model",
        "venue": ticket.venue.value,
        "instrument": ticket.instrument,
        "direction": ticket.direction.value,
        "conviction": ticket.conviction,
        "status": "pending",
        "ticket": ticket.model_dump(mode="json"),
        "approval_timestamp": None,
        "execution_timestamp": None,
        "approver": None,
        "approval_channel": None,
        "approval_trust": None,
        "rejection_reason": None,
    }


def order_row(attempt: int, status: str) -> dict[str, Any]:
    trade_id = make_ticket().trade_id
    return {
        "trade_id": trade_id,
        "client_order_id": client_order_id_for(trade_id, "open", attempt),
        "leg": "open",
        "attempt": attempt,
        "status": status,
        "filled_quantity": Decimal(120),
        "average_price": Decimal("100.25"),
    }


def test_a_leg_that_was_never_sent_is_planned() -> None:
    leg = trade_shape(trade_row(), []).legs[0]

    assert (leg.status, leg.client_order_id, leg.average_price) == ("planned", None, None)
    assert leg.quantity == 500


def test_a_leg_shows_its_newest_order_only() -> None:
    orders = [order_row(2, "filled"), order_row(1, "refused")]

    leg = trade_shape(trade_row(), orders).legs[0]

    assert (leg.status, leg.filled_quantity, leg.average_price) == ("filled", 120, 100.25)


def test_orders_of_other_trades_are_passed_over() -> None:
    other = {**order_row(1, "filled"), "trade_id": "another"}

    assert trade_shape(trade_row(), [other]).legs[0].status == "planned"


def test_money_and_quantities_are_numbers_in_json() -> None:
    shown = trade_shape(trade_row(), []).model_dump(mode="json")

    assert (shown["notional_usd"], shown["conviction"], shown["quantity"]) == (50_000.0, 1.0, 500)
    assert datetime.fromisoformat(shown["expires_at"]).tzinfo is not None


def test_a_directional_trade_of_no_size_says_why_and_a_flat_one_is_silent() -> None:
    nothing = {"target_quantity": 0, "legs": (), "equity_share": Decimal(0)}
    unsized = trade_row(direction=Direction.SHORT, conviction=Decimal(-2), **nothing)
    too_dear = trade_row(**{**nothing, "equity_share": Decimal("0.1")})
    flat = trade_row(direction=Direction.FLAT, conviction=Decimal(0), **nothing)

    notices = [
        zero_size_notice(trade_shape(row, []), make_config()) for row in (unsized, too_dear, flat)
    ]

    assert "Conviction -2 sizes to nothing by conviction_table in risk.yaml." in (notices[0] or "")
    assert "less than one whole share" in (notices[1] or "")
    assert notices[2] is None


def test_a_week_unseals_labels_and_names_the_authors_of_dissent() -> None:
    context = WeekContext(
        "2026-11-18",
        pitches=(make_pitch("ALPHA"),),
        reviews=(make_review("BRAVO", "ALPHA"),),
        decision=make_decision(),
    )

    week = week_shape(
        context,
        (),
        outcomes={"ALPHA": "repaired"},
        spending=Spending(calls=1, unknown=1),
        venue="simulated",
        mode="live",
    )

    assert week.state == "not_started"
    assert week.pitches[0].status == "repaired"
    assert (week.scores[0].label, week.scores[0].author) == ("P1", "ALPHA")
    assert week.decision is not None
    assert week.decision.dissent == ("BRAVO: Bonds would pay better.",)
    assert (week.mode, week.venue, week.cost_usd) == ("live", "simulated", None)


def test_two_venues_are_both_named() -> None:
    assert one_venue(["simulated", "alpaca-paper", "simulated"]) == "alpaca-paper and simulated"


def test_before_the_chairman_is_done_the_scores_give_no_reviewer_away() -> None:
    """Nobody reviews a pitch of its own: a label's reviewers would tell who wrote it."""
    given = (make_review("BRAVO", "ALPHA"), make_review("ALPHA", "BRAVO"))
    weeks = [
        week_shape(
            WeekContext("2026-11-18", reviews=reviews),
            (),
            outcomes={},
            spending=Spending(calls=0, unknown=0),
            venue="simulated",
            mode="live",
        )
        for reviews in (given, given[::-1])
    ]

    assert {score.reviewer for score in weeks[0].scores} == {None}
    assert weeks[0].scores == weeks[1].scores


def test_a_checkpoint_shows_that_its_trade_was_to_end_and_what_happened_to_the_market() -> None:
    shown = checkpoint_shape(make_checkpoint(), None)

    assert shown.invalidation_met
    assert shown.event == "VIXY rose by 2.1 ATR since the week began"
