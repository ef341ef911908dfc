"""What a server does before its first week, so that the week need not wait for it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import mcp
import pytest
from structlog.testing import capture_logs

from broker.errors import VenueUnreachable
from broker.models import Bar
from council.market.snapshot import take_snapshot
from council.ports import Deps
from mcp_server.readying import ready_for_weeks
from mcp_server.server import Serving, build_server
from mcp_server.wiring import App
from store.grants import LC_APPROVER, LC_EXEC, LC_MCP
from tests.builders import WEEK_ID
from tests.fakes import FakeMarketData, make_deps
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.test_tools import told


@dataclass
class BrokenPrices(FakeMarketData):
    """A source that raises `error` until it is `mended`."""

    error: Exception = field(default_factory=RuntimeError)
    mended: bool = False

    async def daily_bars(
        self, symbols: Sequence[str], start_on: date, end_on: date
    ) -> Mapping[str, tuple[Bar, ...]]:
        if not self.mended:
            raise self.error
        return await super().daily_bars(symbols, start_on, end_on)


@dataclass
class HangingHistory:
    """Market data whose history never comes; whether somebody waits for it, or has given up."""

    market_data: Any
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.market_data, name)

    async def daily_bars(self, *_: object) -> Mapping[str, tuple[Bar, ...]]:
        self.asked.set()
        try:
            return await asyncio.Future()
        finally:
            self.left.set()


def app_of(deps: Deps, role: str | None = None) -> App:
    """Return as much of an app as getting ready takes."""
    return cast("App", SimpleNamespace(deps=deps, role=role))


async def test_the_market_table_of_a_week_is_made_of_what_was_read_before() -> None:
    deps = make_deps()
    unprepared = make_deps()

    await ready_for_weeks(app_of(deps))
    asked = len(cast("FakeMarketData", deps.market_data).asked)
    taken = await take_snapshot(WEEK_ID, deps)

    assert asked == len(cast("FakeMarketData", deps.market_data).asked) == 1
    assert taken == await take_snapshot(WEEK_ID, unprepared)


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (VenueUnreachable("Market data does not answer."), "warning"),
        (ZeroDivisionError("An average of nothing."), "error"),
    ],
)
async def test_prices_that_do_not_come_now_are_read_when_a_week_needs_them(
    error: Exception, level: str
) -> None:
    source = BrokenPrices(make_deps().calendar, error=error)
    deps = make_deps(market_data=source)

    with capture_logs() as logged:
        await ready_for_weeks(app_of(deps))
    source.mended = True

    assert [(line["event"], line["log_level"]) for line in logged] == [
        ("week.not_made_ready", level)
    ]
    assert (await take_snapshot(WEEK_ID, deps)).instruments


@pytest.mark.parametrize(("role", "times"), [(LC_MCP, 1), (LC_EXEC, 0), (LC_APPROVER, 0)])
async def test_only_a_login_that_runs_weeks_gets_ready_for_them(role: str, times: int) -> None:
    deps = make_deps()

    await ready_for_weeks(app_of(deps, role))

    assert len(cast("FakeMarketData", deps.market_data).asked) == times


async def test_a_server_reads_the_history_beside_its_work_and_ends_without_it(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging: list[HangingHistory] = []
    built: list[object] = []
    monkeypatch.setattr("mcp_server.readying.build_models", built.append)

    @asynccontextmanager
    async def opened() -> AsyncIterator[App]:
        async with open_app() as app:
            hanging.append(HangingHistory(app.deps.market_data))
            deps = replace(app.deps, market_data=cast("Any", hanging[0]))
            yield replace(app, deps=deps)

    async with mcp.Client(build_server(opened)) as client:
        await told(client, "get_status")
        async with asyncio.timeout(15):
            await hanging[0].asked.wait()
        await told(client, "list_pending_trades")
        assert not hanging[0].left.is_set()

    assert hanging[0].left.is_set()
    # What keeps the loop to itself comes after what the work goes on beside.
    assert built == []


async def test_a_server_that_only_reads_gets_ready_for_nothing(open_app: OpenApp) -> None:
    async with open_app() as app:

        @asynccontextmanager
        async def opened() -> AsyncIterator[App]:
            yield app

        async with mcp.Client(build_server(opened, Serving(read_only=True))) as client:
            await told(client, "get_status")

        assert app.deps.remembered.bars == {}
