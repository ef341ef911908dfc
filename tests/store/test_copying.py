"""What is copied as text arrives as what is handed in value by value, to the last digit."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import TzInfo

from store.copying import column_texts, lines, pieces
from store.pool import connect
from tests.conftest import run_apart

TEXT: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
ZONES: Final = (UTC, TzInfo(0), TzInfo(5 * 3600 + 1800), TzInfo(-8 * 3600))
INSTANTS: Final = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))  # noqa: DTZ001 - see below
COLUMNS: Final = {
    "text": TEXT,
    "uuid": st.uuids(),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), places=8)
    | st.sampled_from([Decimal("1E+3"), Decimal("-0"), Decimal("0E-9"), Decimal("1.50")]),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "double precision": st.floats(allow_nan=True, allow_infinity=True),
    "date": st.dates(date(1, 1, 2), date(9999, 12, 30)),
    "timestamp with time zone": st.builds(
        lambda instant, zone: instant.replace(tzinfo=zone), INSTANTS, st.sampled_from(ZONES)
    ),
    "jsonb": st.recursive(
        TEXT | st.integers(-(2**60), 2**60) | st.booleans(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    ),
}
ROWS: Final = st.lists(
    st.tuples(*[st.none() | values for values in COLUMNS.values()]), min_size=1, max_size=8
)


class Word(StrEnum):
    A = "a"


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_text_arrives_as_single_values_do(rows: list[tuple[Any, ...]], cluster_dsn: str) -> None:
    run_apart(lambda: _assert_both_arrive_alike(cluster_dsn, rows))


@pytest.mark.parametrize(
    ("value", "column_type"),
    [
        (Decimal("NaN"), "numeric"),
        (Decimal("-Infinity"), "numeric"),
        (1, "numeric"),
        (True, "integer"),
        (1, "double precision"),
        (Word.A, "text"),
        (7, "text"),
        (str(UUID(int=7)), "uuid"),
        (date.max, "date"),
        (date.min, "date"),
        (datetime(2026, 11, 18, tzinfo=UTC), "date"),
        (datetime.max.replace(tzinfo=UTC), "timestamp with time zone"),
        (datetime.min.replace(tzinfo=UTC), "timestamp with time zone"),
        (datetime(2026, 11, 18), "timestamp with time zone"),  # noqa: DTZ001 - it shall lack one
        (datetime(2026, 11, 18, tzinfo=timezone(timedelta(seconds=1))), "timestamp with time zone"),
        ("{}", "bytea"),
    ],
)
def test_a_value_that_is_not_beyond_doubt_is_left_to_others(value: Any, column_type: str) -> None:
    assert column_texts([value], column_type) is None


def test_a_column_of_nulls_is_no_column_of_empty_texts() -> None:
    assert column_texts([None, None], "uuid") == ["\\N", "\\N"]
    assert column_texts(["", None, "\\N"], "text") == ["", "\\N", "\\\\N"]


async def test_a_long_text_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.copying.PIECE", 4)

    assert [piece async for piece in pieces(b"abcdefghi")] == [b"abcd", b"efgh", b"i"]


async def _assert_both_arrive_alike(dsn: str, rows: list[tuple[Any, ...]]) -> None:
    connection = await connect(dsn)
    try:
        names = [f"c{number}" for number in range(len(COLUMNS))]
        typed = ", ".join(f"{n} {kind}" for n, kind in zip(names, COLUMNS, strict=True))
        for table in ("copied", "given"):
            await connection.execute(f"CREATE TEMP TABLE {table} (place int, {typed})")
        places = [str(place) for place in range(len(rows))]
        columns = [_texts(values, kind) for values, kind in zip(zip(*rows, strict=True), COLUMNS,
                                                                strict=True)]  # fmt: skip
        text = "\n".join([*lines([places, *columns]), ""]).encode()
        await connection.copy_to_table("copied", source=pieces(text))
        numbers = ", ".join(f"${number}" for number in range(1, len(COLUMNS) + 2))
        await connection.executemany(
            f"INSERT INTO given VALUES ({numbers})",  # noqa: S608 - numbers only
            [(place, *row) for place, row in enumerate(rows)],
        )
        assert await _shown(connection, "copied") == await _shown(connection, "given")
    finally:
        await connection.close()


def _texts(values: tuple[Any, ...], column_type: str) -> list[str]:
    texts = column_texts(values, column_type)
    assert texts is not None
    return texts


async def _shown(connection: asyncpg.Connection, table: str) -> list[str]:
    shown = f"SELECT {table}::text AS row FROM {table} ORDER BY place"  # noqa: S608 - constant
    return [record["row"] for record in await connection.fetch(shown)]
