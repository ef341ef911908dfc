"""The event store in memory: the same contract without a database, for tests and simulations."""

import copy
import json
import operator
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from datetime import UTC
from itertools import islice
from typing import Any
from uuid import UUID

from store.errors import EventIdTaken, UnknownTable, VersionConflict
from store.events import EventFilter, NewEvent, Page, RowChange, StoredEvent, StreamWrite
from store.log_pages import check_filter, is_beyond, is_wanted
from store.migrate import read_table_names
from store.payloads import check_text, event_json
from store.ports import Projection
from store.rows import plain, quoted
from store.subscription import POLL_SECONDS, SignalWake, follow

Tables = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


class MemoryEventStore:
    """The `EventStore` of one process; `tables` are read tables besides the migrations'."""

    def __init__(self, project: Projection, *, tables: Iterable[str] = ()) -> None:
        self._project = project
        self._log: list[StoredEvent] = []
        self._by_id: dict[UUID, StoredEvent] = {}
        self._versions: dict[str, int] = {}
        self._tables: Tables = {name: {} for name in (*read_table_names(), *tables)}
        self._wakes: set[SignalWake] = set()

    async def append(
        self, stream: str, events: Sequence[NewEvent], expected_version: int | None = None
    ) -> tuple[StoredEvent, ...]:
        """Append `events` to one stream; see `EventStore.append_many`."""
        return await self.append_many((StreamWrite(stream, tuple(events), expected_version),))

    async def append_many(self, writes: Sequence[StreamWrite]) -> tuple[StoredEvent, ...]:
        """Append to several streams, all or nothing; see `EventStore.append_many`."""
        draft = _Draft(self._log, self._by_id, self._versions)
        stored = [event for write in writes for event in draft.write(write)]
        if draft.new:
            draft.check_conditions(writes)
        tables = self._folded(draft.new) if draft.new else self._tables
        # Nothing awaits between the draft and here: other tasks see all of it or nothing.
        self._tables = tables
        self._log.extend(draft.new)
        self._by_id.update({event.event_id: event for event in draft.new})
        self._versions.update(draft.versions)
        for wake in self._wakes:
            wake.signal()
        return tuple(copy.deepcopy(event) for event in stored)

    async def read_stream(self, stream: str, after_version: int = 0) -> tuple[StoredEvent, ...]:
        """Return the events of `stream` in order of version; an unknown stream has none."""
        check_text(stream)
        found = (event for event in self._log if event.stream == stream)
        return tuple(copy.deepcopy(event) for event in found if event.version > after_version)

    async def read_all(
        self, after_position: int = 0, *, event_types: Sequence[str] | None = None
    ) -> AsyncIterator[StoredEvent]:
        """Yield every event after `after_position` in global order."""
        index = max(after_position, 0)
        while index < len(self._log):
            event = self._log[index]
            index += 1
            if event_types is None or event.event_type in event_types:
                yield copy.deepcopy(event)

    async def read_page(self, wanted: EventFilter, page: Page) -> tuple[StoredEvent, ...]:
        """Return the `page` of the events that are `wanted`; see `EventStore.read_page`."""
        check_filter(wanted)
        log = reversed(self._log) if page.descending else iter(self._log)
        found = (event for event in log if is_wanted(event, wanted) and is_beyond(event, page))
        return tuple(copy.deepcopy(event) for event in islice(found, page.limit))

    async def head(self) -> int:
        """Return the position of the newest event, 0 where there is none."""
        return len(self._log)

    async def subscribe(self, after_position: int = 0) -> AsyncGenerator[StoredEvent, None]:
        """Yield events for ever: those stored after `after_position`, then each new one."""
        wake = SignalWake()
        self._wakes.add(wake)
        events = follow(
            self.read_all, wake, after_position=after_position, poll_seconds=POLL_SECONDS
        )
        try:
            async with aclosing(events):
                async for event in events:
                    yield event
        finally:
            self._wakes.discard(wake)

    async def rows(
        self,
        table: str,
        *,
        where: dict[str, Any] | None = None,
        order_by: Sequence[str] = (),
        page: Page | None = None,
    ) -> tuple[dict[str, Any], ...]:
        """Return rows of the read table `table`; see `EventStore.rows`."""
        for column in order_by:
            quoted(column)
        found = self._found(table, where or {})
        if order_by:
            found.sort(key=lambda row: _place(row, order_by))
        if page is not None:
            found = _part(found, order_by, page)
        return tuple(copy.deepcopy(row) for row in found)

    async def count_rows(self, table: str, *, where: dict[str, Any] | None = None) -> int:
        """Return how many rows of `table` there are; see `EventStore.count_rows`."""
        return len(self._found(table, where or {}))

    async def count_rows_by(
        self, table: str, columns: Sequence[str], *, where: dict[str, Any] | None = None
    ) -> dict[tuple[Any, ...], int]:
        """Return how many rows of each kind there are; see `EventStore.count_rows_by`."""
        for column in columns:
            quoted(column)
        found = self._found(table, where or {})
        return dict(Counter(tuple(row.get(column) for column in columns) for row in found))

    def _found(self, table: str, where: dict[str, Any]) -> list[dict[str, Any]]:
        if table not in self._tables:
            raise UnknownTable(f"There is no read table called {table!r}.")
        for column in where:
            quoted(column)
        return [
            row
            for row in self._tables[table].values()
            if all(_equals(row.get(column), value) for column, value in where.items())
        ]

    def _folded(self, events: Iterable[StoredEvent]) -> Tables:
        changes = [change for event in events for change in self._project(event)]
        tables = dict(self._tables)
        for name in {change.table for change in changes}:
            tables[name] = dict(tables.get(name, {}))
        for change in changes:
            key = tuple(change.key.values())
            tables[change.table][key] = tables[change.table].get(key, {}) | _row(change)
        return tables


