"""Runs of a week, whole or one step of it: what does them, and how they are told."""

from functools import partial
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError

from council import pipeline
from council.ports import Progress
from council.steps import IS_STORED, STEPS
from council.steps import STAGES as ALL_STAGES
from mcp_server import operations
from mcp_server.progress import Journey
from mcp_server.runs import WHOLE_WEEK, run_id_for
from mcp_server.shapes import WeekShape
from mcp_server.tools.following import Reached, Run, Standing
from mcp_server.tools.results import RunState
from mcp_server.wiring import App

_TITLES = {
    "research": "Research",
    "pitch": "Pitching",
    "peer_review": "Peer review",
    "chairman": "The chairman's synthesis",
    WHOLE_WEEK: "The weekly run",
}
TOOLS = {
    "research": "run_research",
    "pitch": "collect_pitches",
    "peer_review": "peer_review",
    "chairman": "synthesize",
    WHOLE_WEEK: "run_weekly",
}
"""By the stage that a run leads to, the tool that starts it."""
_NEXT_TOOLS = {"research": "collect_pitches", "pitch": "peer_review", "peer_review": "synthesize"}

WeekStanding = Standing[WeekShape]


def week_run(week_id: str, stage: str) -> Run[WeekShape]:
    """Return the run of the week up to `stage`, or of that one step; `week_id` is a Wednesday's.

    Raises:
        UsageError: it is no week's id.
    """
    chosen = operations.checked_week(week_id)
    return Run(
        run_id=run_id_for(chosen, stage),
        key=chosen,
        week_id=chosen,
        journey=Journey(STEPS.get(stage, ALL_STAGES)),
        work=partial(_work, chosen, stage),
        read=partial(_read, chosen, stage),
    )


async def _work(week_id: str, stage: str, app: App, query: str | None) -> object:
    """Run it and read nothing back: whoever asked looks at the store."""
    if stage == WHOLE_WEEK:
        return await pipeline.run_week(week_id, app.deps, query=query)
    return await pipeline.run_step(week_id, app.deps, step=stage, query=query)


async def _read(week_id: str, stage: str, app: App) -> Reached[WeekShape]:
    week = await operations.week(app, week_id)
    last = week.completed[-1] if week.completed else None
    total = len(ALL_STAGES)
    return Reached(
        stored=week,
        has_begun=week.state != "not_started",
        is_done=STEPS.get(stage, (stage,))[-1] in week.completed,
        progress=Progress(last, IS_STORED, len(week.completed), total) if last else None,
    )


def told_of(standing: WeekStanding, stage: str) -> dict[str, Any]:
    """Return the part that every answer about a run of the week has.

    Raises:
        ToolError: the run failed in this process.
    """
    week, state = standing.stored, standing.state
    if standing.failure and state == "unfinished":
        raise ToolError(_failed(standing.failure, week, stage=stage))
    return {
        "summary": _summary(week, state, stage=stage),
        "mode": week.mode,
        "venue": week.venue,
        "degraded": week.degraded or standing.app.standing.degraded,
        "next_step": _next_step(week, state, stage=stage),
        "run_id": standing.run.run_id,
        "week_id": week.week_id,
        "state": state,
        "stage": stage,
        "completed": week.completed,
    }


def _failed(failure: str, week: WeekShape, *, stage: str) -> str:
    steps = ", ".join(TOOLS[step] for step in STEPS)
    order = "" if stage == WHOLE_WEEK else f" The steps in their order: {steps}."
    left = "Nothing of it is stored."
    if week.completed:
        left = (
            f"What was stored stays, and {TOOLS[stage]} goes on from it once the cause is mended."
        )
    return f"{_TITLES[stage]} of week {week.week_id} FAILED: {failure} {left}{order} Tell the user."


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
    if state == "cancelled":
        return f"The run was taken back. {TOOLS[stage]} goes on from what is stored, if wanted."
    if state == "unfinished":
        return f"Call {TOOLS[stage]} to begin the run, if the user wants it."
    if stage in _NEXT_TOOLS:
        return f"Call {_NEXT_TOOLS[stage]} when the user wants to go on."
    if any(trade.status == "pending" for trade in week.trades):
        return "Call list_pending_trades and show them to the user; do not approve any yourself."
    return "No trade of this week is pending. get_status shows orders and positions."
