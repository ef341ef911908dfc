"""SQL for the read tables: identifiers checked and quoted, values only ever as parameters."""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import asyncpg

from store.errors import UnknownTable
from store.events import RowChange

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def quoted(identifier: str) -> str:
    """Return `identifier` in double quotes.

    Raises:
        UnknownTable: it is no plain lower-case name, so no read table or column can have it.
    """
    if not _IDENTIFIER.fullmatch(identifier):
        raise UnknownTable(f"There is no read table or column called {identifier!r}.")
    return f'"{identifier}"'


async def apply_changes(connection: asyncpg.Connection, changes: Sequence[RowChange]) -> None:
    """Insert the row of each change, or set its columns where the key exists, one after the other.

    Neighbours of one shape go to the server together.
    """
    for statement, alike in groupby(changes, key=_upsert):
        rows = [(*change.key.values(), *change.values.values()) for change in alike]
        await connection.executemany(statement, rows)


async def select_rows(
    connection: asyncpg.Connection | asyncpg.Pool,
    table: str,
    *,
    where: dict[str, Any],
    order_by: Sequence[str],
) -> tuple[dict[str, Any], ...]:
    """Return the rows of `table` whose columns equal `where`."""
    sql = f"SELECT * FROM {quoted(table)}"  # noqa: S608 - the identifier is checked and quoted
    if where:
        sql += " WHERE " + " AND ".join(_conditions(where))
    if order_by:
        sql += " ORDER BY " + ", ".join(quoted(column) for column in order_by)
    values = [value for value in where.values() if value is not None]
    return tuple(dict(record) for record in await connection.fetch(sql, *values))


def _conditions(where: dict[str, Any]) -> list[str]:
    conditions, number = [], 0
    for column, value in where.items():
        if value is None:
            conditions.append(f"{quoted(column)} IS NULL")
        else:
            number += 1
            conditions.append(f"{quoted(column)} = ${number}")
    return conditions


def _upsert(change: RowChange) -> str:
    """Return one statement that updates, or inserts where there was nothing to update.

    ON CONFLICT would not do: it checks NOT NULL of the row that it will not insert, so an event
    could not set a single column. The append lock keeps other writers out between the two halves.
    """
    table = quoted(change.table)
    columns = [quoted(column) for column in (*change.key, *change.values)]
    numbered = [f"{column} = ${number}" for number, column in enumerate(columns, start=1)]
    match = " AND ".join(numbered[: len(change.key)])
    # An event without further columns still has to find out whether its row exists.
    assignments = ", ".join(numbered[len(change.key) :] or numbered[:1])
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    return (
        f"WITH updated AS (UPDATE {table} SET {assignments} WHERE {match} RETURNING 1) "  # noqa: S608
        f"INSERT INTO {table} ({', '.join(columns)}) "
        f"SELECT {places} WHERE NOT EXISTS (SELECT FROM updated)"
    )
