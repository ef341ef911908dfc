from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from broker.exchange.errors import BarsFileUnusable
from broker.exchange.prices import FilePrices

HEADER = "date,symbol,open,high,low,close,volume"
MINUTE_HEADER = HEADER.replace("date", "time", 1)
GOOD = "2023-10-18,SPY,434.19,435.18,429.09,430.21,93559800"
TEN = datetime(2019, 12, 18, 15, 0, tzinfo=UTC)


def write(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "bars.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def minute_row(minute: str, prices: str = "320.1,320.3,320.0,320.2", symbol: str = "SPY") -> str:
    return f"2019-12-18 {minute}:00-05:00,{symbol},{prices},1200"


def test_daily_bars_are_served_as_they_were_written(tmp_path: Path) -> None:
    source = FilePrices(write(tmp_path, GOOD))

    (bar,) = source.daily_bars("SPY", date(2023, 10, 18), date(2023, 10, 18))

    assert (bar.open, bar.high) == (Decimal("434.19"), Decimal("435.18"))
    assert (bar.low, bar.close) == (Decimal("429.09"), Decimal("430.21"))
    assert bar.volume == 93_559_800
    assert source.source == "file:bars.csv"
    assert source.notices == ()


def test_quotes_of_a_daily_file_stay_inside_the_day(tmp_path: Path) -> None:
    source = FilePrices(write(tmp_path, "2023-10-18,HYG,46.0182,46.1045,45.8227,46.0700,100"))
    opens_at = datetime(2023, 10, 18, 13, 30, tzinfo=UTC)

    for minute in range(390):
        quote = source.quote_at("HYG", opens_at + timedelta(minutes=minute, seconds=7))

        assert quote
        assert Decimal("45.8227") <= quote.bid <= quote.ask <= Decimal("46.1045")


def test_a_parquet_file_says_the_same_as_its_csv(tmp_path: Path) -> None:
    rows = [GOOD, "2023-10-19,SPY,430.95,432.82,425.73,426.43,121323000"]
    table = pd.read_csv(write(tmp_path, *rows))
    table["date"] = pd.to_datetime(table["date"])
    table.to_parquet(tmp_path / "bars.parquet")

    from_csv = FilePrices(tmp_path / "bars.csv")
    from_parquet = FilePrices(tmp_path / "bars.parquet")

    wanted = ("SPY", date(2023, 10, 1), date(2023, 10, 31))
    assert from_parquet.daily_bars(*wanted) == from_csv.daily_bars(*wanted)
    assert len(from_csv.daily_bars(*wanted)) == 2


def test_minutes_with_any_offset_are_the_same_instants(tmp_path: Path) -> None:
    rows = [minute_row("10:00"), "2019-12-18T15:01:00Z,SPY,320.2,320.4,320.1,320.3,9"]
    source = FilePrices(write(tmp_path, *rows, header=MINUTE_HEADER))

    bars = source.minute_bars("SPY", TEN, TEN + timedelta(hours=1))

    assert [bar.start_at for bar in bars] == [TEN, TEN + timedelta(minutes=1)]
    (day,) = source.daily_bars("SPY", TEN.date(), TEN.date())
    assert (day.open, day.high, day.low) == (Decimal("320.1"), Decimal("320.4"), Decimal("320.0"))
    assert (day.close, day.volume) == (Decimal("320.3"), 1209)


def test_in_a_missing_minute_the_last_close_stands_and_says_since_when(tmp_path: Path) -> None:
    rows = [minute_row("10:00"), minute_row("10:05", "321,322,320.5,321.5")]
    source = FilePrices(write(tmp_path, *rows, header=MINUTE_HEADER))

    before = source.quote_at("SPY", TEN - timedelta(seconds=1))
    stale = source.trade_at("SPY", TEN + timedelta(minutes=3))

    assert before is None
    assert stale
    assert (stale.price, stale.at) == (Decimal("320.2"), TEN + timedelta(minutes=1))
    assert source.notices == (
        "bars.csv: SPY lacks 4 minutes, the first is minute 31 after the open of 2019-12-18.",
    )


def test_a_price_of_weeks_ago_is_no_price(tmp_path: Path) -> None:
    source = FilePrices(write(tmp_path, GOOD))

    assert source.quote_at("SPY", datetime(2023, 10, 25, 15, tzinfo=UTC))
    assert source.quote_at("SPY", datetime(2023, 12, 1, 15, tzinfo=UTC)) is None


def test_missing_sessions_are_noted_with_their_first(tmp_path: Path) -> None:
    rows = [GOOD, GOOD.replace("10-18", "10-24")]

    source = FilePrices(write(tmp_path, *rows))

    assert source.notices == ("bars.csv: SPY lacks 3 sessions, the first is 2023-10-19.",)


def test_an_unknown_symbol_is_said_and_ignored(tmp_path: Path) -> None:
    source = FilePrices(write(tmp_path, GOOD, GOOD.replace("SPY", "XYZ")), {"SPY", "TLT"})

    assert source.symbols == ("SPY",)
    assert source.notices == ("bars.csv: symbol XYZ is unknown and ignored.",)
    assert source.quote_at("XYZ", datetime(2023, 10, 18, 15, tzinfo=UTC)) is None


def test_rows_outside_sessions_are_noted_and_ignored(tmp_path: Path) -> None:
    source = FilePrices(write(tmp_path, GOOD, GOOD.replace("10-18", "10-21")))

    assert "1 rows lie outside the sessions of XNYS" in source.notices[0]
    assert "SPY 2023-10-21" in source.notices[0]


def test_a_repeated_row_is_said_by_row_and_counts_once(tmp_path: Path) -> None:
    rows = [minute_row("10:00"), minute_row("10:01"), minute_row("10:00")]

    source = FilePrices(write(tmp_path, *rows, header=MINUTE_HEADER))

    assert source.notices == ("bars.csv: row 4 with the prices of an earlier row ignored.",)
    assert len(source.minute_bars("SPY", TEN, TEN + timedelta(hours=1))) == 2


def test_a_row_without_any_price_is_a_gap(tmp_path: Path) -> None:
    rows = [minute_row("10:00"), minute_row("10:01", ",,,"), minute_row("10:02")]

    source = FilePrices(write(tmp_path, *rows, header=MINUTE_HEADER))

    assert source.notices[0] == "bars.csv: row 3 with no price ignored."
    assert "lacks 1 minutes" in source.notices[1]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (GOOD.replace("434.19", "436"), "its open outside its low and high"),
        (GOOD.replace("430.21", "428"), "its close outside its low and high"),
        ("2023-10-18,SPY,430,429,431,430,1", "a high below its low"),
        ("2023-10-18,SPY,0,431,0,430,1", "a price that is no positive number"),
        ("2023-10-18,SPY,430,,429,430,1", "a price that is no positive number"),
        ("2023-10-18,SPY,430,inf,429,430,1", "a price that is no positive number"),
        ("2023-10-18,SPY,430,nonsense,429,430,1", "a price that is no positive number"),
        ("18.10.2023,SPY,430,431,429,430,1", "no date (YYYY-MM-DD)"),
        ("2023-02-30,SPY,430,431,429,430,1", "no date (YYYY-MM-DD)"),
        (GOOD.replace("SPY", ""), "no symbol"),
        (GOOD.replace("93559800", "-1"), "a volume that is no number"),
        (GOOD.replace("430.21", "430.22"), "other prices than an earlier row"),
    ],
)
def test_a_wrong_row_refuses_the_file_and_is_named(
    tmp_path: Path, row: str, complaint: str
) -> None:
    path = write(tmp_path, GOOD, row)

    with pytest.raises(BarsFileUnusable) as refused:
        FilePrices(path)

    assert "bars.csv has 1 wrong row: row 3 has " in str(refused.value)
    assert complaint in str(refused.value)
    assert str(refused.value).endswith("Mend or remove them.")


