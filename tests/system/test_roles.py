"""A whole small week by three processes, each with the login of its own database role."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from config.clock import VirtualClock
from config.market_calendar import xnys
from config.weeks import current_week
from council.checkpoints import run_checkpoint
from council.trade_facts import TradeApproved
from council.trading.approvals import Decider
from mcp_server import operations
from mcp_server.wiring import App, Terms, assembled
from store.errors import NotGranted
from store.grants import ROLES
from store.projector import verify
from tests.builders import NOW
from tests.mcp_server.conftest import settings_for
from tests.store.roles import with_roles

ANNA = Decider("anna", "cli", "local_user")
MODEL = Decider("a model", "tool", "client_relayed")


@dataclass(frozen=True)
class Council:
    """Three processes on one database, at one time."""

    server: App
    page: App
    executor: App
    clock: VirtualClock


@asynccontextmanager
async def council(dsn: str, home: Path) -> AsyncIterator[Council]:
    addresses, clock = await with_roles(dsn, "conversational"), VirtualClock(NOW)
    async with AsyncExitStack() as stack:
        server, page, executor = [
            await stack.enter_async_context(
                assembled(settings_for(addresses[role], home), Terms(clock=clock))
            )
            for role in ROLES
        ]
        yield Council(server, page, executor, clock)


@pytest.mark.slow
async def test_three_roles_carry_a_week_from_its_start_to_its_postmortem(
    database_dsn: str, tmp_path: Path
) -> None:
    async with council(database_dsn, tmp_path) as its:
        server, deps = its.server, its.server.deps
        week = current_week(NOW, xnys(), deps.config.schedule)

        proposed = await operations.run_until(
            server, "propose", week_id=week.week_id, query="What now?"
        )
        first, second, *others = (trade for trade in proposed.trades if trade.legs)
        await operations.reject(server, first.trade_id, MODEL, reason="No.")
        with pytest.raises(NotGranted, match="may not append TradeApproved"):
            await operations.approve(server, second.trade_id, ANNA)
        for trade in (second, *others):
            await operations.approve(its.page, trade.trade_id, ANNA)
        tried = await operations.execute(its.server, ())
        sent = await operations.execute(its.executor, ())
        its.clock.advance_to(NOW + timedelta(days=1))
        await run_checkpoint(week.week_id, deps, slot="09:00")
        its.clock.advance_to(week.ends_at + timedelta(hours=1))
        await operations.write_postmortem(server, week.week_id)

        assert all("may not append" in one.message for one in tried.results)
        legs = [leg for own in sent.trades if own.status != "rejected" for leg in own.legs]
        assert legs
        assert {leg.status for leg in legs} == {"filled"}
        assert (await verify(server.pool)).is_intact
        assert await _approvers(server) == {"anna"}
        assert await operations.postmortem(server, week.week_id)


async def _approvers(app: App) -> set[str]:
    kinds = (TradeApproved.__name__,)
    return {e.payload["approver"] async for e in app.deps.store.read_all(event_types=kinds)}
