"""Folding a long log into empty read tables: of a batch only what it leaves of each row is written.

Reading and folding the next batch goes on while the database writes the one before it.
"""

import asyncio
import gc
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import asyncpg
from pydantic_core import from_json, to_json

from store.errors import UnknownTable
from store.event_store import COLUMNS
from store.events import RowChange, StoredEvent
from store.ports import Projection
from store.rows import quoted

FOLD_BATCH: Final = 5_000
"""Events that are read, folded and written together."""
_BREATH: Final = 100
"""Events folded before what is being read and written gets a turn."""

MOST_REMEMBERED: Final = 2_000_000
"""Rows by which it is known that a further one is new; each takes 70 bytes."""
_JSON: Final = frozenset({"json", "jsonb"})

_EVENTS = (
    f"SELECT {COLUMNS.replace('payload', 'payload::text')} FROM events "  # noqa: S608 - constants only
    "WHERE event_type <> ALL ($1::text[]) ORDER BY position"
)
_TABLE = """
SELECT attname AS name, format_type(atttypid, NULL) AS type,
    attnotnull AND NOT atthasdef AS is_needed
FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
"""

_Row = dict[str, Any]
_Rows = dict[tuple[Any, ...], _Row]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What rows share that are written alike."""

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """The types of a table's columns, and which of them no new row can do without."""

    types: dict[str, str]
    needed: frozenset[str]


class RowBatch:
    """Rows by their keys, as far as the changes so far tell: a later one overrides an earlier."""

    def __init__(self) -> None:
        self._tables: defaultdict[tuple[str, tuple[str, ...]], _Rows] = defaultdict(dict)

    def add(self, changes: Iterable[RowChange]) -> None:
        """Fold further changes, in their order."""
        for change in changes:
            key = change.key
            names = _in_order(tuple(key))
            rows = self._tables[change.table, names]
            place = tuple([key[name] for name in names])
            known = rows.get(place)
            if known is None:
                rows[place] = key | change.values
            else:
                known.update(change.values)

    def by_shape(self) -> dict[_Shape, _Rows]:
        """Return the rows of each shape by their keys."""
        found: dict[_Shape, _Rows] = {}
        for (table, key), rows in self._tables.items():
            by_columns: defaultdict[tuple[str, ...], _Rows] = defaultdict(dict)
            for place, row in rows.items():
                by_columns[tuple(row)][place] = row
            for columns, alike in by_columns.items():
                found.setdefault(_Shape(table, key, _in_order(columns)), {}).update(alike)
        return found


class RowWriter:
    """Writes batches through one connection, one after the other."""

    def __init__(self, connection: asyncpg.Connection, emptied: Collection[str] = ()) -> None:
        """Write in the transaction of `connection`, in which the tables `emptied` were emptied."""
        self._connection = connection
        self._emptied = frozenset(emptied)
        self._tables: dict[str, _Table] = {}
        self._written: set[int] = set()

    async def begin(self) -> None:
        """Have json travel as text: what a connection makes of it itself cannot be copied."""
        for kind in ("json", "jsonb"):
            await self._connection.reset_type_codec(kind, schema="pg_catalog")

    async def write(self, batch: RowBatch) -> None:
        """Insert the rows of `batch`, or set their columns where they exist.

        Raises:
            UnknownTable: there is no such table or column.
        """
        for shape, rows in batch.by_shape().items():
            table = await self._table(shape.table)
            if not table.needed <= set(shape.columns):
                await self._write_parts(shape, table, list(rows.values()))
                continue
            new, known = self._sorted_out(shape.table, rows)
            if new:
                await self._copy(shape, table, new)
            if known:
                await self._run(_upsert(shape, table), known)

    def _sorted_out(self, table: str, rows: _Rows) -> tuple[list[_Row], list[_Row]]:
        """Return which rows cannot be there yet, and which may be.

        Keys are remembered by their hashes alone: two that are the same cost only time.
        """
        if table not in self._emptied:
            return [], list(rows.values())
        new: list[_Row] = []
        known: list[_Row] = []
        for key, row in rows.items():
            place = hash((table, key))
            if place in self._written or len(self._written) >= MOST_REMEMBERED:
                known.append(row)
            else:
                self._written.add(place)
                new.append(row)
        return new, known

    async def _copy(self, shape: _Shape, table: _Table, rows: Sequence[_Row]) -> None:
        """Copy rows that are new, which costs the server a third of an INSERT."""
        columns = [
            [_json(row[name]) for row in rows]
            if _type(name, table) in _JSON
            else [row[name] for row in rows]
            for name in shape.columns
        ]
        await self._connection.copy_records_to_table(
            shape.table, columns=shape.columns, records=zip(*columns, strict=True)
        )

    async def _write_parts(self, shape: _Shape, table: _Table, rows: Sequence[_Row]) -> None:
        """Write rows that lack columns which a new row could not do without: so they exist.

        If one does not, the table refuses it.
        """
        found = await self._run(_update(shape, table), rows)
        places = {record["place"] for record in found}
        lost = [row for place, row in enumerate(rows, start=1) if place not in places]
        if lost:
            await self._run(_insert(shape, table), lost)

    async def _run(self, sql: str, rows: Sequence[_Row]) -> list[asyncpg.Record]:
        # As one JSON text the rows cost a third of what they do as an array for each column.
        found: list[asyncpg.Record] = await self._connection.fetch(sql, to_json(rows).decode())
        return found

    async def _table(self, name: str) -> _Table:
        if name not in self._tables:
            columns = await self._connection.fetch(_TABLE, quoted(name))
            if not columns:
                raise UnknownTable(f"There is no read table called {name!r}.")
            self._tables[name] = _Table(
                types={column["name"]: column["type"] for column in columns},
                needed=frozenset(column["name"] for column in columns if column["is_needed"]),
            )
        return self._tables[name]


