"""Runs that outlive their process: whoever follows one carries it on, and nothing is paid twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import mcp
import pytest
from mcp.server.mcpserver.exceptions import ToolError

from config.clock import FixedClock
from config.settings import Settings
from council.trading.approvals import Decider
from mcp_server import operations
from mcp_server.host import Host
from mcp_server.progress import Journey
from mcp_server.server import build_server
from mcp_server.tools import following
from mcp_server.tools.following import Reached, Run
from mcp_server.tools.serving import saying
from mcp_server.wiring import App, Terms, assembled
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.test_progress import Heard
from tests.mcp_server.test_tools import finished, refused, told

BY = Decider("tester", "cli", "local_user")
SATURDAY = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def begun(open_app: OpenApp) -> str:
    """Let a process store the week's research and end; return the week."""
    async with open_app() as app:
        week_id = operations.week_in_force(app)
        await operations.run_step(app, "research", week_id=week_id, query=None)
    return week_id


async def model_calls(app: App, week_id: str) -> list[str]:
    calls = await app.deps.store.read_stream(f"llm-{week_id}")
    return [event.payload["call_id"] for event in calls if event.event_type == "ModelCalled"]


async def test_a_run_whose_process_has_ended_is_carried_on_by_whoever_follows_it(
    open_app: OpenApp,
) -> None:
    week_id = await begun(open_app)

    async with mcp.Client(build_server(open_app)) as client:
        followed = await told(client, "get_run", run_id=f"run-{week_id}", wait_seconds=20)
        run = await finished(client, followed)
    async with open_app() as app:
        calls = await model_calls(app, week_id)

    assert len(run["trades"]) == 6
    assert len(calls) == len(set(calls)) == 13


async def test_a_step_is_carried_on_as_that_step_alone(open_app: OpenApp) -> None:
    week_id = await begun(open_app)

    async with mcp.Client(build_server(open_app)) as client:
        run_id = f"run-{week_id}-pitch"
        run = await finished(client, await told(client, "get_run", run_id=run_id))

    assert run["run_id"] == run_id
    assert run["completed"] == ["snapshot", "research", "pitch"]
    assert "peer_review" in run["next_step"]


async def test_following_a_week_that_has_not_begun_begins_nothing(open_app: OpenApp) -> None:
    async with open_app() as app:
        week_id = operations.week_in_force(app)

    async with mcp.Client(build_server(open_app)) as client:
        run = await told(client, "get_run", run_id=f"run-{week_id}", wait_seconds=20)
    async with open_app() as app:
        stored = await app.deps.store.read_stream(f"week-{week_id}")

    assert (run["state"], stored) == ("unfinished", ())
    assert "run_weekly" in run["next_step"]


async def test_a_week_that_another_process_runs_is_running_and_then_carried_on(
    open_app: OpenApp,
) -> None:
    week_id = await begun(open_app)

    async with mcp.Client(build_server(open_app)) as client, open_app() as other:
        async with other.deps.locks.exclusive(f"week-{week_id}"):
            asked = await told(client, "run_weekly")
            followed = await told(client, "get_run", run_id=asked["run_id"], wait_seconds=0)
        run = await finished(client, followed)

    assert (asked["state"], followed["state"]) == ("running", "running")
    assert len(run["trades"]) == 6


async def test_what_another_process_has_finished_outweighs_an_old_failure(
    open_app: OpenApp,
) -> None:
    async with mcp.Client(build_server(open_app)) as client:
        failed = await refused(client, "collect_pitches")
        async with open_app() as other:
            week = await operations.run_until(other, "propose", week_id=None, query=None)
        run = await told(client, "get_run", run_id=f"run-{week.week_id}")

    assert "run_research, collect_pitches, peer_review, synthesize" in failed
    assert run["state"] == "finished"


async def test_what_nobody_expected_says_what_was_not_done() -> None:
    @saying("NOT approved")
    async def tool() -> Any:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(ToolError, match=r"NOT approved: unexpected ZeroDivisionError; the"):
        await tool()


async def test_approved_trades_that_wait_for_the_market_are_told(settings: Settings) -> None:
    hours = settings.model_copy(update={"council_exchange_hours": "xnys"})
    terms = Terms(clock=FixedClock(SATURDAY))

    def open_app() -> Any:
        return assembled(hours, terms)

    async with open_app() as app:
        week = await operations.run_until(app, "propose", week_id=None, query=None)
        for trade in week.trades:
            await operations.approve(app, trade.trade_id, BY, digest=trade.digest)
    async with mcp.Client(build_server(open_app)) as client:
        status = await told(client, "get_status")

    assert (status["approved"], status["pending"]) == (6, 0)
    assert status["market_opens_at"] == "2026-11-23T14:30:00Z"
    assert "6 approved trades wait for the open at Mon 23 Nov 09:30" in status["summary"]
    assert "approved orders are sent" in status["next_step"]


async def test_a_run_asked_for_while_its_last_task_is_stopping_is_begun_anew(
    open_app: OpenApp,
) -> None:
    done: list[str] = []
    is_looked_at = asyncio.Event()

    async def stops() -> None:
        await is_looked_at.wait()

    async def works(app: App, query: str | None) -> None:
        done.append("worked")

    async def read(app: App) -> Reached[None]:
        is_looked_at.set()
        return Reached(None, has_begun=False, is_done=bool(done))

    run = Run("run-2026-11-18", "weeks", "2026-11-18", Journey(()), works, read)
    host = Host(open_app, operations.execute_in_background)
    try:
        host.runs.start(run.key, stops, run_id=run.run_id)
        standing = await following.begun(host, run, Heard())
    finally:
        await host.aclose()

    assert (standing.state, done) == ("finished", ["worked"])


async def test_a_run_that_ends_here_is_told_at_once(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    looks: list[bool] = []
    is_waited_for = asyncio.Event()

    async def works(app: App, query: str | None) -> None:
        await is_waited_for.wait()
        done.append("worked")

    async def read(app: App) -> Reached[None]:
        looks.append(bool(done))
        if len(looks) == 3:  # before it begins, for the progress, and before it waits
            is_waited_for.set()
        return Reached(None, has_begun=True, is_done=looks[-1])

    run = Run("run-2026-11-18", "weeks", "2026-11-18", Journey(()), works, read)
    host = Host(open_app, operations.execute_in_background)
    monkeypatch.setattr(following, "_NEXT_LOOK", timedelta(hours=1))
    try:
        async with asyncio.timeout(5):
            standing = await following.followed(host, run, Heard(), patience=timedelta(minutes=1))
    finally:
        await host.aclose()

    assert standing.state == "finished"
