from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow
import pytest
from pyarrow import parquet

from config.errors import ConfigError
from mcp_server.parquet_files import TableFile, each, table_bytes, write_rows

THINGS = TableFile(
    "things",
    {
        "name": "text",
        "count": "whole",
        "price_usd": "figure",
        "at": "instant",
        "on": "date",
        "nested": "json",
    },
)
AT = datetime(2026, 11, 18, 13, tzinfo=UTC)
ROW: dict[str, Any] = {
    "name": UUID(int=7),
    "count": 3,
    "price_usd": Decimal("1.25"),
    "at": AT,
    "on": date(2026, 11, 18),
    "nested": {"b": ["1.0"], "a": None},
}


def names_in(folder: Path) -> list[str]:
    """Return the names of what lies in the folder."""
    return sorted(path.name for path in folder.iterdir())


async def test_rows_are_read_back_with_the_types_of_their_columns(tmp_path: Path) -> None:
    await write_rows(tmp_path / "new", THINGS, each([ROW, {}]))

    first, second = parquet.read_table(tmp_path / "new" / "things.parquet").to_pylist()
    assert first == {
        "name": "00000000-0000-0000-0000-000000000007",
        "count": 3,
        "price_usd": 1.25,
        "at": AT,
        "on": date(2026, 11, 18),
        "nested": '{"a":null,"b":["1.0"]}',
    }
    assert set(second.values()) == {None}


async def test_a_table_without_rows_has_its_columns_all_the_same(tmp_path: Path) -> None:
    await write_rows(tmp_path, THINGS, each([]))

    empty = parquet.read_table(tmp_path / "things.parquet")
    assert empty.num_rows == 0
    assert empty.schema.field("at").type == pyarrow.timestamp("us", tz="UTC")


async def test_more_rows_than_a_batch_stay_in_their_order(tmp_path: Path) -> None:
    await write_rows(tmp_path, THINGS, each({"count": number} for number in range(2_500)))

    counts = parquet.read_table(tmp_path / "things.parquet")["count"].to_pylist()
    assert counts == list(range(2_500))


async def test_a_reader_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[dict[str, Any]]:
        yield ROW
        raise RuntimeError("the store is gone")

    await write_rows(tmp_path, THINGS, each([ROW]))
    before = names_in(tmp_path)

    with pytest.raises(RuntimeError, match="gone"):
        await write_rows(tmp_path, THINGS, broken())

    assert names_in(tmp_path) == before == ["things.parquet"]
    assert parquet.read_table(tmp_path / "things.parquet").num_rows == 1


async def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(ConfigError, match=r"things.parquet cannot be written in .*/file"):
        await write_rows(tmp_path / "file", THINGS, each([]))


def test_the_same_rows_are_the_same_bytes() -> None:
    assert table_bytes(THINGS, [ROW]) == table_bytes(THINGS, [dict(reversed(ROW.items()))])
    assert parquet.read_table(BytesIO(table_bytes(THINGS, [ROW]))).num_rows == 1
