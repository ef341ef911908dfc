"""Clients that listen hear of what any process stores, on real PostgreSQL."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import mcp
import pytest
from mcp.client.subscriptions import ListenNotSupportedError, Subscription
from mcp.server.subscriptions import ResourceUpdated

from config.clock import SystemClock
from config.errors import UnreachableError
from council.trading.approvals import Decider
from mcp_server import news, operations
from mcp_server.host import Host
from mcp_server.news import News
from mcp_server.readings import list_trades
from mcp_server.server import Serving, build_server
from mcp_server.serving_host import remember_host
from mcp_server.wiring import App
from tests.mcp_server.conftest import OpenApp

BY = Decider("tester", "cli", "local_user")
STATUS = "council://status"
PATIENCE = 10
LISTENERS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
)


@pytest.fixture(autouse=True)
def _short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "WINDOW", timedelta(milliseconds=20))
    monkeypatch.setattr(news, "RETRY", timedelta(milliseconds=20))


async def heard(subscription: Subscription, *uris: str) -> set[str]:
    """Return what was told until all of `uris` were."""
    told: set[str] = set()
    async with asyncio.timeout(PATIENCE):
        while not told >= set(uris):
            told.add(cast(ResourceUpdated, await anext(subscription)).uri)
    return told


async def proposed_week(open_app: OpenApp) -> tuple[str, str]:
    """Run the week in another process's stead; return it with the id of its first trade."""
    async with open_app() as app:
        week_id = operations.week_in_force(app)
        await operations.run_until(app, "propose", week_id=week_id, query=None)
        return week_id, (await list_trades(app))[0].trade_id


async def test_a_week_that_another_process_runs_is_told_to_whoever_listens(
    open_app: OpenApp,
) -> None:
    async with open_app() as other:
        week_id = operations.week_in_force(other)
        wanted = (STATUS, f"council://weeks/{week_id}", f"council://runs/run-{week_id}")
        uris = (*wanted, "council://weeks/current", f"council://runs/run-{week_id}-pitch")
        async with (
            mcp.Client(build_server(open_app)) as client,
            client.listen(resource_subscriptions=uris) as listening,
        ):
            await operations.run_step(other, "research", week_id=week_id, query=None)
            told = await heard(listening, *uris)
            page = await client.read_resource(f"council://weeks/{week_id}")

    assert told == set(uris)
    assert "2 packs" in page.contents[0].text  # type: ignore[union-attr]  # ours are all text


async def test_a_trade_is_told_of_when_another_process_decides_on_it(open_week: OpenApp) -> None:
    week_id, trade_id = await proposed_week(open_week)
    uris = (f"council://trades/{trade_id}", f"council://weeks/{week_id}", STATUS)

    async with (
        mcp.Client(build_server(open_week)) as client,
        client.listen(resource_subscriptions=uris) as listening,
        open_week() as other,
    ):
        await operations.reject(other, trade_id, BY, reason="Not this week.")
        told = await heard(listening, *uris)

    assert told == set(uris)


async def test_what_nobody_asked_for_is_told_to_nobody(open_week: OpenApp) -> None:
    week_id, trade_id = await proposed_week(open_week)
    other_trade = f"council://trades/{week_id}"

    async with (
        mcp.Client(build_server(open_week)) as client,
        client.listen(resource_subscriptions=[other_trade, STATUS]) as listening,
        open_week() as other,
    ):
        await operations.reject(other, trade_id, BY, reason="Not this week.")
        told = await heard(listening, STATUS)

    assert told == {STATUS}


async def test_a_lost_connection_is_opened_anew_and_nothing_is_missed(
    open_week: OpenApp, week_dsn: str
) -> None:
    _, trade_id = await proposed_week(open_week)
    uri = f"council://trades/{trade_id}"

    # Where orders are sent the executor listens besides: who was cut would not be known.
    async with (
        mcp.Client(build_server(open_week, Serving(read_only=True))) as client,
        client.listen(resource_subscriptions=[uri]) as listening,
        open_week() as other,
    ):
        assert await listeners_become(week_dsn, 1)
        await cut_listeners(week_dsn)
        await operations.reject(other, trade_id, BY, reason="Not this week.")
        told = await heard(listening, uri)

    assert told == {uri}


