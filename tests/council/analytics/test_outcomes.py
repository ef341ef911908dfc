import pytest

from council.analytics.inputs import AccountWeek, Week
from council.analytics.outcomes import account_profit, horizon_return, pitch_return
from council.model.base import Horizon
from tests.council.analytics.weeks import decided, make_fill, make_trade, make_week, pitched

UP = ({"SPY": 100.0}, {"SPY": 102.0}, {"SPY": 104.0})


def test_profit_is_marked_at_both_ends_with_the_fills_between() -> None:
    trade = make_trade(make_fill(-40, 101.0, leg="close"), make_fill(10, 50.0, symbol="TLT"))
    own = AccountWeek("ALPHA", positions={"SPY": 100}, trades=(trade,))
    week = make_week({"SPY": 100.0, "TLT": 51.0}, {"SPY": 104.0, "TLT": 49.0})

    assert account_profit(week, own) == 60 * 4 + 40 * 1 - 10


def test_without_a_price_at_the_end_no_profit_is_told() -> None:
    own = AccountWeek("ALPHA", positions={"SPY": 100})

    assert account_profit(make_week({"SPY": 100.0}, {}), own) is None
    assert account_profit(make_week({}, {"SPY": 100.0}), own) is None


def test_a_pitch_earns_in_its_direction_and_flat_earns_nothing() -> None:
    week = make_week(*UP)

    assert pitch_return(week, pitched("ALPHA", "SPY", 1)) == pytest.approx(0.04)
    assert pitch_return(week, pitched("ALPHA", "SPY", -1)) == pytest.approx(-0.04)
    assert pitch_return(week, pitched("ALPHA", "SPY", 0)) == 0
    assert pitch_return(week, decided("SPY", -1)) == pytest.approx(-0.04)
    assert pitch_return(week, pitched("ALPHA", "GLD", 1)) is None


def test_a_horizon_ends_with_its_own_close() -> None:
    prices = [{"SPY": price} for price in (100.0, 101.0, 102.0, 103.0, 104.0, 110.0)]
    week = make_week(*prices)
    ends = [
        horizon_return(week, pitched("ALPHA", "SPY", 1, horizon=horizon))
        for horizon in (Horizon.ONE_DAY, Horizon.THREE_DAYS, Horizon.ONE_WEEK)
    ]

    assert ends == pytest.approx([0.01, 0.03, 0.10])


def test_a_horizon_that_is_not_over_tells_nothing_yet() -> None:
    whole = make_week(*({"SPY": price} for price in (100.0, 101.0, 102.0)))
    running = Week(whole.week_id, whole.marks[:2])

    assert horizon_return(running, pitched("ALPHA", "SPY", 1, horizon=Horizon.ONE_DAY)) is not None
    assert horizon_return(running, pitched("ALPHA", "SPY", 1)) is None
