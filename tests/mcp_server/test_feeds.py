"""Following the log: what breaks is begun anew, and the end is one, whatever breaks with it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import structlog

from config.clock import Clock, SystemClock
from config.errors import UnreachableError
from mcp_server.feeds import Feed, Rhythm
from mcp_server.host import Host

PATIENCE = 5
AWAY = UnreachableError("The database does not answer.")


class Following(Feed[object]):
    """A feed that gathers nothing."""

    async def _begin(self, app: Any, began_at: datetime) -> int:
        return 0

    def _gather(self, app: Any, event: Any) -> None:
        """Forget it."""

    async def _tell(self, app: Any) -> None:
        """Tell nobody."""


class CountingClock(SystemClock):
    """A clock on which sleeps take one turn of the loop; it tells of the twentieth."""

    def __init__(self) -> None:
        self.sleeps, self.many = 0, asyncio.Event()

    async def sleep(self, duration: timedelta) -> None:
        self.sleeps += 1
        if self.sleeps == 20:
            self.many.set()
        await asyncio.sleep(0)


def feed_of(subscribe: Any, clock: Clock) -> Following:
    """Return a feed on a log of which only the subscription is there."""
    app = SimpleNamespace(deps=SimpleNamespace(store=SimpleNamespace(subscribe=subscribe)))

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Any, None]:
        yield app

    async def nothing(*_: object) -> None:
        return None

    return Following(Host(cast("Any", opened), nothing), clock, Rhythm(timedelta(0), timedelta(0)))


async def test_a_database_that_breaks_as_the_feed_ends_does_not_keep_it_alive() -> None:
    followed, left = asyncio.Event(), asyncio.Event()

    async def subscribe(_: int) -> AsyncGenerator[Any, None]:
        followed.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
            raise AWAY
        yield

    feed = feed_of(subscribe, CountingClock())
    feed.join(object())
    await followed.wait()

    async with asyncio.timeout(PATIENCE):
        await feed.aclose()

    assert left.is_set()


async def test_a_database_that_stays_away_is_spoken_of_once() -> None:
    clock = CountingClock()

    async def subscribe(_: int) -> AsyncGenerator[Any, None]:
        raise AWAY
        yield

    feed = feed_of(subscribe, clock)
    with structlog.testing.capture_logs() as lines:
        feed.join(object())
        async with asyncio.timeout(PATIENCE):
            await clock.many.wait()
        await feed.aclose()

    assert [line["event"] for line in lines] == ["feed.broke"]
