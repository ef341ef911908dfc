"""Locks by name: one holder at a time, within a process and between them, on one connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing

import asyncpg
import pytest

from store.errors import StoreUnavailable
from store.locks import Locks, MemoryLocks, PostgresLocks, lock_key
from tests.conftest import run_apart

HELD_HERE = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND database = (
    SELECT oid FROM pg_database WHERE datname = current_database()
)
"""
SESSIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
KILL_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
async def postgres_locks(database_dsn: str) -> AsyncIterator[PostgresLocks]:
    async with aclosing(PostgresLocks(database_dsn)) as locks:
        yield locks


@pytest.fixture
async def elsewhere(database_dsn: str) -> AsyncIterator[PostgresLocks]:
    """Return the locks as another process sees them."""
    async with aclosing(PostgresLocks(database_dsn)) as locks:
        yield locks


@pytest.fixture
async def watcher(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_dsn)
    yield connection
    await connection.close()


@pytest.fixture(params=["postgres", "memory"])
def locks(request: pytest.FixtureRequest) -> Locks:
    if request.param == "memory":
        return MemoryLocks()
    found: Locks = request.getfixturevalue("postgres_locks")
    return found


class TestEveryImplementation:
    async def test_a_lock_is_held_by_one_at_a_time(self, locks: Locks) -> None:
        async with (
            locks.exclusive("week-1") as first,
            locks.exclusive("week-1") as second,
            locks.exclusive("week-2") as other,
        ):
            held = (first, second, other)

        assert held == (True, False, True)

    async def test_a_lock_is_free_again_afterwards_and_after_a_failure(self, locks: Locks) -> None:
        async with locks.exclusive("week-1"):
            pass
        with pytest.raises(RuntimeError):
            async with locks.exclusive("week-1"):
                raise RuntimeError

        async with locks.exclusive("week-1") as held:
            assert held

    async def test_one_who_did_not_get_it_does_not_free_it(self, locks: Locks) -> None:
        async with locks.exclusive("week-1"):
            async with locks.exclusive("week-1"):
                pass
            async with locks.exclusive("week-1") as third:
                pass

        assert third is False

    async def test_of_many_at_once_one_gets_it(self, locks: Locks) -> None:
        everyone_asked = asyncio.Barrier(20)

        async def contend() -> bool:
            async with locks.exclusive("week-1") as held:
                await everyone_asked.wait()
                return held

        assert sum(await asyncio.gather(*(contend() for _ in range(20)))) == 1


async def test_another_process_is_kept_out_and_let_in_afterwards(
    postgres_locks: PostgresLocks, elsewhere: PostgresLocks
) -> None:
    async with postgres_locks.exclusive("week-1"), elsewhere.exclusive("week-1") as during:
        pass
    async with elsewhere.exclusive("week-1") as after:
        pass

    assert (during, after) == (False, True)


async def test_six_hundred_locks_need_one_connection(
    postgres_locks: PostgresLocks, watcher: asyncpg.Connection
) -> None:
    async with AsyncExitStack() as stack:
        contexts = [postgres_locks.exclusive(f"executor-{n}") for n in range(600)]
        held = [await stack.enter_async_context(context) for context in contexts]
        during = (await watcher.fetchval(HELD_HERE), await watcher.fetchval(SESSIONS))
    after = await watcher.fetchval(HELD_HERE)

    assert all(held)
    assert during == (600, 1)
    assert after == 0


async def test_after_a_killed_connection_locks_are_had_again_on_a_new_one(
    postgres_locks: PostgresLocks, elsewhere: PostgresLocks, watcher: asyncpg.Connection
) -> None:
    async with postgres_locks.exclusive("week-1") as first:
        await watcher.fetch(KILL_OTHERS)
        async with postgres_locks.exclusive("week-2") as second:
            async with elsewhere.exclusive("week-1") as lost:
                pass
            async with elsewhere.exclusive("week-2") as kept:
                pass
    async with postgres_locks.exclusive("week-1") as again:
        pass

    assert (first, second, again) == (True, True, True)
    assert (lost, kept) == (True, False)


async def test_a_connection_that_dies_unnoticed_costs_a_second_try_and_no_error(
    postgres_locks: PostgresLocks, database_dsn: str
) -> None:
    async def kill() -> None:
        connection = await asyncpg.connect(database_dsn)
        await connection.fetch(KILL_OTHERS)
        await connection.close()

    async with postgres_locks.exclusive("week-1"):
        pass
    run_apart(kill)

    async with postgres_locks.exclusive("week-1") as held:
        assert held


async def test_a_holder_whose_connection_died_ends_without_an_error(
    postgres_locks: PostgresLocks, watcher: asyncpg.Connection
) -> None:
    async with postgres_locks.exclusive("week-1"):
        await watcher.fetch(KILL_OTHERS)

    async with postgres_locks.exclusive("week-1") as again:
        assert again


@pytest.mark.parametrize("turns", range(8))
async def test_who_is_interrupted_anywhere_leaves_no_lock_behind(
    postgres_locks: PostgresLocks, elsewhere: PostgresLocks, turns: int
) -> None:
    async def hold() -> None:
        async with postgres_locks.exclusive("week-1"):
            await asyncio.sleep(0)

    async with postgres_locks.exclusive("warm"):
        pass
    holding = asyncio.create_task(hold())
    for _ in range(turns):
        await asyncio.sleep(0)
    holding.cancel()
    await asyncio.wait([holding])

    async with postgres_locks.exclusive("week-1") as here:
        pass
    async with elsewhere.exclusive("week-1") as there:
        pass
    assert (here, there) == (True, True)


async def test_closing_frees_what_is_held_and_may_be_repeated(
    postgres_locks: PostgresLocks, watcher: asyncpg.Connection
) -> None:
    async with postgres_locks.exclusive("week-1"):
        assert await watcher.fetchval(HELD_HERE) == 1
        await postgres_locks.aclose()
        await postgres_locks.aclose()

    async with asyncio.timeout(10):
        while await watcher.fetchval(SESSIONS):
            pass
    assert await watcher.fetchval(HELD_HERE) == 0


async def test_a_database_that_does_not_answer_is_said_and_the_name_stays_free() -> None:
    locks = PostgresLocks("postgresql://nobody@127.0.0.1:9/none")
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            async with locks.exclusive("week-1"):
                pass


def test_a_lock_has_the_same_number_everywhere() -> None:
    assert lock_key("week-2026-11-18") == lock_key("week-2026-11-18")
    assert -(2**63) <= lock_key("x") < 2**63
