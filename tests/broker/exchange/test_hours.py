"""The exchange's hours against a table of its days, and against the clocks of New York."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from broker.exchange.hours import TimeInForce, TradingHours
from config.market_calendar import xnys
from tests.config import nyse

HOURS = TradingHours(xnys())
DAYS = nyse.sessions(nyse.FIRST_ON, nyse.LAST_ON)
_SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("month", range(1, 13))
def test_orders_trade_from_the_open_to_the_close_of_every_session(month: int) -> None:
    for day in (day for day in DAYS if day.month == month):
        opens, closes = nyse.at(day, "09:30"), nyse.close_at(day)

        assert not HOURS.is_open(opens - _SECOND)
        assert HOURS.is_open(opens)
        assert HOURS.is_open(closes - _SECOND)
        assert not HOURS.is_open(closes)


def test_what_comes_after_a_close_waits_for_the_next_open_and_lapses_at_its_close() -> None:
    for day, following in pairwise(DAYS):
        late = nyse.close_at(day)

        assert HOURS.open_from(late) == nyse.at(following, "09:30")
        assert HOURS.expiry(late, TimeInForce.DAY) == nyse.close_at(following)
        assert HOURS.expiry(late - _SECOND, TimeInForce.DAY) == late
        assert HOURS.next_minute(late) == nyse.at(following, "09:31")


@pytest.mark.parametrize("holiday", sorted(nyse.HOLIDAYS), ids=str)
def test_nothing_trades_on_a_holiday(holiday: date) -> None:
    open_at = [
        wall for wall in ("09:30", "12:00", "15:59") if HOURS.is_open(nyse.at(holiday, wall))
    ]

    assert open_at == []


@pytest.mark.parametrize("day", sorted(nyse.HALF_DAYS), ids=str)
def test_a_half_day_ends_at_one(day: date) -> None:
    assert HOURS.is_open(nyse.at(day, "12:59"))
    assert not HOURS.is_open(nyse.at(day, "13:00"))
    assert HOURS.expiry(nyse.at(day, "09:00"), TimeInForce.DAY) == nyse.at(day, "13:00")


@pytest.mark.parametrize(
    ("submitted_on", "aged_on"),
    [("2026-01-05", "2026-04-05"), ("2026-09-01", "2026-11-30"), ("2027-08-16", "2027-11-14")],
)
def test_an_order_until_canceled_ages_out_by_new_yorks_clock_on_both_sides_of_a_change(
    submitted_on: str, aged_on: str
) -> None:
    submitted_at = nyse.at(date.fromisoformat(submitted_on), "10:00")

    expires_at = HOURS.expiry(submitted_at, TimeInForce.GTC)

    assert expires_at == nyse.at(date.fromisoformat(aged_on), "16:15")