async def test_the_log_is_followed_only_while_somebody_listens(
    open_app: OpenApp, database_dsn: str
) -> None:
    # Where orders are sent the executor listens besides, for as long as the server runs.
    async with mcp.Client(build_server(open_app, Serving(read_only=True))) as client:
        await client.call_tool("get_status")
        assert await listeners_become(database_dsn, 0)
        async with (
            client.listen(resource_subscriptions=[STATUS]),
            client.listen(resource_subscriptions=[STATUS]),
        ):
            assert await listeners_become(database_dsn, 1)
        assert await listeners_become(database_dsn, 0)
        async with client.listen(resource_subscriptions=[STATUS]):
            assert await listeners_become(database_dsn, 1)
    assert await listeners_become(database_dsn, 0)


async def listeners_become(dsn: str, count: int) -> bool:
    """Wait, by asking, until so many connections listen; return whether they ever did."""
    connection = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(PATIENCE):
            while await connection.fetchval(LISTENERS) != count:
                pass
    except TimeoutError:
        return False
    finally:
        await connection.close()
    return True


async def cut_listeners(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        cut = LISTENERS.replace("count(*)", "pg_terminate_backend(pid)")
        await connection.fetch(cut)
    finally:
        await connection.close()


async def test_a_client_of_the_older_era_is_told_that_it_cannot_listen(open_app: OpenApp) -> None:
    async with mcp.Client(build_server(open_app), mode="legacy") as client:
        with pytest.raises(ListenNotSupportedError):
            async with client.listen(resource_subscriptions=[STATUS]):
                pass


async def test_what_cannot_be_opened_is_tried_anew_while_somebody_listens(
    open_week: OpenApp,
) -> None:
    _, trade_id = await proposed_week(open_week)
    uri, failures = f"council://trades/{trade_id}", [1, 2]

    @asynccontextmanager
    async def at_the_third_try() -> AsyncIterator[App]:
        if failures:
            raise UnreachableError(f"The database does not answer: {failures.pop()}.")
        async with open_week() as app:
            yield app

    async with (
        mcp.Client(build_server(at_the_third_try)) as client,
        client.listen(resource_subscriptions=[uri]) as listening,
        open_week() as other,
    ):
        await operations.reject(other, trade_id, BY, reason="Not this week.")
        told = await heard(listening, uri)

    assert told == {uri}


class GatedClock(SystemClock):
    """A clock on which a sleep ends only when it is told to."""

    def __init__(self) -> None:
        self.windows, self._asleep, self._over = 0, asyncio.Event(), asyncio.Event()

    async def sleep(self, duration: timedelta) -> None:
        self._over.clear()
        self._asleep.set()
        await self._over.wait()

    async def end_window(self) -> None:
        await self._asleep.wait()
        self._asleep.clear()
        self.windows += 1
        self._over.set()
        await asyncio.sleep(0)


async def test_a_resource_is_told_of_once_a_window_however_often_it_changes(
    open_app: OpenApp,
) -> None:
    clock, told = GatedClock(), list[str]()
    bus, host = News(clock), Host(open_app, operations.execute_in_background)
    leave = await joined(bus, host, told)
    week_id, trade_id = await proposed_week(open_app)

    async with asyncio.timeout(PATIENCE):
        while f"council://trades/{trade_id}" not in told:
            await clock.end_window()
    leave()
    await bus.leave(host)
    async with open_app() as app:
        events = [event async for event in app.deps.store.read_all()]
    await host.aclose()

    stored = sum(event.stream.startswith(("week-", "trade-")) for event in events)
    assert stored > 30
    assert clock.windows < 5
    assert max(Counter(told).values()) <= clock.windows
    assert told.count(f"council://weeks/{week_id}") >= 1


async def joined(bus: News, host: Host, told: list[str]) -> Callable[[], None]:
    """Listen within a request that `host` answers, as the SDK does."""
    leaving: list[Callable[[], None]] = []

    async def listen(_: Any) -> None:
        leaving.append(bus.subscribe(lambda event: told.append(cast(ResourceUpdated, event).uri)))

    request = cast(Any, SimpleNamespace(lifespan_context=host))
    await remember_host(request, listen)
    return leaving[0]