def test_a_minute_without_an_offset_is_refused(tmp_path: Path) -> None:
    row = minute_row("10:00").replace("-05:00", "")

    with pytest.raises(BarsFileUnusable, match=r"row 2 has no date .* no time with an offset"):
        FilePrices(write(tmp_path, row, header=MINUTE_HEADER))


def test_of_many_wrong_rows_five_are_named_and_all_are_counted(tmp_path: Path) -> None:
    rows = [f"2023-10-{day:02},SPY,1,1,2,1,1" for day in range(1, 13)]

    with pytest.raises(BarsFileUnusable, match=r"12 wrong rows: .*row 6 .* and 7 more"):
        FilePrices(write(tmp_path, *rows))


def test_rounding_of_adjusted_prices_is_forgiven(tmp_path: Path) -> None:
    source = FilePrices(write(tmp_path, "2023-10-18,SPY,10.0001,10.0000,9.9,10.0,1"))

    (bar,) = source.daily_bars("SPY", date(2023, 10, 18), date(2023, 10, 18))

    assert bar.high == bar.open == Decimal("10.0001")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("gone.csv", None, "cannot be read: No such file"),
        ("empty.csv", b"", "is not a CSV file with a header"),
        ("bare.csv", b"date,symbol\n2023-10-18,SPY\n", "lacks the column open, high, low"),
        ("noise.csv", b"\xff\xfe\x00\x80,\x81\n", "is not a CSV file with a header"),
        ("noise.parquet", b"not parquet at all", "is not a Parquet file"),
        ("header.csv", HEADER.encode() + b"\n", "has no bars of a known symbol"),
    ],
)
def test_an_unusable_file_is_refused_in_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(BarsFileUnusable, match=complaint) as refused:
        FilePrices(path)

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("close", "times"), [("860.42", "2"), ("53.77", "0.125")])
def test_a_leap_as_of_an_unadjusted_split_is_noted(close: str, times: str, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, f"2023-10-19,SPY,{close},{close},{close},{close},100")

    (notice,) = FilePrices(path).notices

    assert f"SPY closes on 2023-10-19 at {times} times the close before it" in notice


def test_a_day_that_nearly_halves_a_price_is_no_split(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, "2023-10-19,SPY,250,250,245,245,100")

    assert FilePrices(path).notices == ()
