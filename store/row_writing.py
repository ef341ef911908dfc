"""Writing what batches of events leave: rows that are new by COPY, the others by their keys."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import asyncpg
from pydantic_core import to_json

from store.copying import pieces
from store.errors import UnknownTable
from store.row_batches import Leavings, PlainRows, Row, Shape, TextRows
from store.rows import Table, quoted, read_table

MOST_REMEMBERED: Final = 2_000_000
"""Rows by which it is known that a further one is new; each takes 70 bytes."""
_MAY_STAGE: Final = "SELECT has_database_privilege(current_database(), 'TEMP')"


class RowWriter:
    """Writes through one connection, one batch after the other."""

    def __init__(self, connection: asyncpg.Connection, emptied: Collection[str]) -> None:
        """Write in the transaction of `connection`, in which the tables `emptied` were emptied."""
        self._connection = connection
        self._empty = set(emptied)
        self._tables: dict[str, Table] = {}
        self._written: set[int] = set()
        self._stages: dict[Shape, str] = {}
        self._may_stage: bool | None = None

    async def tables(self) -> Mapping[str, Table]:
        """Return the tables that were emptied: whole rows for them may come as text.

        There are none for a login that may make no tables of its own, which such rows may need.

        Raises:
            UnknownTable: one does not exist.
        """
        if self._may_stage is None:
            self._may_stage = await self._connection.fetchval(_MAY_STAGE)
        return {name: await self._table(name) for name in self._empty if self._may_stage}

    async def stay_awake(self) -> None:
        """Show the server that the transaction goes on, while there is nothing to write."""
        await self._connection.execute("SELECT")

    async def write(self, leavings: Leavings) -> None:
        """Insert rows of a shape, or set their columns where they exist.

        Raises:
            UnknownTable: there is no such table or column.
        """
        if isinstance(leavings, TextRows):
            await self._write_text(leavings)
        else:
            await self._write_plain(leavings)

    async def _write_text(self, leavings: TextRows) -> None:
        """Copy the rows that are new, which costs the server a third of an INSERT."""
        shape = leavings.shape
        is_new = self._news(shape.table, leavings.keys)
        if all(is_new):
            await self._copy(shape.table, shape, leavings.text)
            return
        rows = list(zip(leavings.text.splitlines(keepends=True), is_new, strict=True))
        await self._copy(shape.table, shape, b"".join(row for row, new in rows if new))
        stage = await self._stage(shape)
        await self._copy(stage, shape, b"".join(row for row, new in rows if not new))
        await self._connection.execute(f"{_upsert(shape, quoted(stage))}; TRUNCATE {quoted(stage)}")

    async def _stage(self, shape: Shape) -> str:
        """Return the name of an empty table for such rows, which ends with the transaction."""
        if shape not in self._stages:
            name = f"folded_{len(self._stages)}"
            await self._connection.execute(
                f"CREATE TEMP TABLE {quoted(name)} ON COMMIT DROP AS SELECT "  # noqa: S608 - quoted
                f"{_listed(shape.columns)} FROM {quoted(shape.table)} WITH NO DATA"
            )
            self._stages[shape] = name
        return self._stages[shape]

    def _news(self, table: str, keys: Sequence[str]) -> list[bool]:
        """Return which rows cannot be there yet.

        Keys are remembered by their hashes alone: two that are the same cost only time.
        """
        if table not in self._empty:
            return [False] * len(keys)
        written = self._written
        is_new = []
        for key in keys:
            place = hash((table, key))
            new = place not in written and len(written) < MOST_REMEMBERED
            is_new.append(new)
            if new:
                written.add(place)
        return is_new

    async def _copy(self, table: str, shape: Shape, text: bytes) -> None:
        if text:
            await self._connection.copy_to_table(table, source=pieces(text), columns=shape.columns)

    async def _write_plain(self, leavings: PlainRows) -> None:
        shape, rows = leavings.shape, leavings.rows
        table = await self._table(shape.table)
        if table.needed <= set(shape.columns):
            # Their keys are not remembered: from here on any row may be there.
            self._empty.discard(shape.table)
            await self._run(_upsert(shape, _given(shape, table)), rows)
        else:
            await self._write_parts(shape, table, rows)

    async def _write_parts(self, shape: Shape, table: Table, rows: Sequence[Row]) -> None:
        """Write rows that lack columns which a new row could not do without: so they exist.

        If one does not, the table refuses it.
        """
        found = await self._run(_update(shape, table), rows)
        places = {record["place"] for record in found}
        lost = [row for place, row in enumerate(rows, start=1) if place not in places]
        if lost:
            await self._run(_insert(shape, _given(shape, table)), lost)

    async def _run(self, sql: str, rows: Sequence[Row]) -> list[asyncpg.Record]:
        # As one JSON text the rows cost a third of what they do as an array for each column.
        found: list[asyncpg.Record] = await self._connection.fetch(sql, to_json(rows).decode())
        return found

    async def _table(self, name: str) -> Table:
        if name not in self._tables:
            table = await read_table(self._connection, name)
            if not table.types:
                raise UnknownTable(f"There is no read table called {name!r}.")
            self._tables[name] = table
        return self._tables[name]


def _upsert(shape: Shape, source: str) -> str:
    values = ", ".join(f"{quoted(name)} = EXCLUDED.{quoted(name)}" for name in _others(shape))
    otherwise = f"DO UPDATE SET {values}" if values else "DO NOTHING"
    return f"{_insert(shape, source)} ON CONFLICT ({_listed(shape.key)}) {otherwise}"


def _insert(shape: Shape, source: str) -> str:
    columns = _listed(shape.columns)
    return (
        f"INSERT INTO {quoted(shape.table)} ({columns}) "  # noqa: S608 - checked and quoted
        f"SELECT {columns} FROM {source}"
    )


def _update(shape: Shape, table: Table) -> str:
    """Return a statement that yields the places, from 1, of the rows that were there."""
    values = ", ".join(f"{quoted(n)} = given.{quoted(n)}" for n in _others(shape) or shape.key[:1])
    match = " AND ".join(f"stored.{quoted(name)} = given.{quoted(name)}" for name in shape.key)
    return (
        f"UPDATE {quoted(shape.table)} AS stored SET {values} "  # noqa: S608 - checked and quoted
        f"FROM {_given(shape, table)} WHERE {match} RETURNING given.place"
    )


def _others(shape: Shape) -> tuple[str, ...]:
    return tuple(name for name in shape.columns if name not in shape.key)


def _given(shape: Shape, table: Table) -> str:
    names = _listed(shape.columns)
    typed = ", ".join(f"{quoted(name)} {_type(name, table)}" for name in shape.columns)
    return (
        f"ROWS FROM (json_to_recordset($1::text::json) AS ({typed})) "
        f"WITH ORDINALITY AS given ({names}, place)"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names))


def _type(name: str, table: Table) -> str:
    if name not in table.types:
        raise UnknownTable(f"There is no read table with a column called {name!r}.")
    return table.types[name]
