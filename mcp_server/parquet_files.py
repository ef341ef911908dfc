"""Parquet files out of plain rows: a table says by name what each column is, and a file is whole.

Figures are 64-bit floats, as whoever analyses wants them: exact money is in the facts alone. A
file is written beside its place and moved there in one step.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from config.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow

Kind = Literal["text", "whole", "figure", "instant", "date", "json"]
Row = Mapping[str, Any]
_BATCH_ROWS = 1_000
_OWNERS_ALONE = 0o600


@dataclass(frozen=True, slots=True)
class TableFile:
    """The columns of `name`.parquet, in their order; `json` holds nested values as JSON text."""

    name: str
    columns: Mapping[str, Kind]

    @property
    def file_name(self) -> str:
        """Return the file's name in its folder."""
        return f"{self.name}.parquet"


async def write_rows(folder: Path, table: TableFile, rows: AsyncIterator[Row]) -> None:
    """Write `rows` as they come, a batch at a time: a long log need not fit into memory.

    Raises:
        ConfigError: the folder cannot be written.
    """
    from pyarrow import parquet  # noqa: PLC0415 only who writes a file pays for it

    try:
        with _aside(folder) as aside:
            fresh = Path(aside) / table.file_name
            with parquet.ParquetWriter(fresh, _schema(table), compression="zstd") as writer:
                async for batch in _batches(rows):
                    writer.write_table(_table(table, batch))
            fresh.chmod(_OWNERS_ALONE)
            fresh.replace(folder / table.file_name)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"{table.file_name} cannot be written in {folder}: {reason}.") from error


def table_bytes(table: TableFile, rows: Sequence[Row]) -> bytes:
    """Return the file as it would stand on the disk."""
    import pyarrow  # noqa: PLC0415 as above
    from pyarrow import parquet  # noqa: PLC0415 as above

    sink = pyarrow.BufferOutputStream()
    parquet.write_table(_table(table, rows), sink, compression="zstd")
    return bytes(sink.getvalue())


async def each(rows: Iterable[Row]) -> AsyncIterator[Row]:
    """Yield rows that are there already."""
    for row in rows:
        yield row


def _aside(folder: Path) -> "TemporaryDirectory[str]":
    """Make `folder` where it is missing, and a place in it for what is not finished."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return TemporaryDirectory(dir=folder)


async def _batches(rows: AsyncIterator[Row]) -> AsyncIterator[list[Row]]:
    batch: list[Row] = []
    async for row in rows:
        batch.append(row)
        if len(batch) == _BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _table(table: TableFile, rows: Sequence[Row]) -> "pyarrow.Table":
    import pyarrow  # noqa: PLC0415 as above

    cells = {
        name: [_cell(row.get(name), kind) for row in rows] for name, kind in table.columns.items()
    }
    return pyarrow.table(cells, schema=_schema(table))


def _schema(table: TableFile) -> "pyarrow.Schema":
    import pyarrow  # noqa: PLC0415 as above

    types = {
        "text": pyarrow.string(),
        "whole": pyarrow.int64(),
        "figure": pyarrow.float64(),
        "instant": pyarrow.timestamp("us", tz="UTC"),
        "date": pyarrow.date32(),
        "json": pyarrow.string(),
    }
    return pyarrow.schema([(name, types[kind]) for name, kind in table.columns.items()])


def _cell(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    if kind == "json":
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if kind == "figure":
        return float(value)
    return str(value) if kind == "text" else value
