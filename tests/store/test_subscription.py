"""Following the log, between connections and between processes."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

import asyncpg
import pytest

from store.errors import StoreUnavailable
from store.event_store import PostgresEventStore
from store.events import StoredEvent
from store.pool import StorePool
from store.subscription import PostgresWake, SignalWake, follow
from tests.store.builders import generator, make_event, project_ledger

PATIENCE_SECONDS = 10
APPEND_ELSEWHERE = """
import asyncio, sys
from store.event_store import PostgresEventStore
from store.pool import open_pool
from tests.store.builders import generator, make_event

async def main():
    pool = await open_pool(sys.argv[1], min_size=1, max_size=1, command_timeout_seconds=10)
    await PostgresEventStore(pool, lambda _: ()).append("elsewhere", [make_event("elsewhere")])
    await pool.close()

asyncio.run(main())
"""
LISTENERS = """
SELECT pid FROM pg_stat_activity
WHERE query LIKE 'LISTEN%' AND datname = current_database()
"""


class TestSubscription:
    async def test_an_event_of_another_process_arrives_by_notification(
        self, postgres_store: PostgresEventStore, database_dsn: str
    ) -> None:
        async with subscribed(postgres_store) as events:
            waiting = asyncio.ensure_future(anext(events))
            writer = await asyncio.create_subprocess_exec(
                sys.executable, "-c", APPEND_ELSEWHERE, database_dsn
            )
            event = await asyncio.wait_for(waiting, PATIENCE_SECONDS)

        assert await writer.wait() == 0
        assert (event.stream, event.position) == ("elsewhere", 1)

    async def test_a_killed_connection_is_replaced_and_nothing_is_missed(
        self, pool: StorePool, postgres_store: PostgresEventStore
    ) -> None:
        async with subscribed(postgres_store) as events:
            await postgres_store.append("a", [make_event("1")])
            first = await asyncio.wait_for(anext(events), PATIENCE_SECONDS)
            waiting = asyncio.ensure_future(anext(events))
            (listener,) = await pool.fetch(LISTENERS)
            await pool.execute("SELECT pg_terminate_backend($1)", listener["pid"])
            await postgres_store.append("a", [make_event("2")])
            second = await asyncio.wait_for(waiting, PATIENCE_SECONDS)
            waiting = asyncio.ensure_future(anext(events))
            await postgres_store.append("a", [make_event("3")])
            third = await asyncio.wait_for(waiting, PATIENCE_SECONDS)

        assert [first.position, second.position, third.position] == [1, 2, 3]

    async def test_a_lost_notification_is_made_good_by_looking(
        self, pool: StorePool, database_dsn: str
    ) -> None:
        store = PostgresEventStore(pool, project_ledger, poll_seconds=0.05)
        async with subscribed(store) as events:
            waiting = asyncio.ensure_future(anext(events))
            deaf = await asyncpg.connect(database_dsn)
            listeners = await _until_somebody_listens(deaf)
            await deaf.execute(
                "CREATE OR REPLACE FUNCTION public.pg_notify(text, text) RETURNS void"
                " LANGUAGE sql AS ''"
            )
            for function in ("append_event", "append_events"):
                await deaf.execute(
                    f"ALTER FUNCTION {function} SET search_path = public, pg_catalog, pg_temp"
                )
            await deaf.close()
            await store.append("a", [make_event("1")])
            event = await asyncio.wait_for(waiting, PATIENCE_SECONDS)

        assert len(listeners) == 1
        assert event.position == 1

    async def test_the_listening_connection_is_closed_with_the_subscription(
        self, pool: StorePool, postgres_store: PostgresEventStore
    ) -> None:
        await postgres_store.append("a", [make_event("1")])
        async with subscribed(postgres_store) as events:
            await anext(events)
            during = await pool.fetch(LISTENERS)

        async with asyncio.timeout(PATIENCE_SECONDS):
            while await pool.fetch(LISTENERS):
                pass

        assert len(during) == 1

    async def test_a_database_that_is_away_for_a_while_is_waited_for(self) -> None:
        answers = [StoreUnavailable("away"), StoreUnavailable("away"), None]

        async def read_all(after: int) -> AsyncIterator[StoredEvent]:
            if (answer := answers.pop(0)) is not None:
                raise answer
            yield cast(StoredEvent, _Position(after + 1))

        waiting = follow(read_all, SignalWake(), after_position=4, poll_seconds=0.001)
        async with aclosing(waiting) as events:
            event = await asyncio.wait_for(anext(events), PATIENCE_SECONDS)

        assert event.position == 5
        assert answers == []

    async def test_a_connection_that_could_not_listen_is_not_taken_for_one_that_does(self) -> None:
        connections = [_Deaf(answers=False), _Deaf(answers=True)]
        opened = iter(connections)

        async def connect() -> Any:
            return next(opened)

        wake = PostgresWake(connect)
        with pytest.raises(StoreUnavailable):
            await wake.listen()
        await wake.listen()

        assert [connection.is_listening for connection in connections] == [False, True]
        assert connections[0].is_closed()


class _Deaf:
    """A connection whose LISTEN may get no answer in time, though it stays open."""

    def __init__(self, *, answers: bool) -> None:
        self.is_listening = False
        self._answers = answers
        self._is_closed = False

    def is_closed(self) -> bool:
        return self._is_closed

    def add_termination_listener(self, _: object) -> None:
        """Nobody ends it."""

    def remove_termination_listener(self, _: object) -> None:
        """Nobody ends it."""

    async def add_listener(self, _: str, __: object) -> None:
        if not self._answers:
            raise TimeoutError
        self.is_listening = True

    def terminate(self) -> None:
        self._is_closed = True


async def _until_somebody_listens(connection: Any) -> list[Any]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await connection.fetch(LISTENERS)):
            pass
    return list(found)


class _Position:
    def __init__(self, position: int) -> None:
        self.position = position


def subscribed(store: PostgresEventStore) -> aclosing[Any]:
    return aclosing(generator(store.subscribe()))


@pytest.mark.parametrize("turns", range(4))
async def test_who_is_cancelled_as_the_signal_comes_stays_cancelled(turns: int) -> None:
    wake = SignalWake()
    waiting = asyncio.create_task(wake.wait(60))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    wake.signal()
    for _ in range(turns):
        await asyncio.sleep(0)
    was_still_waiting = waiting.cancel()
    await asyncio.wait((waiting,))

    assert waiting.cancelled() is was_still_waiting
