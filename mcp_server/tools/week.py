"""Tools that move a week forward in the background, and the one that waits for it."""

from datetime import timedelta
from typing import Annotated, Any

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult
from pydantic import Field

from council.pipeline import STEPS
from mcp_server import operations
from mcp_server.host import Host
from mcp_server.runs import run_id_for, week_of
from mcp_server.shapes import WeekShape
from mcp_server.tools.lines import (
    decision_words,
    pack_line,
    pitch_line,
    score_lines,
    trade_line,
)
from mcp_server.tools.results import (
    PitchesAnswer,
    ResearchAnswer,
    ReviewsAnswer,
    RunState,
    SynthesisAnswer,
    WeekAnswer,
    told,
)
from mcp_server.tools.serving import HostContext, Query, WeekId, host_of, saying
from mcp_server.wiring import App

_FIRST_LOOK = timedelta(seconds=2)
"""How long a start waits, so that what is quick, stored or wrong is answered at once."""
_LONGEST_WAIT_SECONDS = 25
_STAGE_TITLES = {
    "research": "Research",
    "pitch": "Pitching",
    "peer_review": "Peer review",
    "chairman": "The chairman's synthesis",
    "propose": "The weekly run",
}

WaitSeconds = Annotated[
    int, Field(ge=0, le=_LONGEST_WAIT_SECONDS, description="How long to wait for the run to end.")
]
RunId = Annotated[str, Field(description="The run_id that run_weekly returned, run-YYYY-MM-DD.")]


@saying("NOT started")
async def run_weekly(
    ctx: HostContext, week_id: WeekId = None, query: Query = None
) -> Annotated[CallToolResult, WeekAnswer]:
    """Start the weekly council run: research, pitches, blind review, chairman, pending trades.

    Returns at once; poll get_run until the state is "finished". A week that is already finished is
    returned as stored and costs nothing. No order is placed: the trades wait for the user.
    """
    week, base = await _started(host_of(ctx), "propose", week_id=week_id, query=query)
    return told(_week_answer(week, base))


@saying("NOT found")
async def get_run(
    ctx: HostContext, run_id: RunId, wait_seconds: WaitSeconds = 20
) -> Annotated[CallToolResult, WeekAnswer]:
    """Return how far a run has come, waiting up to wait_seconds for its end.

    Call it again while the state is "running". "unfinished" means that no process works on the week
    any more: run_weekly resumes it without asking any model twice.
    """
    host = host_of(ctx)
    app = await host.app()
    week_id = operations.checked_week(week_of(run_id))
    await host.runs.wait(week_id, timedelta(seconds=wait_seconds))
    week, base = await _looked_at(
        host, app, week_id, stage=host.runs.stage_of(week_id) or "propose"
    )
    return told(_week_answer(week, base))


@saying("Research NOT started")
async def run_research(
    ctx: HostContext, week_id: WeekId = None, query: Query = None
) -> Annotated[CallToolResult, ResearchAnswer]:
    """Freeze the week's market table and gather its research packs: step 1 of 4, alone.

    Returns what is stored if the step was done before. Prefer run_weekly for a whole week.
    """
    week, base = await _started(host_of(ctx), "research", week_id=week_id, query=query)
    return told(ResearchAnswer(**base, packs=tuple(map(pack_line, week.research))))


@saying("Pitches NOT collected")
async def collect_pitches(
    ctx: HostContext, week_id: WeekId = None
) -> Annotated[CallToolResult, PitchesAnswer]:
    """Ask every portfolio manager for its pitch: step 2 of 4, after run_research.

    Returns what is stored if the step was done before.
    """
    week, base = await _started(host_of(ctx), "pitch", week_id=week_id, query=None)
    return told(PitchesAnswer(**base, pitches=tuple(map(pitch_line, week.pitches))))


