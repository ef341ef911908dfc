"""What the rest of the program may ask of a store, whichever implementation stands behind it."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol

from store.events import EventFilter, NewEvent, Page, RowChange, StoredEvent, StreamWrite

Projection = Callable[[StoredEvent], Iterable[RowChange]]
"""A pure function from an event to the rows that it leaves in the read tables."""


class EventStore(Protocol):
    """An append-only log of events in streams, with the read tables that are folded from it."""

    async def append(
        self, stream: str, events: Sequence[NewEvent], expected_version: int | None = None
    ) -> tuple[StoredEvent, ...]:
        """Append `events` to one stream in one transaction; see `append_many`."""
        ...

    async def append_many(self, writes: Sequence[StreamWrite]) -> tuple[StoredEvent, ...]:
        """Append to several streams, all or nothing; fold the read tables in the same transaction.

        An event whose id is already stored in the same stream with the same kind is returned as it
        stands and not written again, whatever the expected version. A write without events is a
        condition: what is new here is stored only where that stream is at its expected version.

        Raises:
            VersionConflict: a stream has moved on from its expected version; nothing was written.
            EventIdTaken: the id belongs to another stream or kind.
            StoreUnavailable: the database did not answer; the same call may be repeated safely.
        """
        ...

    async def read_stream(self, stream: str, after_version: int = 0) -> tuple[StoredEvent, ...]:
        """Return the events of `stream` in order of version; an unknown stream has none."""
        ...

    def read_all(
        self, after_position: int = 0, *, event_types: Sequence[str] | None = None
    ) -> AsyncIterator[StoredEvent]:
        """Yield every event after `after_position` in global order, fetched in batches."""
        ...

    async def read_page(self, wanted: EventFilter, page: Page) -> tuple[StoredEvent, ...]:
        """Return the `page` of the events that are `wanted`, ordered by position.

        Whoever goes on after the last event of each page meets every event once.
        """
        ...

    async def head(self) -> int:
        """Return the position of the newest event, 0 where there is none."""
        ...

    def subscribe(self, after_position: int = 0) -> AsyncIterator[StoredEvent]:
        """Yield for ever the events after `after_position`, then each new one, whoever wrote it."""
        ...

    async def rows(
        self,
        table: str,
        *,
        where: dict[str, Any] | None = None,
        order_by: Sequence[str] = (),
        page: Page | None = None,
    ) -> tuple[dict[str, Any], ...]:
        """Return rows of the read table `table` whose columns equal `where`, ordered by `order_by`.

        A tuple in `where` stands for any of its members. The order is ascending, nulls last;
        without `order_by` there is none to rely on. A `page` is a part of it: whoever goes on
        after the last row of each meets every row once.

        Raises:
            UnknownTable: there is no such table or column.
        """
        ...

    async def count_rows(self, table: str, *, where: dict[str, Any] | None = None) -> int:
        """Return how many rows of the read table `table` have columns that equal `where`.

        Raises:
            UnknownTable: there is no such table or column.
        """
        ...

    async def count_rows_by(
        self, table: str, columns: Sequence[str], *, where: dict[str, Any] | None = None
    ) -> dict[tuple[Any, ...], int]:
        """Return how many such rows there are of each combination of values in `columns`.

        Raises:
            UnknownTable: there is no such table or column.
        """
        ...


class RawAnswers(Protocol):
    """Texts by their sha-256, kept beside the log for a time."""

    async def keep(self, sha256: str, answer: str, at: datetime) -> None:
        """Keep `answer`; keeping it again is harmless."""
        ...

    async def find(self, sha256s: Collection[str]) -> dict[str, str]:
        """Return those of the answers that are still there, by their sha-256."""
        ...


class Locks(Protocol):
    """Locks by name that are held as long as a context is open."""

    def exclusive(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Yield True if this process now holds `name`, False at once if somebody else does.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        ...
