"""Who is ahead: accounts and the books that they must beat, measured alike."""

from dataclasses import replace
from decimal import Decimal

import pytest

from council.analytics.inputs import Moment
from council.analytics.ranking import ranking
from council.analytics.results import account_results
from council.analytics.shadow_books import Assumptions, BookKind, shadow_books
from tests.builders import UNIVERSE
from tests.council.analytics.test_results import two_weeks
from tests.council.analytics.weeks import price_marks

ASSUMED = Assumptions(lambda *_: Decimal("0.5"), ("ALPHA",), UNIVERSE, "COUNCIL")


def test_accounts_and_books_stand_in_the_order_of_their_returns() -> None:
    weeks = two_weeks()

    lines = ranking([account_results("ALPHA", weeks)], shadow_books(weeks, ASSUMED), weeks)

    assert [(line.rank, line.name) for line in lines] == [
        (1, "ALPHA"),
        (2, "SPY"),
        (3, "mean_of_managers"),
        (4, "FLAT"),
    ]
    assert lines[0].total_return == pytest.approx(0.005)
    assert lines[1].total_return == pytest.approx(102 / 100 * 102 / 104 - 1)
    assert [line.account is None for line in lines] == [False, True, True, True]


def test_who_has_no_return_stands_last_and_without_a_rank() -> None:
    weeks = two_weeks()

    lines = ranking([account_results("NOBODY", weeks)], shadow_books(weeks, ASSUMED), weeks)

    assert (lines[-1].name, lines[-1].rank, lines[-1].total_return) == ("NOBODY", None, None)
    assert [line.rank for line in lines[:-1]] == [1, 2, 3]


def test_a_book_is_measured_from_close_to_close_and_falls_between_closes_too() -> None:
    moments = (Moment.ENTRY, Moment.CLOSE, Moment.SLOT, Moment.CLOSE, Moment.NEXT_ENTRY)
    rows = [{"SPY": price} for price in (100.0, 110.0, 88.0, 99.0, 104.5)]
    week = replace(two_weeks()[0], marks=price_marks(*rows, moments=moments))

    (spy,) = ranking([], shadow_books([week], ASSUMED), [week], kinds=[BookKind.SPY])

    assert spy.total_return == pytest.approx(0.045)
    assert spy.maximum_drawdown == pytest.approx(0.2)
    assert spy.sharpe is not None
    assert spy.sharpe.periods == 2
    assert (spy.hits.hits, spy.hits.count, spy.weeks) == (1, 1, 1)


def test_a_week_without_prices_leaves_a_book_where_it_was() -> None:
    first, second = two_weeks()
    blind = replace(second, marks=(), accounts=())

    (spy,) = ranking(
        [], shadow_books([first, blind], ASSUMED), [first, blind], kinds=[BookKind.SPY]
    )

    assert spy.total_return == pytest.approx(0.02)
    assert spy.weeks == 1


def test_cash_never_falls_and_has_no_sharpe_ratio() -> None:
    weeks = two_weeks()

    (flat,) = ranking([], shadow_books(weeks, ASSUMED), weeks, kinds=[BookKind.FLAT])

    assert (flat.total_return, flat.maximum_drawdown, flat.sharpe) == (0.0, 0.0, None)
    assert flat.hits.count == 0