@saying("Pitches NOT reviewed")
async def peer_review(
    ctx: HostContext, week_id: WeekId = None
) -> Annotated[CallToolResult, ReviewsAnswer]:
    """Let every portfolio manager score the others' pitches blind: step 3 of 4.

    Returns what is stored if the step was done before. Labels stay sealed here.
    """
    week, base = await _started(host_of(ctx), "peer_review", week_id=week_id, query=None)
    return told(ReviewsAnswer(**base, scores=score_lines(week.scores)))


@saying("Nothing was decided")
async def synthesize(
    ctx: HostContext, week_id: WeekId = None
) -> Annotated[CallToolResult, SynthesisAnswer]:
    """Let the chairman settle the council trade and save all trades as pending: step 4 of 4.

    Returns what is stored if the step was done before. No order is placed.
    """
    week, base = await _started(host_of(ctx), "chairman", week_id=week_id, query=None)
    answer = SynthesisAnswer(
        **base,
        decision=decision_words(week.decision),
        untrusted_text=week.decision.rationale if week.decision else "",
        trades=tuple(map(trade_line, week.trades)),
    )
    return told(answer)


async def _started(
    host: Host, stage: str, *, week_id: str | None, query: str | None
) -> tuple[WeekShape, dict[str, Any]]:
    """Start the work up to `stage` in the background, wait a moment, and tell where it stands."""
    app = await host.app()
    chosen = operations.checked_week(week_id) if week_id else operations.week_in_force(app)
    run = operations.run_until if stage == "propose" else operations.run_step
    host.runs.start(chosen, stage, lambda: run(app, stage, week_id=chosen, query=query))
    await host.runs.wait(chosen, _FIRST_LOOK)
    return await _looked_at(host, app, chosen, stage=stage)


async def _looked_at(
    host: Host, app: App, week_id: str, *, stage: str
) -> tuple[WeekShape, dict[str, Any]]:
    if failure := host.runs.failure_of(week_id):
        raise ToolError(
            f"{_STAGE_TITLES[stage]} of week {week_id} FAILED: {failure} Tell the user."
        )
    week = await operations.week(app, week_id)
    state = await _state(host, app, week, stage=stage)
    return week, {
        "summary": _summary(week, state, stage=stage),
        "mode": week.mode,
        "venue": week.venue,
        "degraded": week.degraded or app.standing.degraded,
        "next_step": _next_step(week, state, stage=stage),
        "run_id": run_id_for(week_id),
        "week_id": week_id,
        "state": state,
        "stage": stage,
        "completed": week.completed,
    }


async def _state(host: Host, app: App, week: WeekShape, *, stage: str) -> RunState:
    """Tell from this process's task, the store and the week's lock who is at work, if anyone."""
    if host.runs.is_running(week.week_id):
        return "running"
    if STEPS.get(stage, (stage,))[-1] in week.completed:
        return "finished"
    return "running" if await operations.is_busy(app, week.week_id) else "unfinished"


def _summary(week: WeekShape, state: RunState, *, stage: str) -> str:
    done = ", ".join(week.completed) or "nothing yet"
    line = f"{_STAGE_TITLES[stage]} of week {week.week_id} is {state}; stored: {done}."
    if week.trades:
        pending = sum(trade.status == "pending" for trade in week.trades)
        line += f" {len(week.trades)} trades, {pending} of them pending."
    return line


def _next_step(week: WeekShape, state: RunState, *, stage: str) -> str:
    if state == "running":
        return f'Call get_run with run_id "{run_id_for(week.week_id)}" until it is finished.'
    if state == "unfinished":
        return "Call run_weekly to begin or resume the week, if the user wants it."
    following = {
        "research": "collect_pitches",
        "pitch": "peer_review",
        "peer_review": "synthesize",
    }
    if stage in following:
        return f"Call {following[stage]} when the user wants to go on."
    return "Call list_pending_trades and show the trades to the user; do not approve any yourself."


def _week_answer(week: WeekShape, base: dict[str, Any]) -> WeekAnswer:
    trades = tuple(map(trade_line, week.trades))
    return WeekAnswer(**base, decision=decision_words(week.decision), trades=trades)
