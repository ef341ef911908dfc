"""SQL for the read tables: identifiers checked and quoted, values only ever as parameters."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from store.errors import UnknownTable
from store.events import Page, RowChange

_DOCUMENTS: Final = (BaseModel, dict, list, tuple)
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_COLUMNS: Final = """
SELECT attname AS name, format_type(atttypid, NULL) AS type,
    attnotnull AND NOT atthasdef AS is_needed
FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
"""


@dataclass(frozen=True, slots=True)
class Table:
    """The types of a table's columns, and which of them no new row can do without."""

    types: dict[str, str]
    needed: frozenset[str]


@lru_cache(maxsize=1024)
def quoted(identifier: str) -> str:
    """Return `identifier` in double quotes.

    Raises:
        UnknownTable: it is no plain lower-case name, so no read table or column can have it.
    """
    if not _IDENTIFIER.fullmatch(identifier):
        raise UnknownTable(f"There is no read table or column called {identifier!r}.")
    return f'"{identifier}"'


async def read_table(connection: asyncpg.Connection | asyncpg.Pool, name: str) -> Table:
    """Return how the table `name` is made; it has no columns where there is none."""
    columns = await connection.fetch(_COLUMNS, quoted(name))
    return Table(
        types={column["name"]: column["type"] for column in columns},
        needed=frozenset(column["name"] for column in columns if column["is_needed"]),
    )


def plain(value: Any) -> Any:
    """Return a document in JSON's own types, and any other value of a row as it is."""
    return to_jsonable_python(value) if isinstance(value, _DOCUMENTS) else value


async def apply_changes(connection: asyncpg.Connection, changes: Sequence[RowChange]) -> None:
    """Insert the row of each change, or set its columns where the key exists, one after the other.

    Neighbours of one shape go to the server together.
    """
    for shape, alike in groupby(changes, key=_shape):
        rows = [(*change.key.values(), *map(plain, change.values.values())) for change in alike]
        await connection.executemany(_upsert(*shape), rows)


async def select_rows(
    connection: asyncpg.Connection | asyncpg.Pool,
    table: str,
    *,
    where: dict[str, Any],
    order_by: Sequence[str],
    page: Page | None = None,
) -> tuple[dict[str, Any], ...]:
    """Return the rows of `table` whose columns equal `where`, or the `page` of them."""
    conditions, values = _conditions(where), _values(where)
    columns = [quoted(column) for column in order_by]
    if page is not None and page.after is not None:
        places = [f"${number}" for number in range(len(values) + 1, len(values) + 1 + len(columns))]
        beyond = "<" if page.descending else ">"
        conditions.append(f"({', '.join(columns)}) {beyond} ({', '.join(places)})")
        values += page.after
    sql = f"SELECT * FROM {quoted(table)}{_where(conditions)}"  # noqa: S608 - checked and quoted
    if columns:
        backwards = " DESC" if page is not None and page.descending else ""
        sql += " ORDER BY " + ", ".join(f"{column}{backwards}" for column in columns)
    if page is not None:
        sql += f" LIMIT {page.limit:d}"
    return tuple(dict(record) for record in await connection.fetch(sql, *values))


async def count_rows(
    connection: asyncpg.Connection | asyncpg.Pool, table: str, where: dict[str, Any]
) -> int:
    """Return how many rows of `table` have columns that equal `where`."""
    sql = f"SELECT count(*) FROM {quoted(table)}{_where(_conditions(where))}"  # noqa: S608 - as above
    return int(await connection.fetchval(sql, *_values(where)))


async def count_rows_by(
    connection: asyncpg.Connection | asyncpg.Pool,
    table: str,
    columns: Sequence[str],
    *,
    where: dict[str, Any],
) -> dict[tuple[Any, ...], int]:
    """Return how many such rows there are of each combination of values in `columns`."""
    named = ", ".join(quoted(column) for column in columns)
    rest = f"FROM {quoted(table)}{_where(_conditions(where))} GROUP BY {named}"
    records = await connection.fetch(f"SELECT {named}, count(*) {rest}", *_values(where))
    return {tuple(record)[:-1]: int(record["count"]) for record in records}


def _where(conditions: Sequence[str]) -> str:
    return " WHERE " + " AND ".join(conditions) if conditions else ""


def _conditions(where: dict[str, Any]) -> list[str]:
    conditions, number = [], 0
    for column, value in where.items():
        if value is None:
            conditions.append(f"{quoted(column)} IS NULL")
        else:
            number += 1
            place = f"${number}"
            if isinstance(value, tuple):
                place = f"ANY ({place}::text[]::uuid[])" if _has_ids(value) else f"ANY ({place})"
            conditions.append(f"{quoted(column)} = {place}")
    return conditions


def _values(where: dict[str, Any]) -> list[Any]:
    """Return the values that are in `_conditions`.

    Ids go as text: of an array of ids the driver first asks, on each connection, how it is made.
    """
    known = [value for value in where.values() if value is not None]
    return [[*map(str, value)] if _has_ids(value) else value for value in known]


def _has_ids(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], UUID)


def _shape(change: RowChange) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return what two changes share that are written alike: table, key and other columns."""
    return change.table, tuple(change.key), tuple(change.values)


@lru_cache(maxsize=1024)
def _upsert(name: str, key: tuple[str, ...], others: tuple[str, ...]) -> str:
    """Return one statement that updates, or inserts where there was nothing to update.

    ON CONFLICT would not do: it checks NOT NULL of the row that it will not insert, so an event
    could not set a single column. The append lock keeps other writers out between the two halves.
    """
    table = quoted(name)
    columns = [quoted(column) for column in (*key, *others)]
    numbered = [f"{column} = ${number}" for number, column in enumerate(columns, start=1)]
    match = " AND ".join(numbered[: len(key)])
    # An event without further columns still has to find out whether its row exists.
    assignments = ", ".join(numbered[len(key) :] or numbered[:1])
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    return (
        f"WITH updated AS (UPDATE {table} SET {assignments} WHERE {match} RETURNING 1) "  # noqa: S608
        f"INSERT INTO {table} ({', '.join(columns)}) "
        f"SELECT {places} WHERE NOT EXISTS (SELECT FROM updated)"
    )
