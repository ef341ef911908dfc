from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.analytics.inputs import AccountWeek, EquityMark, Moment, Week
from council.analytics.metrics import drawdowns
from mcp_server.reporting.curves import equity_curves, to_date_return
from tests.council.analytics.weeks import ENTRY_AT
from tests.mcp_server.reporting.scenes import make_results, results_over


@given(st.integers(0, 10**6), st.integers(2, 1_500))
def test_thinning_a_long_curve_loses_no_drawdown(seed: int, count: int) -> None:
    source = Random(seed)  # noqa: S311 - a seeded draw
    equities = [source.randint(50, 200) for _ in range(count)]
    marks = tuple(
        EquityMark(ENTRY_AT + timedelta(hours=n), Moment.CLOSE, Decimal(value))
        for n, value in enumerate(equities)
    )
    week = replace(Week("2026-11-18", ()), accounts=(AccountWeek("BOARD", marks),))
    results = replace(
        make_results(1), weeks=(week,), accounts=("BOARD",), chairman="BOARD", books=()
    )

    curve = equity_curves(results)["BOARD"]

    drawn = [float(value) for _, value in curve]
    assert len(curve) <= 310
    assert max(drawdowns(drawn)) == pytest.approx(max(drawdowns([float(e) for e in equities])))
    assert (curve[0][1], curve[-1][1]) == (equities[0], equities[-1])


def test_references_start_where_the_chairmans_account_starts() -> None:
    results = make_results(30)

    curves = equity_curves(results)

    spy = next(book for book in results.books if book.kind == "SPY")
    gained = to_date_return(spy)
    assert gained is not None
    assert curves["FLAT"][0][1] == curves["COUNCIL"][0][1]
    assert float(curves["SPY"][-1][1]) == pytest.approx(100_000 * (1 + gained), rel=1e-6)


def test_without_marks_there_is_nothing_to_draw() -> None:
    week = Week("2026-11-18", ())

    results = results_over((week,), ("ALPHA", "BOARD"), until_at=ENTRY_AT, exposure=None)

    assert equity_curves(results) == {}
