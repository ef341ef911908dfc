import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from broker.exchange.noise import normals, uniforms
from broker.exchange.paths import Ohlcv, minutes_inside, price_within
from broker.exchange.prices import SYNTHETIC_SYMBOLS, SyntheticPrices
from broker.exchange.synthetic import INSTRUMENTS, history
from broker.models import Bar

WEDNESDAY = date(2026, 11, 18)
OPENS_AT = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
CLOSES_AT = datetime(2026, 11, 18, 21, 0, tzinfo=UTC)
HALF_DAY = date(2026, 11, 27)


@cache
def prices() -> SyntheticPrices:
    return SyntheticPrices(11)


def day_of(symbol: str, day: date = WEDNESDAY) -> Bar:
    (bar,) = prices().daily_bars(symbol, day, day)
    return bar


def test_the_random_numbers_are_the_ones_they_have_always_been() -> None:
    # SplitMix64's published first outputs for the seed 1234567.
    expected = np.array([6457827717110365317, 3203168211198807973], dtype=np.uint64)

    drawn = uniforms(1234567, 2)

    assert drawn.tolist() == ((expected >> np.uint64(11)).astype(np.float64) * 2.0**-53).tolist()


def test_normal_draws_have_mean_zero_and_deviation_one() -> None:
    drawn = normals(5, 200_000)

    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.std() - 1) < 0.01


def test_another_process_computes_the_same_quotes() -> None:
    script = (
        "from datetime import UTC, datetime\n"
        "from broker.exchange.prices import SyntheticPrices\n"
        "source = SyntheticPrices(11)\n"
        "for symbol in source.symbols:\n"
        "    print(source.quote_at(symbol, datetime(2026, 11, 18, 16, 1, 2, tzinfo=UTC)))\n"
    )
    here = Path(__file__).parents[3]

    printed = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=here,
        env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": "77"},
    ).stdout

    at = datetime(2026, 11, 18, 16, 1, 2, tzinfo=UTC)
    expected = [str(prices().quote_at(symbol, at)) for symbol in prices().symbols]
    assert printed.splitlines() == expected


def test_a_longer_history_changes_no_earlier_price() -> None:
    short, long = history(4, 300), history(4, 900)

    assert np.array_equal(short.closes, long.closes[:300])
    assert np.array_equal(short.lows, long.lows[:300])


def test_many_days_read_at_once_are_the_days_that_the_history_has_and_none_before_it() -> None:
    market = history(11, 30)

    bars = prices().daily_bars("TLT", date(2015, 12, 1), date(2016, 2, 3))

    column = list(INSTRUMENTS).index("TLT")
    assert bars[0].start_at == datetime(2016, 1, 4, 5, tzinfo=UTC)
    assert [_prices_of(bar) for bar in bars[:20]] == [market.bar(n, column) for n in range(20)]


def _prices_of(bar: Bar) -> Ohlcv:
    opened, high, low, closed = map(float, (bar.open, bar.high, bar.low, bar.close))
    return Ohlcv(opened, high, low, closed, bar.volume)


def test_another_seed_is_another_market() -> None:
    assert SyntheticPrices(12).daily_bars("SPY", WEDNESDAY, WEDNESDAY)[0] != day_of("SPY")


@pytest.mark.parametrize("symbol", SYNTHETIC_SYMBOLS)
def test_every_day_s_bar_is_possible(symbol: str) -> None:
    bars = prices().daily_bars(symbol, date(2016, 1, 1), date(2035, 12, 31))

    assert len(bars) > 5000
    for bar in bars:
        assert 0 < bar.low <= min(bar.open, bar.close)
        assert bar.high >= max(bar.open, bar.close)
        assert bar.volume > 0


def test_instruments_move_together_as_the_real_ones_do() -> None:
    closes = history(2, 2500).closes
    returns = np.diff(np.log(closes), axis=0)
    related = np.corrcoef(returns.T)
    column = {symbol: number for number, symbol in enumerate(INSTRUMENTS)}

    def correlation(one: str, other: str) -> float:
        return float(related[column[one], column[other]])

    assert correlation("SPY", "QQQ") > 0.8
    assert correlation("TLT", "IEF") > 0.8
    assert correlation("GLD", "IAU") > 0.95
    assert correlation("SPY", "VIXY") < -0.7
    assert correlation("GLD", "UUP") < -0.1
    assert correlation("SPY", "HYG") > 0.5


