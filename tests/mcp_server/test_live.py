"""Open pages hear what any process stores, on a running server and real PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from config.errors import UnreachableError
from council.trading.approvals import Decider
from mcp_server import operations
from mcp_server.feeds import Rhythm
from mcp_server.host import Host
from mcp_server.readings import list_trades
from mcp_server.web import live
from mcp_server.web.live import Pace
from mcp_server.web.live_news import KINDS
from mcp_server.web.showing import count_waiting
from mcp_server.wiring import App
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.live_stream import Heard, Listener, listening_to
from tests.mcp_server.test_news import cut_listeners, listeners_become
from tests.mcp_server.web import listening, nothing

BY = Decider("tester", "cli", "local_user")
A_SECOND = 1.0
PATIENCE = 10
MANY = 12
"""Open pages; one subscription is enough for any number of them."""


Scene = tuple[int, App]


@dataclass(frozen=True, slots=True)
class Council:
    """A week whose six trades wait, which two processes may open."""

    open: OpenApp
    home: Path
    dsn: str

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Scene]:
        """Serve it; yields the port, and the app of another process."""
        host = Host(self.open, nothing)
        async with listening(self.home, host) as port, self.open() as other:
            yield port, other


@pytest.fixture
def council(open_week: OpenApp, tmp_path: Path, week_dsn: str) -> Council:
    return Council(open_week, tmp_path, week_dsn)


async def reject_one(app: App) -> None:
    trade = (await list_trades(app, status="pending"))[0]
    await operations.reject(app, trade.trade_id, BY, reason="Not this week.")


async def approve_one(app: App) -> None:
    trade = (await list_trades(app, status="pending"))[0]
    await operations.approve(app, trade.trade_id, BY, digest=trade.digest)


@asynccontextmanager
async def greeted(port: int) -> AsyncIterator[tuple[Listener, Heard]]:
    """Listen, and read what is told at once."""
    async with asyncio.timeout(PATIENCE), listening_to(port) as listener:
        yield listener, await listener.message()


async def test_an_approval_by_another_process_arrives_within_a_second(
    council: Council,
) -> None:
    async with council.served() as (port, other), greeted(port) as (listener, first):
        await approve_one(other)
        approved_at = time.monotonic()
        told = await listener.told("trades")
        took = time.monotonic() - approved_at

    assert took < A_SECOND
    assert (first.waiting, told.waiting) == (6, 5)
    assert {"trades", "week", "status", "events"} <= told.kinds
    assert "halts" not in told.kinds
    assert told.after == first.position < told.position


async def test_whoever_comes_back_hears_what_was_missed_and_nothing_else(
    council: Council,
) -> None:
    async with council.served() as (port, other), greeted(port) as (_, known):
        await reject_one(other)
        async with greeted(port) as (_, up_to_date):
            pass
        async with asyncio.timeout(PATIENCE), listening_to(port, last_id=known.position) as again:
            missed = await again.told("trades")
        late = up_to_date.position
        async with asyncio.timeout(PATIENCE), listening_to(port, last_id=late, after=0) as again:
            nothing_new = await again.message()

    assert (missed.after, missed.waiting) == (known.position, 5)
    assert "halts" not in missed.kinds
    assert nothing_new.kinds == frozenset()


async def test_a_page_hears_what_was_stored_between_its_reading_and_its_listening(
    council: Council,
) -> None:
    async with council.served() as (port, other):
        head = await other.deps.store.head()
        await reject_one(other)
        async with asyncio.timeout(PATIENCE), listening_to(port, after=head) as first:
            told = await first.told("trades")

    assert (told.after, told.waiting) == (head, 5)


async def test_whoever_missed_too_much_is_told_that_everything_changed(council: Council) -> None:
    async def kinds_after(last_id: str) -> frozenset[str]:
        async with client.stream("GET", "/live", headers={"Last-Event-ID": last_id}) as answer:
            return (await Listener(answer).message()).kinds

    async with council.served() as (port, _), greeted(port):
        address = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=address, timeout=PATIENCE) as client:
            told = await asyncio.gather(*map(kinds_after, ("0", "-1", "nonsense", "9" * 30)))

    assert told == [KINDS] * 4


async def test_many_pages_share_one_subscription_which_ends_with_the_last(
    council: Council,
) -> None:
    async with council.served() as (port, other), asyncio.timeout(60):
        async with AsyncExitStack() as stack:
            pages = [await stack.enter_async_context(listening_to(port)) for _ in range(MANY)]
            await asyncio.gather(*(page.message() for page in pages))
            assert await listeners_become(council.dsn, 1)
            await reject_one(other)
            told = await asyncio.gather(*(page.told("trades") for page in pages))
        gone = await listeners_become(council.dsn, 0)

    assert [heard.waiting for heard in told] == [5] * MANY
    assert gone


@pytest.mark.slow  # the part that all feeds have in common is tested with the news
async def test_a_lost_connection_to_the_database_is_opened_anew_and_nothing_is_missed(
    council: Council,
) -> None:
    async with council.served() as (port, other), greeted(port) as (listener, _):
        assert await listeners_become(council.dsn, 1)
        await cut_listeners(council.dsn)
        await reject_one(other)
        told = await listener.told("trades")

    assert told.waiting == 5


async def test_what_cannot_be_counted_yet_is_told_when_the_database_is_back(
    council: Council, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [1, 2]
    soon = Rhythm(window=timedelta(0), retry=timedelta(0))
    monkeypatch.setattr(live, "USUAL_PACE", Pace(soon))

    async def away_at_first(app: App) -> int:
        if failures:
            raise UnreachableError(f"The database does not answer: {failures.pop()}.")
        return await count_waiting(app)

    async with (
        council.served() as (port, other),
        greeted(port) as (listener, _),
    ):
        monkeypatch.setattr(live, "count_waiting", away_at_first)
        await reject_one(other)
        told = await listener.told("trades")

    assert (failures, told.waiting) == ([], 5)