class _Draft:
    """An append as it would be, kept apart until all of it has succeeded."""

    def __init__(
        self, log: list[StoredEvent], by_id: dict[UUID, StoredEvent], versions: dict[str, int]
    ) -> None:
        self.new: list[StoredEvent] = []
        self.versions = dict(versions)
        self._log = log
        self._by_id = by_id
        self._drafted: dict[UUID, StoredEvent] = {}

    def write(self, write: StreamWrite) -> list[StoredEvent]:
        texts = [event_json(write.stream, event) for event in write.events]
        version_is_checked = False
        stored = []
        for event, text in zip(write.events, texts, strict=True):
            known = self._by_id.get(event.event_id) or self._drafted.get(event.event_id)
            if known is not None:
                stored.append(_same(known, write.stream, event))
                continue
            if not version_is_checked:
                self._check_version(write)
                version_is_checked = True
            stored.append(self._add(write.stream, event, json.loads(text)["payload"]))
        return stored

    def check_conditions(self, writes: Sequence[StreamWrite]) -> None:
        for write in writes:
            if not write.events:
                self._check_version(write)

    def _check_version(self, write: StreamWrite) -> None:
        current = self.versions.get(write.stream, 0)
        if write.expected_version not in {None, current}:
            raise VersionConflict(
                f"The stream {write.stream} is at version {current}, not {write.expected_version}: "
                "read the stream again and decide anew."
            )

    def _add(self, stream: str, event: NewEvent, payload: dict[str, Any]) -> StoredEvent:
        version = self.versions[stream] = self.versions.get(stream, 0) + 1
        stored = StoredEvent(
            position=len(self._log) + len(self.new) + 1,
            stream=stream,
            version=version,
            event_id=event.event_id,
            event_type=event.event_type,
            payload=payload,
            timestamp=event.timestamp.astimezone(UTC),
            week_id=event.week_id,
            account_id=event.account_id,
            correlation_id=event.correlation_id,
            parent_event_id=event.parent_event_id,
        )
        self.new.append(stored)
        self._drafted[event.event_id] = stored
        return stored


def _same(known: StoredEvent, stream: str, event: NewEvent) -> StoredEvent:
    if (known.stream, known.event_type) != (stream, event.event_type):
        raise EventIdTaken(
            f"The id {known.event_id} already belongs to {known.event_type} in {known.stream}: "
            "one id stands for one event only."
        )
    return known


def _row(change: RowChange) -> dict[str, Any]:
    return {column: plain(value) for column, value in (change.key | change.values).items()}


def _equals(found: Any, wanted: Any) -> bool:
    return found in wanted if isinstance(wanted, tuple) else found == wanted


def _part(rows: list[dict[str, Any]], order_by: Sequence[str], page: Page) -> list[dict[str, Any]]:
    if page.descending:
        rows.reverse()
    if page.after is not None:
        last = [_nulls_last(value) for value in page.after]
        beyond = operator.lt if page.descending else operator.gt
        rows = [row for row in rows if beyond(_place(row, order_by), last)]
    return rows[: page.limit]


def _place(row: dict[str, Any], order_by: Sequence[str]) -> list[tuple[bool, Any]]:
    return [_nulls_last(row.get(column)) for column in order_by]


def _nulls_last(value: Any) -> tuple[bool, Any]:
    return (value is None, "" if value is None else value)
