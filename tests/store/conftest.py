"""A pool on a fresh database that also has the ledger of the builders."""

from collections.abc import AsyncIterator

import pytest

from store.event_store import PostgresEventStore
from store.memory import MemoryEventStore
from store.pool import StorePool, open_pool
from store.ports import EventStore
from store.remembering import RememberingEventStore
from tests.store.builders import LEDGER, project_ledger


@pytest.fixture
async def pool(database_dsn: str) -> AsyncIterator[StorePool]:
    opened = await open_pool(database_dsn, min_size=1, max_size=4, command_timeout_seconds=10)
    await opened.execute(LEDGER)
    yield opened
    await opened.close()


@pytest.fixture
def postgres_store(pool: StorePool) -> PostgresEventStore:
    return PostgresEventStore(pool, project_ledger)


@pytest.fixture
def remembering_store(pool: StorePool) -> RememberingEventStore:
    return RememberingEventStore(pool, project_ledger)


@pytest.fixture
def alone_store(pool: StorePool) -> PostgresEventStore:
    return PostgresEventStore(pool, project_ledger, rowless={"Noted"})


@pytest.fixture(params=["postgres", "alone", "memory", "remembering"])
def store(request: pytest.FixtureRequest) -> EventStore:
    if request.param == "memory":
        return MemoryEventStore(project_ledger, tables=("ledger",))
    if request.param == "remembering":
        remembering: EventStore = request.getfixturevalue("remembering_store")
        return remembering
    if request.param == "alone":
        alone: EventStore = request.getfixturevalue("alone_store")
        return alone
    found: EventStore = request.getfixturevalue("postgres_store")
    return found
