"""Runs under way: no call waits for them, no cancelled call stops them, nobody does them twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Literal

import mcp
import pytest

from config.clock import FixedClock
from config.settings import Settings
from mcp_server import checkpointing, operations
from mcp_server.host import Host, Pace
from mcp_server.server import server_of
from mcp_server.wiring import Terms, assembled
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.held import QUICK, Gate, held, quick_server
from tests.mcp_server.test_tools import finished, refused, told

NOON_AT = datetime(2026, 11, 18, 17, tzinfo=UTC)
STAGE_CALLS = {"pitch": 5, "peer_review": 5, "chairman": 1}
"""How many questions a whole week asks in each stage after research."""


async def test_a_start_answers_at_once_though_nothing_is_stored_yet(open_app: OpenApp) -> None:
    gate = Gate(frozenset({"prices"}))

    async with mcp.Client(quick_server(held(open_app, gate))) as client:
        await told(client, "list_pending_trades")
        began_at = asyncio.get_running_loop().time()
        run = await told(client, "run_weekly", query="Rates first.")
        seconds = asyncio.get_running_loop().time() - began_at
    async with mcp.Client(quick_server(open_app)) as other:
        done = await finished(other, run)
    async with open_app() as app:
        stored = await app.deps.store.read_stream(f"week-{run['week_id']}")

    assert (run["state"], run["completed"]) == ("running", [])
    assert seconds < 2
    assert len(done["trades"]) == 6
    assert stored[0].payload["query"] == "Rates first."


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_cancelled_call_leaves_the_run_going(
    open_app: OpenApp, mode: Literal["auto", "legacy"]
) -> None:
    gate = Gate(frozenset({"pitch"}))

    async with mcp.Client(quick_server(held(open_app, gate)), mode=mode) as client:
        run = await told(client, "run_weekly")
        following = asyncio.create_task(
            client.call_tool("get_run", {"run_id": run["run_id"], "wait_seconds": 25})
        )
        await gate.waiting.wait()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        gate.opened.set()
        done = await finished(client, run)

    assert len(done["trades"]) == 6
    assert {stage: gate.asked[stage] for stage in STAGE_CALLS} == STAGE_CALLS


async def test_many_followers_at_two_servers_ask_no_model_twice(open_app: OpenApp) -> None:
    gate = Gate(frozenset())
    first, second = (quick_server(held(open_app, gate)) for _ in range(2))

    async with mcp.Client(first) as one, mcp.Client(first) as two, mcp.Client(second) as other:
        run = await told(one, "run_weekly")
        ends = await asyncio.gather(*(finished(client, run) for client in (one, two, other) * 2))

    assert {len(end["trades"]) for end in ends} == {6}
    assert {stage: gate.asked[stage] for stage in STAGE_CALLS} == STAGE_CALLS


async def test_a_checkpoint_is_a_run_that_ends_and_on_a_later_day_is_only_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_at(at: datetime) -> OpenApp:
        return lambda: assembled(settings, Terms(clock=FixedClock(at)))

    async with open_at(NOON_AT)() as app:
        await operations.run_until(app, "propose", week_id=None, query=None)
    async with mcp.Client(quick_server(open_at(NOON_AT))) as client:
        taken = await finished(client, await told(client, "run_checkpoint", time="12:00"))
        unknown = await refused(client, "get_run", run_id="checkpoint-2026-11-18-1337")
    monkeypatch.setattr(checkpointing, "take_checkpoints", never)
    async with mcp.Client(quick_server(open_at(NOON_AT + timedelta(days=1)))) as client:
        later = await told(client, "get_run", run_id=taken["run_id"])

    assert taken["run_id"] == "checkpoint-2026-11-18-1200"
    assert (later["state"], later["run_id"]) == ("finished", taken["run_id"])
    assert "no checkpoint of schedule.yaml" in unknown


async def never(*_: object) -> None:
    raise AssertionError("a day that is over takes no checkpoint")


async def test_opening_that_takes_long_is_told_and_goes_on(open_app: OpenApp) -> None:
    hasty = Pace(opening=timedelta(0), first_look=QUICK.first_look, keep_alive=QUICK.keep_alive)
    server = server_of(lambda: Host(open_app, operations.execute_in_background, pace=hasty))

    async with mcp.Client(server) as client:
        early = await refused(client, "list_pending_trades")
        for _ in range(1_000):
            answer = await client.call_tool("list_pending_trades", {})
            if not answer.is_error:
                break
            await asyncio.sleep(0.01)

    assert "still being opened" in early
    assert not answer.is_error


async def test_a_call_that_hangs_is_given_up_before_its_host_does(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_server.tools.serving.LONGEST_CALL", timedelta(milliseconds=200))

    async def hangs(*_: object) -> None:
        await asyncio.Event().wait()

    async with mcp.Client(quick_server(lambda: assembled(settings, Terms()))) as client:
        for _ in range(100):
            answer = await client.call_tool("list_pending_trades", {})
            if not answer.is_error:
                break
        monkeypatch.setattr(operations, "status", hangs)
        said = await refused(client, "get_status")

    assert said.startswith("NOT known: no answer in time")


async def test_a_venue_that_hangs_is_a_problem_of_its_account(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(operations, "_LONGEST_LOOK", timedelta(milliseconds=50))
    monkeypatch.setattr(operations, "_asked", hangs)

    async with open_app() as app:
        status = await operations.status(app)

    assert {account.equity_usd for account in status.accounts} == {None}
    assert "did not answer within" in (status.accounts[0].problem or "")


async def test_a_step_out_of_its_order_does_not_end_the_weeks_run(open_app: OpenApp) -> None:
    gate = Gate(frozenset({"prices"}))

    async with mcp.Client(quick_server(held(open_app, gate))) as client:
        run = await told(client, "run_weekly")
    async with mcp.Client(quick_server(open_app)) as other:
        out_of_order = await refused(other, "collect_pitches")
        done = await finished(other, await told(other, "get_run", run_id=run["run_id"]))

    assert "pitch builds on snapshot" in out_of_order
    assert len(done["trades"]) == 6