async def fold_all(
    reader: asyncpg.Connection,
    writer: asyncpg.Connection,
    project: Projection,
    *,
    rowless: Collection[str] = (),
    emptied: Collection[str] = (),
) -> None:
    """Fold the log that `reader` sees into the tables of `writer`, each in a transaction.

    Events of the kinds `rowless` are not even read. The tables `emptied` have no rows yet.
    """
    rows = RowWriter(writer, emptied)
    await rows.begin()
    async with aclosing(_batches(reader, rowless)) as batches:
        with _uncollected():
            await _fold_batches(batches, rows, project)


async def _fold_batches(
    batches: AsyncIterator[list[asyncpg.Record]], rows: RowWriter, project: Projection
) -> None:
    writing: asyncio.Task[None] | None = None
    try:
        async for events in batches:
            batch = await _folded(events, project)
            if writing is not None:
                await writing
            writing = asyncio.create_task(rows.write(batch))
        if writing is not None:
            await writing
    finally:
        if writing is not None:
            await _stop(writing)


async def _stop(task: asyncio.Future[Any]) -> None:
    """Leave nothing of `task` under way on its connection."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector of cycles away: walking through batches without any takes a tenth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


async def _batches(
    connection: asyncpg.Connection, rowless: Collection[str]
) -> AsyncGenerator[list[asyncpg.Record], None]:
    cursor = await connection.cursor(_EVENTS, list(rowless))
    coming = asyncio.ensure_future(cursor.fetch(FOLD_BATCH))
    try:
        while records := await coming:
            # The database reads on while these are folded.
            coming = asyncio.ensure_future(cursor.fetch(FOLD_BATCH))
            yield records
    finally:
        await _stop(coming)


async def _folded(records: Sequence[asyncpg.Record], project: Projection) -> RowBatch:
    batch = RowBatch()
    for count, record in enumerate(records):
        if count % _BREATH == 0:
            await asyncio.sleep(0)
        batch.add(project(_event(record)))
    return batch


def _event(record: asyncpg.Record) -> StoredEvent:
    # The columns come in the order of the fields: by their names they cost twice as much.
    position, stream, version, event_id, event_type, payload, *others = record
    return StoredEvent(position, stream, version, event_id, event_type, from_json(payload), *others)


@lru_cache(maxsize=1024)
def _in_order(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(names))


def _json(value: Any) -> str | None:
    return None if value is None else to_json(value).decode()


def _upsert(shape: _Shape, table: _Table) -> str:
    key = ", ".join(quoted(name) for name in shape.key)
    values = ", ".join(f"{quoted(name)} = EXCLUDED.{quoted(name)}" for name in _others(shape))
    otherwise = f"DO UPDATE SET {values}" if values else "DO NOTHING"
    return f"{_insert(shape, table)} ON CONFLICT ({key}) {otherwise}"


def _insert(shape: _Shape, table: _Table) -> str:
    columns = ", ".join(quoted(name) for name in shape.columns)
    return (
        f"INSERT INTO {quoted(shape.table)} ({columns}) "  # noqa: S608 - checked and quoted
        f"SELECT {columns} FROM {_given(shape, table)}"
    )


def _update(shape: _Shape, table: _Table) -> str:
    """Return a statement that yields the places, from 1, of the rows that were there."""
    values = ", ".join(f"{quoted(n)} = given.{quoted(n)}" for n in _others(shape) or shape.key[:1])
    match = " AND ".join(f"stored.{quoted(name)} = given.{quoted(name)}" for name in shape.key)
    return (
        f"UPDATE {quoted(shape.table)} AS stored SET {values} "  # noqa: S608 - checked and quoted
        f"FROM {_given(shape, table)} WHERE {match} RETURNING given.place"
    )


def _others(shape: _Shape) -> tuple[str, ...]:
    return tuple(name for name in shape.columns if name not in shape.key)


def _given(shape: _Shape, table: _Table) -> str:
    names = ", ".join(quoted(name) for name in shape.columns)
    typed = ", ".join(f"{quoted(name)} {_type(name, table)}" for name in shape.columns)
    return (
        f"ROWS FROM (json_to_recordset($1::text::json) AS ({typed})) "
        f"WITH ORDINALITY AS given ({names}, place)"
    )


def _type(name: str, table: _Table) -> str:
    if name not in table.types:
        raise UnknownTable(f"There is no read table with a column called {name!r}.")
    return table.types[name]
