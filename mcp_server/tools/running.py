"""How a tool starts a piece of the week, follows it, and tells where it stands.

A run may outlive the process that began it: whoever follows it carries it on where nobody works on
it any more. Only a week that has begun is carried on, so that following never begins one.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError

from council.pipeline import STEPS
from mcp_server import operations
from mcp_server.host import Host
from mcp_server.runs import WHOLE_WEEK, run_id_for
from mcp_server.shapes import WeekShape
from mcp_server.tools.results import RunState
from mcp_server.wiring import App

_FIRST_LOOK = timedelta(seconds=2)
"""How long a start waits, so that what is quick, stored or wrong is answered at once."""
_MOST_FIRST_LOOKS = 10
"""How often it waits so for the week's beginning: only a week that is stored can be carried on."""
_NEXT_LOOK = timedelta(seconds=1)
"""How long to wait before asking again whether another process still works on the week."""
_NO_PATIENCE = timedelta(0)
_TITLES = {
    "research": "Research",
    "pitch": "Pitching",
    "peer_review": "Peer review",
    "chairman": "The chairman's synthesis",
    WHOLE_WEEK: "The weekly run",
}
_TOOLS = {
    "research": "run_research",
    "pitch": "collect_pitches",
    "peer_review": "peer_review",
    "chairman": "synthesize",
    WHOLE_WEEK: "run_weekly",
}
_NEXT_TOOLS = {"research": "collect_pitches", "pitch": "peer_review", "peer_review": "synthesize"}

Standing = tuple[WeekShape, dict[str, Any]]
"""What is stored of the week, and the part that every answer about a run has."""


async def started(host: Host, stage: str, *, week_id: str | None, query: str | None) -> Standing:
    """Start the work up to `stage` in the background, wait a moment, and tell where it stands."""
    app = await host.app()
    chosen = operations.checked_week(week_id) if week_id else operations.week_in_force(app)
    _start(host, app, chosen, stage=stage, query=query)
    for _ in range(_MOST_FIRST_LOOKS):
        await host.runs.wait(chosen, _FIRST_LOOK)
        week = await operations.week(app, chosen)
        if week.state != "not_started" or not host.runs.is_running(chosen):
            break
    return _told(host, app, week, stage=stage)


async def followed(host: Host, week_id: str, *, stage: str, patience: timedelta) -> Standing:
    """Carry the run on where nobody works on it, wait for its end, and tell where it stands."""
    app = await host.app()
    if await _carried_on(host, app, week_id, stage=stage, patience=_NO_PATIENCE):
        with suppress(TimeoutError):
            async with asyncio.timeout(patience.total_seconds()):
                while await _carried_on(host, app, week_id, stage=stage, patience=patience):
                    await app.deps.clock.sleep(_NEXT_LOOK)
    return _told(host, app, await operations.week(app, week_id), stage=stage)


async def _carried_on(
    host: Host, app: App, week_id: str, *, stage: str, patience: timedelta
) -> bool:
    """Resume the run if need be and wait for this process's part; whether there is more to await.

    A failure in this process is told rather than tried again: only run_weekly or a step does that.
    """
    week = await operations.week(app, week_id)
    if _is_done(week, stage) or week.state == "not_started" or host.runs.failure_of(week_id):
        return False
    _start(host, app, week_id, stage=stage, query=None)
    await host.runs.wait(week_id, patience)
    return True


def _start(host: Host, app: App, week_id: str, *, stage: str, query: str | None) -> None:
    run = operations.run_until if stage == WHOLE_WEEK else operations.run_step
    host.runs.start(week_id, lambda: run(app, stage, week_id=week_id, query=query))


def _told(host: Host, app: App, week: WeekShape, *, stage: str) -> Standing:
    state = _state(host, week, stage=stage)
    failure = host.runs.failure_of(week.week_id)
    if failure and state == "unfinished":
        raise ToolError(_failed(failure, week, stage=stage))
    return week, {
        "summary": _summary(week, state, stage=stage),
        "mode": week.mode,
        "venue": week.venue,
        "degraded": week.degraded or app.standing.degraded,
        "next_step": _next_step(week, state, stage=stage),
        "run_id": run_id_for(week.week_id, stage),
        "week_id": week.week_id,
        "state": state,
        "stage": stage,
        "completed": week.completed,
    }


def _state(host: Host, week: WeekShape, *, stage: str) -> RunState:
    """Tell from the store, and from this process's task, who is at work, if anyone."""
    if _is_done(week, stage):
        return "finished"
    runs, week_id = host.runs, week.week_id
    return "running" if runs.is_running(week_id) or runs.is_elsewhere(week_id) else "unfinished"


def _is_done(week: WeekShape, stage: str) -> bool:
    return STEPS.get(stage, (stage,))[-1] in week.completed


def _failed(failure: str, week: WeekShape, *, stage: str) -> str:
    steps = ", ".join(_TOOLS[step] for step in STEPS)
    order = "" if stage == WHOLE_WEEK else f" The steps in their order: {steps}."
    return (
        f"{_TITLES[stage]} of week {week.week_id} FAILED: {failure} What was stored stays, and "
        f"{_TOOLS[stage]} goes on from it once the cause is mended.{order} Tell the user."
    )


def _summary(week: WeekShape, state: RunState, *, stage: str) -> str:
    done = ", ".join(week.completed) or "nothing yet"
    line = f"{_TITLES[stage]} of week {week.week_id} is {state}; stored: {done}."
    if week.trades:
        pending = sum(trade.status == "pending" for trade in week.trades)
        line += f" {len(week.trades)} trades, {pending} of them pending."
    return line


def _next_step(week: WeekShape, state: RunState, *, stage: str) -> str:
    if state == "running":
        return f'Call get_run with run_id "{run_id_for(week.week_id, stage)}" until it is finished.'
    if state == "unfinished":
        return f"Call {_TOOLS[stage]} to begin the run, if the user wants it."
    if stage in _NEXT_TOOLS:
        return f"Call {_NEXT_TOOLS[stage]} when the user wants to go on."
    if any(trade.status == "pending" for trade in week.trades):
        return "Call list_pending_trades and show them to the user; do not approve any yourself."
    return "No trade of this week is pending. get_status shows orders and positions."
