"""Tools that move a week forward in the background, and the one that follows any run."""

from datetime import timedelta
from typing import Annotated

from mcp_types import CallToolResult
from pydantic import Field

from mcp_server import operations
from mcp_server.runs import WHOLE_WEEK
from mcp_server.tools.following import begun, followed
from mcp_server.tools.kinds import kind_of
from mcp_server.tools.results import (
    PitchesAnswer,
    ResearchAnswer,
    ReviewsAnswer,
    SynthesisAnswer,
    WeekAnswer,
    told,
)
from mcp_server.tools.running import WeekStanding, week_run
from mcp_server.tools.serving import HostContext, Query, WeekId, host_of, saying
from mcp_server.tools.week_answers import (
    pitches_answer,
    research_answer,
    reviews_answer,
    synthesis_answer,
    week_answer,
)

_LONGEST_WAIT_SECONDS = 25

WaitSeconds = Annotated[
    int, Field(ge=0, le=_LONGEST_WAIT_SECONDS, description="How long to wait for the run to end.")
]
RunId = Annotated[
    str,
    Field(description="A run_id that was returned: run-..., checkpoint-... or ask-...."),
]


@saying("NOT started")
async def run_weekly(
    ctx: HostContext, week_id: WeekId = None, query: Query = None
) -> Annotated[CallToolResult, WeekAnswer]:
    """Start the weekly council run: research, pitches, blind review, chairman, pending trades.

    Returns at once; poll get_run until the state is "finished". A week that is already finished is
    returned as stored and costs nothing. No order is placed: the trades wait for the user.
    """
    standing = await _begun(ctx, WHOLE_WEEK, week_id=week_id, query=query)
    return told(week_answer(standing, WHOLE_WEEK))


@saying("NOT found")
async def get_run(
    ctx: HostContext, run_id: RunId, wait_seconds: WaitSeconds = 20
) -> Annotated[CallToolResult, WeekAnswer]:
    """Follow a run: wait up to wait_seconds for its end and return how far it has come.

    Call it again while the state is "running". A run whose process has ended is carried on here,
    without asking any model twice. "unfinished" means that the run has never begun, "cancelled"
    that it was taken back.
    """
    host = host_of(ctx)
    kind = kind_of(run_id, await host.app())
    patience = timedelta(seconds=wait_seconds)
    return told(kind.week_answer(await followed(host, kind.run, ctx, patience=patience)))


@saying("Research NOT started")
async def run_research(
    ctx: HostContext, week_id: WeekId = None, query: Query = None
) -> Annotated[CallToolResult, ResearchAnswer]:
    """Freeze the week's market table and gather its research packs: step 1 of 4, alone.

    Returns what is stored if the step was done before. Prefer run_weekly for a whole week.
    """
    return told(research_answer(await _begun(ctx, "research", week_id=week_id, query=query)))


@saying("Pitches NOT collected")
async def collect_pitches(
    ctx: HostContext, week_id: WeekId = None
) -> Annotated[CallToolResult, PitchesAnswer]:
    """Ask every portfolio manager for its pitch: step 2 of 4, after run_research.

    Returns what is stored if the step was done before.
    """
    return told(pitches_answer(await _begun(ctx, "pitch", week_id=week_id)))


@saying("Pitches NOT reviewed")
async def peer_review(
    ctx: HostContext, week_id: WeekId = None
) -> Annotated[CallToolResult, ReviewsAnswer]:
    """Let every portfolio manager score the others' pitches blind: step 3 of 4.

    Returns what is stored if the step was done before. Labels stay sealed here.
    """
    return told(reviews_answer(await _begun(ctx, "peer_review", week_id=week_id)))


@saying("Nothing was decided")
async def synthesize(
    ctx: HostContext, week_id: WeekId = None
) -> Annotated[CallToolResult, SynthesisAnswer]:
    """Let the chairman settle the council trade and save all trades as pending: step 4 of 4.

    Returns what is stored if the step was done before. No order is placed.
    """
    return told(synthesis_answer(await _begun(ctx, "chairman", week_id=week_id)))


async def _begun(
    ctx: HostContext, stage: str, *, week_id: str | None, query: str | None = None
) -> WeekStanding:
    """Start the run of the week up to `stage`, or of that step; no id means the week in force."""
    host = host_of(ctx)
    chosen = week_id or operations.week_in_force(await host.app())
    return await begun(host, week_run(chosen, stage), ctx, query=query)
