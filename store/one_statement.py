"""An append together with the rows that it leaves, as one statement: a transaction by itself.

What an event leaves must follow from the event as it was given, not from its place in the log: the
rows are made before it is stored. That spares the four to six statements that a transaction takes.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json, to_json

from store.event_store import COLUMNS, Call
from store.events import RowChange, StoredEvent
from store.rows import quoted

_Shape = tuple[str, tuple[str, ...], tuple[str, ...]]
_CALL_PLACES: Final = 3
# What an earlier try has stored left its rows then. Where some events are new and some are not, the
# division fails, and with it all of the statement.
_APPEND: Final = f"""
WITH made AS MATERIALIZED (
    SELECT {", ".join(f"(stored).{column}" for column in COLUMNS.split(", "))}, one.is_new,
        asked.place AS asked_place, one.place AS event_place
    FROM unnest($1::text[], $2::text[]::bigint[], $3::text[])
        WITH ORDINALITY AS asked (stream, expected_version, events, place),
    LATERAL append_events(asked.stream, asked.expected_version, asked.events::jsonb)
        WITH ORDINALITY AS one (stored, is_new, place)
), news AS MATERIALIZED (
    SELECT bool_and(is_new) AS is_all, bool_or(is_new) AS is_any FROM made
)"""  # noqa: S608 - constants only
_ANSWER: Final = f"""
SELECT {COLUMNS}, 1 / (SELECT (is_all = is_any)::int FROM news) AS is_whole FROM made
ORDER BY asked_place, event_place
"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with the values for its places."""

    sql: str
    values: tuple[Any, ...]


def given_events(calls: Sequence[Call]) -> tuple[StoredEvent, ...]:
    """Return the events of `calls` as they will be stored, but without a place: it is 0."""
    return tuple(_given(stream, event) for stream, _, text in calls for event in from_json(text))


def one_statement(
    calls: Sequence[Call], changes: Sequence[RowChange], needed: Mapping[str, AbstractSet[str]]
) -> Statement:
    """Return the statement that makes `calls` and then `changes`.

    `needed` are the columns, by table, that no new row can do without. The statement fails with a
    division by zero where an earlier append has stored a part of the events.
    """
    alike: dict[_Shape, list[dict[str, Any]]] = {}
    for row in _rows(changes):
        shape = (row.table, tuple(row.key), tuple(row.values))
        alike.setdefault(shape, []).append({**row.key, **row.values})
    sql = _sql(tuple((shape, needed[shape[0]] <= {*shape[1], *shape[2]}) for shape in alike))
    columns = [list(column) for column in zip(*calls, strict=True)]
    return Statement(sql, (*columns, *(to_json(rows).decode() for rows in alike.values())))


def _rows(changes: Sequence[RowChange]) -> tuple[RowChange, ...]:
    """Return one change of each row, in which a later one overrides an earlier."""
    rows: dict[tuple[Any, ...], RowChange] = {}
    for change in changes:
        row = (change.table, *change.key.items())
        known = rows.get(row)
        values = change.values if known is None else known.values | change.values
        rows[row] = RowChange(change.table, change.key, values)
    return tuple(rows.values())


@lru_cache(maxsize=256)
def _sql(shapes: tuple[tuple[_Shape, bool], ...]) -> str:
    """Return the statement for rows of `shapes`, each with whether such rows may be new."""
    parts = [_APPEND]
    for number, (shape, is_whole) in enumerate(shapes):
        parts.append(_given_rows(shape, number))
        parts += _upsert(shape, number) if is_whole else _update_or_insert(shape, number)
    return ", ".join(parts) + _ANSWER


def _given_rows(shape: _Shape, number: int) -> str:
    """Return the query of the rows, which come as a JSON array."""
    place = _CALL_PLACES + 1 + number
    return (
        f"rows_{number} AS (SELECT * FROM "  # noqa: S608 - checked
        f"jsonb_populate_recordset(NULL::{quoted(shape[0])}, ${place}::text::jsonb) "
        "WHERE (SELECT is_all FROM news))"
    )


def _upsert(shape: _Shape, number: int) -> tuple[str, ...]:
    table, key, others = shape
    columns, match = _listed((*key, *others)), _listed(key)
    changed = ", ".join(f"{quoted(one)} = EXCLUDED.{quoted(one)}" for one in others)
    return (
        f"made_{number} AS (INSERT INTO {quoted(table)} ({columns}) "  # noqa: S608 - checked
        f"SELECT {columns} FROM rows_{number} ON CONFLICT ({match}) "
        f"DO {f'UPDATE SET {changed}' if changed else 'NOTHING'})",
    )


def _update_or_insert(shape: _Shape, number: int) -> tuple[str, ...]:
    """Return the two halves of `store.rows`: as new rows these would be refused unseen."""
    table, key, others = shape
    name, columns = quoted(table), _listed((*key, *others))
    match = " AND ".join(f"old.{quoted(one)} = new.{quoted(one)}" for one in key)
    changed = ", ".join(f"{quoted(one)} = new.{quoted(one)}" for one in others or key[:1])
    keys = ", ".join(f"old.{quoted(one)}" for one in key)
    return (
        f"updated_{number} AS (UPDATE {name} AS old SET {changed} "  # noqa: S608 - checked
        f"FROM rows_{number} AS new WHERE {match} AND {_few(key, number)} RETURNING {keys})",
        f"added_{number} AS (INSERT INTO {name} ({columns}) "  # noqa: S608 - checked
        f"SELECT {columns} FROM rows_{number} AS new "
        f"WHERE NOT EXISTS (SELECT FROM updated_{number} AS old WHERE {match}))",
    )


def _few(key: tuple[str, ...], number: int) -> str:
    """Return what follows from the keys being the same, and tells that few rows are meant.

    Of rows in JSON the planner expects a hundred, for which it would read the whole table.
    """
    first = quoted(key[0])
    return f"old.{first} = ANY (ARRAY(SELECT {first} FROM rows_{number}))"  # noqa: S608 - checked


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names))


def _given(stream: str, event: dict[str, Any]) -> StoredEvent:
    parent = event["parent_event_id"]
    return StoredEvent(
        position=0,
        stream=stream,
        version=0,
        event_id=UUID(event["event_id"]),
        event_type=event["event_type"],
        payload=event["payload"],
        timestamp=datetime.fromisoformat(event["timestamp"]).astimezone(UTC),
        week_id=event["week_id"],
        account_id=event["account_id"],
        correlation_id=event["correlation_id"],
        parent_event_id=UUID(parent) if parent else None,
    )
