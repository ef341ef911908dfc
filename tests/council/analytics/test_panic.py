from decimal import Decimal
from typing import Any

import pytest

from council.analytics.inputs import AccountWeek, Week
from council.analytics.panic import panic_exits
from council.model.checkpoint import Action
from tests.council.analytics.weeks import left_early, make_fill, make_look, make_trade, make_week

UP = ({"SPY": 100.0}, {"SPY": 102.0}, {"SPY": 104.0})


def exits_of(week: Week) -> list[Decimal | None]:
    return [found.cost_usd for found in panic_exits(week, week.accounts[0])]


def test_leaving_without_a_crossed_indicator_is_panic_and_costs_what_staying_had_gained() -> None:
    assert exits_of(left_early(Action.EXIT)) == [Decimal(300)]


def test_a_panic_exit_before_a_fall_saved_money() -> None:
    assert exits_of(left_early(Action.EXIT, end=99.0)) == [Decimal(-200)]


def test_of_a_flip_only_the_closing_counts() -> None:
    week = left_early(Action.FLIP, after="-1")
    closing = week.accounts[0].trades[0]
    both = make_trade(*closing.fills, make_fill(-50, 101.0), checkpoint_id=closing.checkpoint_id)
    own = AccountWeek("ALPHA", trades=(both,), checkpoints=week.accounts[0].checkpoints)

    assert [e.cost_usd for e in panic_exits(week, own)] == [Decimal(300)]


@pytest.mark.parametrize(
    ("action", "look"),
    [
        (Action.EXIT, {"crossed": True}),
        (Action.EXIT, {"ended": True}),
        (Action.EXIT, {"decided_by": "rules"}),
        (Action.REDUCE, {"after": "0.5"}),
        (Action.STAY, {"after": "1"}),
    ],
)
def test_what_an_indicator_an_invalidation_or_a_rule_justified_is_no_panic(
    action: Action, look: dict[str, Any]
) -> None:
    assert exits_of(left_early(action, **look)) == []


def test_an_exit_that_was_never_filled_cost_nothing() -> None:
    look = make_look(Action.EXIT)
    own = AccountWeek(
        "ALPHA", trades=(make_trade(checkpoint_id=look.checkpoint_id),), checkpoints=(look,)
    )

    assert panic_exits(make_week(*UP), own) == ()
