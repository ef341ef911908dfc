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

from pydantic_core import from_json

from store.event_store import COLUMNS
from store.events import RowChange, StoredEvent
from store.rows import quoted

MOST_ROWS: Final = 16
"""Each is spelled out in the statement; more of them are better sent as rows."""

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


def one_statement(calls: Sequence[Call], changes: Sequence[RowChange]) -> Statement | None:
    """Return the statement that makes `calls` and then `changes`, None where it would be too long.

    It fails with a division by zero where an earlier append has stored a part of the events.
    """
    rows = _rows(changes)
    if len(rows) > MOST_ROWS:
        return None
    shapes = tuple((one.table, tuple(one.key), tuple(one.values)) for one in rows)
    values = [value for one in rows for value in (*one.key.values(), *one.values.values())]
    columns = [list(column) for column in zip(*calls, strict=True)]
    return Statement(_sql(shapes), (*columns, *values))


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
    parts, place = [_APPEND], _CALL_PLACES
    for number, shape in enumerate(shapes):
        parts.append(_upsert(shape, number, place))
        place += len(shape[1]) + len(shape[2])
    return ", ".join(parts) + _ANSWER


def _upsert(shape: _Shape, number: int, place: int) -> str:
    """Return the two halves of `store.rows` for one row, whose values follow those at `place`."""
    name, key, others = shape
    columns = [quoted(column) for column in (*key, *others)]
    places = [f"${place + 1 + at}" for at in range(len(columns))]
    numbered = [f"{column} = {own}" for column, own in zip(columns, places, strict=True)]
    match = " AND ".join(numbered[: len(key)])
    assignments = ", ".join(numbered[len(key) :] or numbered[:1])
    is_new = "(SELECT is_all FROM news)"
    return (
        f"updated_{number} AS (UPDATE {quoted(name)} SET {assignments} "  # noqa: S608 - checked
        f"WHERE {match} AND {is_new} RETURNING 1), "
        f"added_{number} AS (INSERT INTO {quoted(name)} ({', '.join(columns)}) "
        f"SELECT {', '.join(places)} WHERE {is_new} "
        f"AND NOT EXISTS (SELECT FROM updated_{number}))"
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
