"""The two shapes of an event: as it is handed in, and as it stands in the log for ever.

Then how parts of the log and of the read tables are asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

from pydantic_core import from_json

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is about to be appended.

    `payload` is a JSON object; money and quantities in it are strings. `event_id` is computed from
    the meaning of the event (`config.ids.meaning_id`), so that appending it again is harmless.
    """

    event_id: UUID
    event_type: str
    payload: dict[str, Any]
    timestamp: datetime
    week_id: str | None = None
    account_id: str | None = None
    correlation_id: str | None = None
    parent_event_id: UUID | None = None


class _Columns(NamedTuple):
    position: int
    stream: str
    version: int
    event_id: UUID
    event_type: str
    payload: dict[str, Any]
    timestamp: datetime
    week_id: str | None
    account_id: str | None
    correlation_id: str | None
    parent_event_id: UUID | None


_PAYLOAD = _Columns._fields.index("payload")


class StoredEvent(_Columns):
    """An event in the log: `position` orders all events, `version` those of one stream (from 1).

    A tuple, for it is made a million times where the log is folded: one is made in an eighth of the
    time that a frozen dataclass takes.
    """

    _read: Any = None

    @property
    def payload_text(self) -> str | None:
        """Return the payload as JSON where it was not read from it; None where it was."""
        return None

    def once(self, read: "Callable[[StoredEvent], _Read]") -> _Read:
        """Return what `read` makes of the event, made by the first call: there is one such reader.

        What it makes must be as immutable as the event. Whatever `read` raises is not kept.
        """
        if self._read is None:
            self._read = read(self)
        found: _Read = self._read
        return found


class TextEvent(StoredEvent):
    """An event that was made with the text of its payload, which is read when it is asked for.

    As a tuple it holds the text: it equals no event that was read, and is for folding alone.
    """

    @property
    def payload_text(self) -> str:
        """Return the payload as JSON."""
        return cast("str", self[_PAYLOAD])

    @property
    def payload(self) -> dict[str, Any]:
        """Return the payload, read anew by each who asks for it."""
        payload: dict[str, Any] = from_json(self.payload_text)
        return payload


@dataclass(frozen=True, slots=True)
class StreamWrite:
    """Events for one stream; `expected_version` None appends whatever the version is.

    Without events it is a condition on that stream: what else is new in the same append is stored
    only where the stream is still at `expected_version`.
    """

    stream: str
    events: tuple[NewEvent, ...]
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a read table in its order: at most `limit` rows, from the end where `descending`.

    `after` holds the last row's values of the columns ordered by, none of which may be null; in the
    log it holds the last event's position.
    """

    limit: int
    descending: bool = False
    after: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of the log are wanted: those that meet every field that is given.

    `stream_prefix` is what the stream's name begins with, `event_types` holds one kind or several.
    """

    stream_prefix: str = ""
    event_types: tuple[str, ...] = ()
    week_id: str | None = None
    account_id: str | None = None
    event_id: UUID | None = None


class RowChange(NamedTuple):
    """One row of a read table as an event leaves it: inserted, or its columns set where it exists.

    `key` holds the primary key's columns, `values` further columns; dicts, lists, tuples and
    models are stored as jsonb.
    """

    table: str
    key: dict[str, Any]
    values: dict[str, Any]
