"""The event store of a database that nobody else writes to: what nothing can have changed is not
asked again.

Every append of the database must pass here. What an append may have changed is forgotten when it
begins, and again when it ends, so that no read that was under way meanwhile is remembered.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import asyncpg

from store.event_store import Call, PostgresEventStore, stored_event
from store.events import Page, StoredEvent, StreamWrite
from store.one_statement import given_events, one_statement
from store.pool import StorePool
from store.ports import Projection
from store.rows import read_table

MOST_STREAMS: Final = 256
MOST_EVENTS: Final = 64
"""Of one stream, its newest: whoever follows a long one asks for what came last."""
MOST_READINGS: Final = 256
"""Of one table."""

_UNKNOWN: Final[Mapping[str, Collection[str]]] = MappingProxyType({})
_ANY: Final = ""
"""Stands for every table, where nobody knows which of them was written to."""

_TAKEN_APART: Final = (
    asyncpg.DivisionByZeroError,  # some of the events were stored before
    asyncpg.UniqueViolationError,  # a row was made since the statement began
)

_Rows = tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class _Tail:
    """The newest events of a stream, without a gap; `after` is the version before the first."""

    after: int
    events: tuple[StoredEvent, ...]

    def since(self, version: int) -> tuple[StoredEvent, ...] | None:
        """Return the events after `version`, None where some of them are not here."""
        return self.events[version - self.after :] if version >= self.after else None

    def with_next(self, event: StoredEvent) -> "_Tail | None":
        """Return the tail with one event more, None where that leaves a gap."""
        if event.version != self.after + len(self.events) + 1:
            return None
        return _tail((*self.events, event))


class RememberingEventStore(PostgresEventStore):
    """A `PostgresEventStore` that answers from memory what it has read or written itself."""

    def __init__(
        self,
        pool: StorePool,
        project: Projection,
        *,
        rowless: Collection[str] = (),
        written_by: Mapping[str, Collection[str]] = _UNKNOWN,
    ) -> None:
        """Keep events in `pool`; `rowless` are the kinds of which `project` makes no rows.

        `project` may not look at positions and versions, which are not known yet. `written_by` has
        the tables of those rows by kind; one that it lacks may write to any.
        """
        super().__init__(pool, project, rowless=rowless)
        self._written_by = {**dict.fromkeys(rowless, ()), **written_by}
        self._needed: dict[str, frozenset[str]] = {}
        self._tails: dict[str, _Tail] = {}
        self._readings: dict[str, dict[str, _Rows]] = {}
        self._changes = 0
        self._rewritten: Counter[str] = Counter()

    async def append_many(self, writes: Sequence[StreamWrite]) -> tuple[StoredEvent, ...]:
        """Append to several streams; see `EventStore.append_many`."""
        known: dict[str, _Tail | None] = {
            write.stream: self._tails.pop(write.stream, None) for write in writes
        }
        began = self._change(writes)
        try:
            stored = await super().append_many(writes)
            # Another append side by side may have gone on from ours, or before it.
            was_alone = self._changes == began
        finally:
            for write in writes:
                self._tails.pop(write.stream, None)
            self._change(writes)
        if was_alone:
            self._go_on(known, stored)
        return stored

    async def read_stream(self, stream: str, after_version: int = 0) -> tuple[StoredEvent, ...]:
        """Return the events of `stream` after a version, in their order."""
        tail = self._tails.get(stream)
        found = tail.since(after_version) if tail else None
        if found is not None:
            return found
        changes = self._changes
        events = await super().read_stream(stream, after_version)
        if events and changes == self._changes:
            self._keep(stream, _tail(events))
        return events

    async def rows(
        self,
        table: str,
        *,
        where: dict[str, Any] | None = None,
        order_by: Sequence[str] = (),
        page: Page | None = None,
    ) -> tuple[dict[str, Any], ...]:
        """Return rows of the read table `table`; see `EventStore.rows`."""
        asked = repr((where, tuple(order_by), page))
        found = self._readings.get(table, {}).get(asked)
        if found is None:
            before = self._state_of(table)
            found = await super().rows(table, where=where, order_by=order_by, page=page)
            if before == self._state_of(table):
                readings = self._readings.setdefault(table, {})
                if len(readings) >= MOST_READINGS:
                    readings.clear()
                readings[asked] = found
        return tuple(dict(row) for row in found)

    async def _append_once(
        self, calls: Sequence[Call], conditions: Sequence[StreamWrite]
    ) -> tuple[StoredEvent, ...]:
        """Append by one statement, or by a transaction where one would not do."""
        if conditions or not calls:
            return await super()._append_once(calls, conditions)
        given = given_events(calls)
        changes = [change for event in given for change in self._project(event)]
        needed = {table: await self._needed_in(table) for table in {one.table for one in changes}}
        statement = one_statement(calls, changes, needed)
        try:
            records = await self._pool.fetch(statement.sql, *statement.values)
        except _TAKEN_APART:
            return await super()._append_once(calls, conditions)
        return tuple(stored_event(record) for record in records)

    async def _needed_in(self, table: str) -> frozenset[str]:
        """Return the columns that no new row of `table` can do without; they never change."""
        if table not in self._needed:
            # Where there is none, the statement says better what is wrong with the database.
            self._needed[table] = (await read_table(self._pool, table)).needed
        return self._needed[table]

    def _change(self, writes: Sequence[StreamWrite]) -> int:
        """Forget the rows that `writes` may change; reads under way are remembered no more."""
        for kind in {event.event_type for write in writes for event in write.events}:
            tables = self._written_by.get(kind)
            if tables is None:
                self._readings.clear()
                self._rewritten[_ANY] += 1
                continue
            for table in tables:
                self._readings.pop(table, None)
                self._rewritten[table] += 1
        self._changes += 1
        return self._changes

    def _state_of(self, table: str) -> tuple[int, int]:
        """Return what differs as soon as an append may have changed `table`."""
        return self._rewritten[table], self._rewritten[_ANY]

    def _go_on(self, known: dict[str, _Tail | None], stored: Sequence[StoredEvent]) -> None:
        """Remember the tails `known` before an append, with what it stored behind them."""
        for event in stored:
            tail = known[event.stream] or _Tail(event.version - 1, ())
            known[event.stream] = tail.with_next(event)
        for stream, longer in known.items():
            if longer is not None:
                self._keep(stream, longer)

    def _keep(self, stream: str, tail: _Tail) -> None:
        if len(self._tails) >= MOST_STREAMS:
            self._tails.clear()
        self._tails[stream] = tail


def _tail(events: Sequence[StoredEvent]) -> _Tail:
    newest = tuple(events[-MOST_EVENTS:])
    return _Tail(newest[0].version - 1, newest)
