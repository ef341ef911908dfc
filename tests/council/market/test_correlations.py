import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from statistics import correlation

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.models import Bar
from council.market.correlations import WINDOW_SESSIONS, correlations_of
from tests.builders import LAST_SESSION_ON
from tests.council.market.test_snapshot import SESSIONS
from tests.fakes import make_bar

DAYS = SESSIONS[-WINDOW_SESSIONS - 1 :]
WAVE = [100 + 8 * math.sin(day / 3) for day in range(len(DAYS))]
OTHER = [50 + 3 * math.cos(day / 5) + day % 7 for day in range(len(DAYS))]


def bars_of(symbol: str, closes: Sequence[float]) -> tuple[Bar, ...]:
    return tuple(
        make_bar(symbol, session, Decimal(str(close)))
        for session, close in zip(DAYS[-len(closes) :], closes, strict=True)
    )


def returns(closes: Sequence[float]) -> list[float]:
    return [after / before - 1 for before, after in pairwise(closes)]


def test_a_pair_has_the_correlation_of_its_daily_returns() -> None:
    (found,) = correlations_of({"SPY": bars_of("SPY", WAVE), "TLT": bars_of("TLT", OTHER)})

    assert (found.first, found.second) == ("SPY", "TLT")
    assert found.value == pytest.approx(correlation(returns(WAVE), returns(OTHER)), rel=1e-5)


def test_every_pair_stands_there_once() -> None:
    found = correlations_of({s: bars_of(s, WAVE) for s in ("SPY", "QQQ", "IWM")})

    assert [(c.first, c.second, c.value) for c in found] == [
        ("SPY", "QQQ", 1.0),
        ("SPY", "IWM", 1.0),
        ("QQQ", "IWM", 1.0),
    ]


def test_what_was_before_the_window_does_not_count() -> None:
    older = make_bar("SPY", SESSIONS[-WINDOW_SESSIONS - 2], Decimal(9_000))
    bars = {"SPY": bars_of("SPY", WAVE), "TLT": bars_of("TLT", OTHER)}

    assert correlations_of({**bars, "SPY": (older, *bars["SPY"])}) == correlations_of(bars)


def test_a_gap_a_short_history_or_a_return_that_never_changes_is_in_no_pair() -> None:
    whole = bars_of("SPY", WAVE)
    bars = {
        "SPY": whole,
        "QQQ": bars_of("QQQ", WAVE),
        "GLD": (*whole[:30], *whole[31:]),
        "USO": bars_of("USO", OTHER[1:]),
        "HYG": bars_of("HYG", OTHER)[:-1],
        "UUP": bars_of("UUP", [100.0] * len(DAYS)),
        "IEF": bars_of("IEF", [2.0**day for day in range(len(DAYS))]),
    }

    assert {(c.first, c.second) for c in correlations_of(bars)} == {("SPY", "QQQ")}


def test_a_source_that_is_a_day_late_for_all_is_no_gap() -> None:
    older = {s: (make_bar(s, SESSIONS[-62], Decimal(7)), *bars_of(s, WAVE)[:-1]) for s in "AB"}

    (found,) = correlations_of(older)

    assert found.value == 1.0
    assert DAYS[-1].session_on == LAST_SESSION_ON


def test_too_few_sessions_give_nothing() -> None:
    assert correlations_of({s: bars_of(s, WAVE[1:]) for s in "AB"}) == ()
    assert correlations_of({"SPY": bars_of("SPY", WAVE)}) == ()
    assert correlations_of({}) == ()


@settings(max_examples=25)
@given(st.lists(st.integers(1, 2_000), min_size=len(DAYS), max_size=len(DAYS)))
def test_no_prices_give_a_figure_outside_of_minus_one_to_one(cents: list[int]) -> None:
    odd = bars_of("SPY", [cent / 100 for cent in cents])

    found = correlations_of({"SPY": odd, "TLT": bars_of("TLT", WAVE), "QQQ": odd})

    assert all(-1 <= one.value <= 1 for one in found)
