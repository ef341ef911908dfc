from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from council.analytics.inputs import AccountWeek, EquityMark, Moment, Week
from council.analytics.proportions import Proportion
from council.analytics.results import account_results
from council.model.checkpoint import Action
from tests.council.analytics.weeks import (
    ENTRY_AT,
    equity_marks,
    left_early,
    make_fill,
    make_look,
    make_trade,
    make_week,
)

UP = ({"SPY": 100.0}, {"SPY": 102.0}, {"SPY": 104.0})


def two_weeks() -> list[Week]:
    """ALPHA gains 1,000 and then loses 500 of 100,000, in one series that meets on day 2."""
    day = timedelta(days=1)
    first = equity_marks(100_000, 101_500, 101_000)
    second = tuple(
        EquityMark(
            ENTRY_AT + number * day, Moment.CLOSE, Decimal(usd), Decimal(usd) / 2, -Decimal(usd) / 4
        )
        for number, usd in ((2, 101_000), (3, 100_000), (4, 100_500))
    )
    gained = make_trade(make_fill(500, 100.0))
    lost = make_trade(make_fill(250, 104.0))
    return [
        make_week(
            {"SPY": 100.0},
            {"SPY": 102.0},
            accounts=(AccountWeek("ALPHA", first, trades=(gained,)),),
        ),
        make_week(
            {"SPY": 104.0},
            {"SPY": 102.0},
            number=1,
            accounts=(
                AccountWeek(
                    "ALPHA",
                    second,
                    trades=(lost,),
                    checkpoints=(make_look(), make_look(before="0.5", after="2")),
                ),
            ),
        ),
    ]


def test_weeks_join_into_one_series_to_date() -> None:
    found = account_results("ALPHA", two_weeks())

    assert (found.profit_usd, found.sessions, len(found.weeks)) == (Decimal(500), 4, 2)
    assert found.time_weighted_return == pytest.approx(0.005)
    assert found.maximum_drawdown == pytest.approx(1 - 100_000 / 101_500)
    assert found.hits == Proportion(1, 2)
    assert found.turnover == pytest.approx((50_000 + 26_000) / 100_600)
    assert found.conviction_volatility == pytest.approx(2.5 / 2**0.5)
    assert found.sharpe is not None


def test_of_two_marks_at_one_instant_the_later_one_counts() -> None:
    once, again, end = equity_marks(90_000, 100_000, 101_000)
    marks = (once, replace(again, at=once.at), end)

    found = account_results("ALPHA", [make_week(*UP, accounts=(AccountWeek("ALPHA", marks),))])

    assert found.profit_usd == Decimal(1_000)
    assert found.time_weighted_return == pytest.approx(0.01)


def test_exposure_is_the_mean_over_the_marks() -> None:
    found = account_results("ALPHA", two_weeks()[1:])

    assert found.gross_exposure == pytest.approx(0.75)
    assert found.net_exposure == pytest.approx(0.25)


def test_exposure_leaves_out_marks_at_which_nothing_was_left() -> None:
    whole, broke = equity_marks(100_000, -50_000)
    marks = tuple(replace(mark, long_usd=Decimal(50_000)) for mark in (whole, broke))

    found = account_results("ALPHA", [make_week(*UP, accounts=(AccountWeek("ALPHA", marks),))])

    assert (found.gross_exposure, found.net_exposure) == (0.5, 0.5)


def test_what_an_account_had_at_another_home_is_no_gain() -> None:
    stays = [("here", equity_marks(100_000, 101_000)), ("there", equity_marks(50_000, 50_500))]
    weeks = [
        make_week(*UP, number=number, accounts=(AccountWeek("ALPHA", marks, home=home),))
        for number, (home, marks) in enumerate(stays)
    ]

    found = account_results("ALPHA", weeks)

    assert found.profit_usd == Decimal(1_500)
    assert found.time_weighted_return == pytest.approx(1.01 * 1.01 - 1)


def test_one_mark_is_no_profit_of_zero() -> None:
    marks = equity_marks(100_000)

    found = account_results("ALPHA", [make_week(*UP, accounts=(AccountWeek("ALPHA", marks),))])

    assert (found.profit_usd, found.time_weighted_return) == (None, None)


def test_between_closes_only_the_drawdown_looks() -> None:
    marks = equity_marks(100_000, 90_000, 100_000)
    dip = (marks[0], EquityMark(marks[1].at, Moment.SLOT, marks[1].equity_usd), marks[2])
    week = make_week(*UP, accounts=(AccountWeek("ALPHA", dip),))

    found = account_results("ALPHA", [week])

    assert found.maximum_drawdown == pytest.approx(0.1)
    assert (found.sessions, found.annual_volatility) == (1, None)


def test_a_panic_exit_shows_in_the_results() -> None:
    found = account_results("ALPHA", [left_early(Action.EXIT)])

    assert (found.panic_exits, found.panic_cost_usd) == (1, Decimal(300))


def test_an_account_without_marks_has_no_figures_and_no_zeros() -> None:
    found = account_results("ALPHA", [make_week(*UP)])

    assert found.weeks == ()
    assert (found.profit_usd, found.time_weighted_return, found.sharpe) == (None, None, None)
    assert (found.turnover, found.gross_exposure, found.hits.share) == (None, None, None)


def test_an_account_that_lost_everything_has_a_loss_and_no_return() -> None:
    week = make_week(*UP, accounts=(AccountWeek("ALPHA", equity_marks(100_000, 0)),))

    found = account_results("ALPHA", [week])

    assert found.profit_usd == -100_000
    assert (found.time_weighted_return, found.sharpe, found.sessions) == (None, None, 0)
