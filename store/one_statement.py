"""An append together with the rows that it leaves, as one statement: a transaction by itself.

What an event leaves must follow from the event as it was given, not from its place in the log: the
rows are made before it is stored. That spares the four to six statements that a transaction takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json, to_json

from store.event_store import COLUMNS
from store.events import RowChange, StoredEvent
from store.rows import quoted

Call = tuple[str, int | None, str]
"""A stream, the version it should have, and its new events as a JSON array."""

_Shape = tuple[str, tuple[str, ...], tuple[str, ...]]
_CALL_PLACES: Final = 3
# What an earlier try has stored left its rows then. Where some events are new and some are not, the
# division fails, and with it all of the statement.
_APPEND: Final = f"""
WITH made AS MATERIALIZED (
    SELECT {", ".join(f"(stored).{column}" for column in COLUMNS.split(", "))}, one.is_new,
        asked.place AS asked_place, one.place AS event_place
    FROM unnest($1::text[], $2::bigint[], $3::text[])
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


def one_statement(calls: Sequence[Call], changes: Sequence[RowChange]) -> Statement:
    """Return the statement that makes `calls` and then `changes`.

    It fails with a division by zero where an earlier append has stored a part of the events.
    """
    alike: dict[_Shape, list[dict[str, Any]]] = {}
    for row in _rows(changes):
        shape = (row.table, tuple(row.key), tuple(row.values))
        alike.setdefault(shape, []).append({**row.key, **row.values})
    columns = [list(column) for column in zip(*calls, strict=True)]
    return Statement(
        _sql(tuple(alike)), (*columns, *(to_json(rows).decode() for rows in alike.values()))
    )


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
def _sql(shapes: tuple[_Shape, ...]) -> str:
    parts = [_APPEND, *(_upserts(shape, number) for number, shape in enumerate(shapes))]
    return ", ".join(parts) + _ANSWER


def _upserts(shape: _Shape, number: int) -> str:
    """Return the two halves of `store.rows` for rows of one shape, which come as a JSON array."""
    table, key, others = shape
    name, place = quoted(table), _CALL_PLACES + 1 + number
    match = " AND ".join(f"old.{quoted(one)} = new.{quoted(one)}" for one in key)
    changed = ", ".join(f"{quoted(one)} = new.{quoted(one)}" for one in others or key[:1])
    columns = ", ".join(quoted(one) for one in (*key, *others))
    keys = ", ".join(f"old.{quoted(one)}" for one in key)
    return (
        f"rows_{number} AS (SELECT * FROM "  # noqa: S608 - checked
        f"jsonb_populate_recordset(NULL::{name}, ${place}::text::jsonb) "
        "WHERE (SELECT is_all FROM news)), "
        f"updated_{number} AS (UPDATE {name} AS old SET {changed} FROM rows_{number} AS new "
        f"WHERE {match} RETURNING {keys}), "
        f"added_{number} AS (INSERT INTO {name} ({columns}) SELECT {columns} FROM rows_{number} "
        f"AS new WHERE NOT EXISTS (SELECT FROM updated_{number} AS old WHERE {match}))"
    )


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
