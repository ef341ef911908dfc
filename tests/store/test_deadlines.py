"""A statement that takes too long ends as the library would end it, and one timer does for all."""

import asyncio
import select
from collections.abc import Callable

import asyncpg
import pytest

from store.deadlines import Deadlines, is_timeout
from store.pool import PooledConnection, StorePool, open_pool

SLEEP = "SELECT pg_sleep($1)"


@pytest.fixture
async def impatient(database_dsn: str) -> StorePool:
    """Return a pool of one connection, which knows the statement and waits for a moment only."""
    pool = await open_pool(database_dsn, min_size=1, max_size=1, command_timeout_seconds=0.1)
    await pool.fetchrow(SLEEP, 0)
    return pool


async def test_a_known_statement_that_takes_too_long_is_a_timeout(impatient: StorePool) -> None:
    with pytest.raises(TimeoutError):
        await impatient.fetchrow(SLEEP, 9)

    assert await _answers(impatient)


async def test_who_gives_a_time_of_his_own_waits_no_longer(database_dsn: str) -> None:
    pool = await open_pool(database_dsn, min_size=1, max_size=1, command_timeout_seconds=60)
    await pool.fetchrow(SLEEP, 0)

    with pytest.raises(TimeoutError):
        await pool.fetchrow(SLEEP, 9, timeout=0.05)

    assert await _answers(pool)


async def test_each_of_several_who_wait_is_timed_by_itself(database_dsn: str) -> None:
    pool = await open_pool(database_dsn, min_size=3, max_size=3, command_timeout_seconds=0.2)
    await asyncio.gather(*(pool.fetchrow(SLEEP, 0) for _ in range(3)))

    asked = [pool.fetchrow(SLEEP, seconds) for seconds in (9, 0.01, 9)]
    found = await asyncio.gather(*asked, return_exceptions=True)

    assert [isinstance(one, TimeoutError) for one in found] == [True, False, True]
    await pool.close()


async def test_a_task_that_somebody_else_cancels_is_cancelled(impatient: StorePool) -> None:
    asking = asyncio.ensure_future(impatient.fetchrow(SLEEP, 9))
    await asyncio.sleep(0)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert await _answers(impatient)


async def test_after_a_timeout_the_task_is_cancelled_no_more(impatient: StorePool) -> None:
    task = asyncio.current_task()
    assert task is not None

    with pytest.raises(TimeoutError):
        await impatient.fetchrow(SLEEP, 9)

    assert task.cancelling() == 0
    await asyncio.sleep(0)
    await impatient.close()


async def test_a_statement_whose_columns_have_changed_is_prepared_anew(
    impatient: StorePool,
) -> None:
    await impatient.execute("CREATE TABLE widened (a int); INSERT INTO widened VALUES (1)")
    before = await impatient.fetchrow("SELECT * FROM widened")
    await impatient.execute("ALTER TABLE widened ADD COLUMN b int DEFAULT 2")

    after = await impatient.fetchrow("SELECT * FROM widened")

    assert (tuple(before), tuple(after)) == ((1,), (1, 2))
    await impatient.close()


async def test_an_answer_that_came_while_the_program_stood_still_counts(
    impatient: StorePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with impatient.acquire() as connection:
        server = connection._con._transport.get_extra_info("socket")
    asking = asyncio.ensure_future(impatient.fetchrow(SLEEP, 0))
    await asyncio.sleep(0)

    select.select([server], [], [], 10)
    _pass_by(monkeypatch, seconds=9)

    assert len(await asking) == 1
    await impatient.close()


async def test_types_that_are_read_anew_are_not_cut_short(
    impatient: StorePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def reload(connection: PooledConnection) -> None:
        _pass_by(monkeypatch, seconds=9)
        await asyncio.sleep(0.001)
        await read_anew(connection)

    read_anew = PooledConnection.reload_schema_state
    monkeypatch.setattr(PooledConnection, "reload_schema_state", reload)
    await impatient.execute("CREATE TYPE pair AS (a int); CREATE TABLE pairs (one pair)")
    await impatient.execute("INSERT INTO pairs VALUES (ROW (1))")
    await impatient.fetchrow("SELECT one FROM pairs")
    await impatient.execute("ALTER TYPE pair ADD ATTRIBUTE b int")

    with pytest.raises(asyncpg.OutdatedSchemaCacheError):
        await impatient.fetchrow("SELECT one FROM pairs")

    assert tuple((await impatient.fetchrow("SELECT one FROM pairs"))[0]) == (1, None)
    await impatient.close()


async def test_many_statements_one_after_the_other_begin_one_timer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, begun = asyncio.get_running_loop(), list[float]()
    call_at: Callable[..., asyncio.TimerHandle] = loop.call_at

    def counted(at: float, *given: object) -> asyncio.TimerHandle:
        begun.append(at)
        return call_at(at, *given)

    monkeypatch.setattr(loop, "call_at", counted)
    deadlines = Deadlines(60)
    for _ in range(5):
        deadlines.end(deadlines.begin())

    assert len(begun) == 1


async def test_who_began_later_may_wait_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, deadlines = asyncio.get_running_loop(), Deadlines(10)
    now = [loop.time()]
    monkeypatch.setattr(loop, "time", lambda: now[0])

    async def wait() -> bool:
        waiting = deadlines.begin()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return is_timeout(waiting)
        return False

    async def pass_by(seconds: float) -> None:
        now[0] += seconds
        for _ in range(4):
            await asyncio.sleep(0)

    first = asyncio.create_task(wait())
    await pass_by(0)
    await pass_by(6)
    second = asyncio.create_task(wait())
    await pass_by(0)
    await pass_by(5)
    were_done = (first.done(), second.done())
    await pass_by(6)

    assert were_done == (True, False)
    assert (first.result(), second.result()) == (True, True)


async def test_without_a_deadline_nobody_is_late() -> None:
    deadlines = Deadlines(None)

    waiting = deadlines.begin()

    assert waiting is None
    assert not is_timeout(waiting)
    deadlines.end(waiting)


def _pass_by(monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> None:
    """Let the event loop find so much later than it is."""
    loop = asyncio.get_running_loop()
    time = loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + seconds)


async def _answers(pool: StorePool) -> bool:
    """Whether the pool still has its connection; closes it."""
    found = await pool.fetchrow("SELECT $1::int", 1)
    await pool.close()
    return bool(found[0] == 1)
