"""Folding a long log into empty read tables: of a batch only what it leaves of each row is written.

Reading and folding the next batches goes on while the database writes the one before them: a short
log is folded here, the parts of a long one by processes beside this one.
"""

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any, Final

import asyncpg

from store.event_store import COLUMNS
from store.events import TextEvent
from store.ports import Projection
from store.row_batches import RowBatch
from store.row_writing import RowWriter

FOLD_BATCH: Final = 5_000
"""Events that are read, folded and written together."""
_BREATH: Final = 100
"""Events folded before what is being read and written gets a turn."""

EVENTS: Final = (
    f"SELECT {COLUMNS.replace('payload', 'payload::text')} FROM events "  # noqa: S608 - constants only
    "WHERE event_type <> ALL ($1::text[]) ORDER BY position"
)


async def fold_all(
    reader: asyncpg.Connection,
    rows: RowWriter,
    project: Projection,
    *,
    rowless: Collection[str] = (),
) -> None:
    """Fold the log that `reader` sees in its transaction into `rows`.

    Events of the kinds `rowless` are not even read.
    """
    async with aclosing(_batches(reader, rowless)) as batches:
        with uncollected():
            await _fold_batches(batches, rows, project)


async def _fold_batches(
    batches: AsyncIterator[list[asyncpg.Record]], rows: RowWriter, project: Projection
) -> None:
    writing: asyncio.Task[None] | None = None
    try:
        async for events in batches:
            batch = await folded(events, project)
            if writing is not None:
                await writing
            writing = asyncio.create_task(_write(batch, rows))
        if writing is not None:
            await writing
    finally:
        if writing is not None:
            await _stop(writing)


async def _write(batch: RowBatch, rows: RowWriter) -> None:
    tables = await rows.tables()
    for leavings in batch.leavings(tables):
        await rows.write(leavings)


async def _stop(task: asyncio.Future[Any]) -> None:
    """Leave nothing of `task` under way on its connection."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the collector of cycles away: walking through batches without any takes a tenth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


async def _batches(
    connection: asyncpg.Connection, rowless: Collection[str]
) -> AsyncGenerator[list[asyncpg.Record], None]:
    cursor = await connection.cursor(EVENTS, list(rowless))
    coming = asyncio.ensure_future(cursor.fetch(FOLD_BATCH))
    try:
        while records := await coming:
            # The database reads on while these are folded.
            coming = asyncio.ensure_future(cursor.fetch(FOLD_BATCH))
            yield records
    finally:
        await _stop(coming)


async def folded(records: Sequence[asyncpg.Record], project: Projection) -> RowBatch:
    """Return what the events in `records` leave together."""
    batch = RowBatch()
    for count, record in enumerate(records):
        if count % _BREATH == 0:
            await asyncio.sleep(0)
        batch.add(project(TextEvent._make(record)))
    return batch