def test_volatility_comes_in_regimes() -> None:
    returns = np.diff(np.log(history(2, 2500).closes[:, 0]))
    by_month = returns[: 119 * 21].reshape(119, 21).std(axis=1)

    assert np.quantile(by_month, 0.95) > 1.8 * np.quantile(by_month, 0.2)


@pytest.mark.parametrize("symbol", ["SPY", "UUP", "VIXY"])
@pytest.mark.parametrize(("day", "length"), [(WEDNESDAY, 390), (HALF_DAY, 210)])
def test_a_day_s_minutes_add_up_to_the_day(symbol: str, day: date, length: int) -> None:
    whole = day_of(symbol, day)
    midnight = whole.start_at

    minutes = prices().minute_bars(symbol, midnight, midnight + timedelta(days=1))

    assert len(minutes) == length
    assert (minutes[0].open, minutes[-1].close) == (whole.open, whole.close)
    assert max(bar.high for bar in minutes) == whole.high
    assert min(bar.low for bar in minutes) == whole.low
    assert sum(bar.volume for bar in minutes) == whole.volume


def test_quotes_lie_inside_their_minute_and_are_at_least_a_cent_wide_when_it_is() -> None:
    for second in range(0, 6 * 3600, 97):
        at = OPENS_AT + timedelta(seconds=second)
        minute = at.replace(second=0)
        (bar,) = prices().minute_bars("SPY", minute, minute)
        quote = prices().quote_at("SPY", at)

        assert quote
        assert quote.at == at
        assert bar.low <= quote.bid <= quote.ask <= bar.high
        assert quote.ask - quote.bid >= Decimal("0.01")


@pytest.mark.parametrize(
    "at",
    [
        CLOSES_AT,
        datetime(2026, 11, 19, 3, 0, tzinfo=UTC),
        datetime(2026, 11, 19, 14, 29, 59, tzinfo=UTC),
    ],
)
def test_outside_sessions_the_last_close_stands_and_says_since_when(at: datetime) -> None:
    quote, trade = prices().quote_at("SPY", at), prices().trade_at("SPY", at)

    assert quote
    assert trade
    assert quote.at == trade.at == CLOSES_AT
    assert trade.price == day_of("SPY").close


def test_the_first_price_of_a_session_is_its_open() -> None:
    trade = prices().trade_at("SPY", OPENS_AT)

    assert trade
    assert trade.price == day_of("SPY").open


def test_an_unknown_symbol_has_no_prices_and_is_named() -> None:
    source = SyntheticPrices(11, ("SPY", "ZZZZ"))

    assert source.symbols == ("SPY",)
    assert source.quote_at("ZZZZ", OPENS_AT) is None
    assert source.daily_bars("ZZZZ", WEDNESDAY, WEDNESDAY) == ()
    assert source.notices == ("No prices for ZZZZ in the synthetic market.",)


@pytest.mark.parametrize(
    "day",
    [
        Ohlcv(10.0, 10.0, 10.0, 10.0, 0),
        Ohlcv(46.0182, 46.1045, 45.8227, 46.07, 14_787_700),
        Ohlcv(10.0, 12.0, 10.0, 12.0, 3),
        Ohlcv(12.0, 12.0, 10.0, 10.0, 7),
    ],
    ids=["flat", "four decimals", "only up", "only down"],
)
def test_the_path_inside_any_day_keeps_to_its_prices(day: Ohlcv) -> None:
    minutes = minutes_inside(day, 390, key=9)

    assert minutes.bars[0].open == day.open
    assert minutes.bars[-1].close == day.close
    assert max(bar.high for bar in minutes.bars) == day.high
    assert min(bar.low for bar in minutes.bars) == day.low
    assert sum(bar.volume for bar in minutes.bars) == day.volume
    assert list(minutes.bars[5:7]) == [minutes.bars[5], minutes.bars[6]]
    for bar in minutes.bars:
        assert bar.low <= min(bar.open, bar.close)
        assert bar.high >= max(bar.open, bar.close)


def test_inside_a_minute_the_price_visits_all_four_prices() -> None:
    rising = Ohlcv(10.0, 12.0, 9.0, 11.0, 1)

    visited = [price_within(rising, fraction) for fraction in (0.0, 0.25, 0.75, 1.0)]

    assert visited == [10.0, 9.0, 12.0, 11.0]
