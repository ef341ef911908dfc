"""PostgreSQL killed under load (row D2): what was acknowledged is there, and writing goes on."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from store.databases import ensure_database
from store.errors import StoreUnavailable
from store.event_store import PostgresEventStore
from store.events import StoredEvent
from store.migrate import migrate
from store.pool import StorePool, open_pool
from store.projector import verify
from tests.store.builders import make_event
from tests.system.killed_server import KilledServer, killed_server

WRITERS = 8
KILLS = 3
EVENTS_BETWEEN = 60
LONGEST_RECOVERY_SECONDS = 10


class Load:
    """Writers that append for ever and repeat what they were told had failed."""

    def __init__(self, store: PostgresEventStore) -> None:
        self._store = store
        self.acknowledged: dict[int, StoredEvent] = {}
        self.failures = 0
        self._progress = asyncio.Condition()

    async def write(self, writer: int) -> None:
        number = 0
        while True:
            event = make_event(f"{writer}/{number}")
            try:
                (stored,) = await self._store.append(f"writer-{writer}", [event], number)
            except StoreUnavailable:
                self.failures += 1
                continue
            number += 1
            async with self._progress:
                self.acknowledged[stored.position] = stored
                self._progress.notify_all()

    async def more(self, count: int) -> None:
        """Wait until `count` further events are acknowledged."""
        wanted = len(self.acknowledged) + count
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.acknowledged) >= wanted)


@asynccontextmanager
async def under_load(store: PostgresEventStore) -> AsyncIterator[Load]:
    load = Load(store)
    writers = [asyncio.create_task(load.write(number)) for number in range(WRITERS)]
    try:
        yield load
    finally:
        for writer in writers:
            writer.cancel()
        ended = await asyncio.gather(*writers, return_exceptions=True)
    assert {type(end) for end in ended} == {asyncio.CancelledError}


@asynccontextmanager
async def fresh_pool(server: KilledServer) -> AsyncIterator[StorePool]:
    dsn = await ensure_database(server.dsn, "load")
    await migrate(dsn)
    pool = await open_pool(dsn, min_size=1, max_size=WRITERS, command_timeout_seconds=10)
    try:
        yield pool
    finally:
        await pool.close()


@pytest.mark.slow
async def test_a_server_killed_under_load_loses_nothing_that_was_acknowledged() -> None:
    recoveries = []
    with killed_server() as server:
        async with fresh_pool(server) as pool:
            store = PostgresEventStore(pool, lambda _: ())
            async with under_load(store) as load:
                for _ in range(KILLS):
                    await load.more(EVENTS_BETWEEN)
                    await asyncio.to_thread(server.kill)
                    died_at = time.monotonic()
                    await asyncio.to_thread(server.start)
                    await load.more(1)
                    recoveries.append(time.monotonic() - died_at)
                await load.more(EVENTS_BETWEEN)
            stored = {event.position: event async for event in store.read_all()}
            report = await verify(pool)

    assert server.kills == KILLS
    assert len(load.acknowledged) >= (KILLS + 1) * EVENTS_BETWEEN
    assert load.acknowledged.items() <= stored.items()
    assert len({event.event_id for event in stored.values()}) == len(stored)
    assert report.is_intact
    assert max(recoveries) <= LONGEST_RECOVERY_SECONDS
