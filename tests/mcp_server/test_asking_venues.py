"""How often venues are asked for how things stand: by one for all who ask, and anew after news."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from broker.ports import Venue
from council.trading.approvals import Decider
from mcp_server import operations
from mcp_server.host import Host
from mcp_server.readings import list_trades
from mcp_server.tools.overview import status_answer
from mcp_server.wiring import App
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.web import nothing

BY = Decider("tester", "cli", "local_user")


class Counted:
    """A venue that counts how often its account is asked for."""

    def __init__(self, name: str, venue: Venue, asked: Counter[str]) -> None:
        self._name, self._venue, self._asked = name, venue, asked

    async def account(self) -> Any:
        self._asked[self._name] += 1
        return await self._venue.account()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)


def counting(app: App, asked: Counter[str]) -> App:
    desks = {
        name: replace(desk, venue=Counted(name, desk.venue, asked))
        for name, desk in app.deps.desks.items()
    }
    return replace(app, deps=replace(app.deps, desks=desks))


@asynccontextmanager
async def hosting(app: App) -> AsyncIterator[Host]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[App]:
        yield app

    host = Host(opened, nothing, reads_only=True)
    try:
        yield host
    finally:
        await host.aclose()


async def test_one_asks_the_venues_for_all_who_ask_meanwhile_or_soon_after(
    open_week: OpenApp,
) -> None:
    asked: Counter[str] = Counter()
    async with open_week() as app, hosting(counting(app, asked)) as host:
        answers = await asyncio.gather(*(status_answer(host) for _ in range(3)))
        answers.append(await status_answer(host))

        assert asked == dict.fromkeys(app.deps.desks, 1)
        assert answers[1:] == answers[:-1]


async def test_after_a_decision_every_venue_is_asked_anew(open_week: OpenApp) -> None:
    asked: Counter[str] = Counter()
    async with open_week() as app, hosting(counting(app, asked)) as host:
        before = await status_answer(host)
        trade = (await list_trades(app, status="pending"))[0]
        await operations.reject(app, trade.trade_id, BY, reason="Not this week.")
        after = await status_answer(host)

    assert asked == dict.fromkeys(app.deps.desks, 2)
    assert (before.pending, after.pending) == (6, 5)
