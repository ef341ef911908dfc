from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.exchange.timeframes import Timeframe, parsed_timeframe

WRITTEN = ("1Min", "5T", "59Min", "1Hour", "7H", "23Hour", "1Day", "1Week", "3Month", "12M")
YEARS = (datetime(2016, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001 - hypothesis adds the zone
instants = st.datetimes(*YEARS, timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15Min", Timeframe(15, "Min")),
        ("15T", Timeframe(15, "Min")),
        ("1H", Timeframe(1, "Hour")),
        ("1D", Timeframe(1, "Day")),
        ("1W", Timeframe(1, "Week")),
        ("6M", Timeframe(6, "Month")),
        *(
            (text, None)
            for text in ("", "Min", "0Min", "60Min", "24Hour", "2Day", "5Month", "1min")
        ),
    ],
)
def test_timeframes_are_written_as_at_alpaca(text: str, expected: Timeframe | None) -> None:
    assert parsed_timeframe(text) == expected


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("5Min", "2026-11-18T17:30Z"),
        ("1Hour", "2026-11-18T17:00Z"),
        ("2Hour", "2026-11-18T17:00Z"),
        ("1Day", "2026-11-18T05:00Z"),
        ("1Week", "2026-11-16T05:00Z"),
        ("1Month", "2026-11-01T04:00Z"),
        ("6Month", "2026-07-01T04:00Z"),
        ("12Month", "2026-01-01T05:00Z"),
    ],
)
def test_bars_start_by_new_york_s_clock(text: str, start: str) -> None:
    timeframe = parsed_timeframe(text)

    assert timeframe
    assert timeframe.start_of(datetime(2026, 11, 18, 17, 34, tzinfo=UTC)) == datetime.fromisoformat(
        start
    )


@given(text=st.sampled_from(WRITTEN), at=instants)
def test_an_instant_lies_in_its_bar(text: str, at: datetime) -> None:
    timeframe = parsed_timeframe(text)

    assert timeframe
    start_at = timeframe.start_of(at)
    # In the hour that comes twice in autumn a wall-clock minute has two instants.
    assert timedelta(0) <= at - start_at < timeframe.longest + timedelta(hours=1)
    assert timeframe.start_of(start_at) == start_at
