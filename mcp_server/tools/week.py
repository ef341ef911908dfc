"""Tools that move a week forward in the background, and the one that follows it."""

from datetime import timedelta
from typing import Annotated, Any

from mcp_types import CallToolResult
from pydantic import Field

from mcp_server import operations
from mcp_server.asking import RUN_PREFIX
from mcp_server.runs import WHOLE_WEEK, run_of
from mcp_server.shapes import WeekShape
from mcp_server.tools.general import followed_question
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
    SynthesisAnswer,
    WeekAnswer,
    told,
)
from mcp_server.tools.running import followed, started
from mcp_server.tools.serving import HostContext, Query, WeekId, host_of, saying

_LONGEST_WAIT_SECONDS = 25

WaitSeconds = Annotated[
    int, Field(ge=0, le=_LONGEST_WAIT_SECONDS, description="How long to wait for the run to end.")
]
RunId = Annotated[
    str,
    Field(description="A run_id that was returned: run-YYYY-MM-DD..., or ask-... of ask_council."),
]


@saying("NOT started")
async def run_weekly(
    ctx: HostContext, week_id: WeekId = None, query: Query = None
) -> Annotated[CallToolResult, WeekAnswer]:
    """Start the weekly council run: research, pitches, blind review, chairman, pending trades.

    Returns at once; poll get_run until the state is "finished". A week that is already finished is
    returned as stored and costs nothing. No order is placed: the trades wait for the user.
    """
    week, base = await started(host_of(ctx), WHOLE_WEEK, week_id=week_id, query=query)
    return told(_week_answer(week, base))


@saying("NOT found")
async def get_run(
    ctx: HostContext, run_id: RunId, wait_seconds: WaitSeconds = 20
) -> Annotated[CallToolResult, WeekAnswer]:
    """Follow a run: wait up to wait_seconds for its end and return how far it has come.

    Call it again while the state is "running". A run whose process has ended is carried on here,
    without asking any model twice. "unfinished" means that the run has never begun.
    """
    patience = timedelta(seconds=wait_seconds)
    if run_id.startswith(RUN_PREFIX):
        return told(await followed_question(host_of(ctx), run_id, patience))
    week_id, stage = run_of(run_id)
    week, base = await followed(
        host_of(ctx),
        operations.checked_week(week_id),
        stage=stage,
        patience=patience,
    )
    return told(_week_answer(week, base))


@saying("Research NOT started")
async def run_research(
    ctx: HostContext, week_id: WeekId = None, query: Query = None
) -> Annotated[CallToolResult, ResearchAnswer]:
    """Freeze the week's market table and gather its research packs: step 1 of 4, alone.

    Returns what is stored if the step was done before. Prefer run_weekly for a whole week.
    """
    week, base = await started(host_of(ctx), "research", week_id=week_id, query=query)
    return told(ResearchAnswer(**base, packs=tuple(map(pack_line, week.research))))


@saying("Pitches NOT collected")
async def collect_pitches(
    ctx: HostContext, week_id: WeekId = None
) -> Annotated[CallToolResult, PitchesAnswer]:
    """Ask every portfolio manager for its pitch: step 2 of 4, after run_research.

    Returns what is stored if the step was done before.
    """
    week, base = await started(host_of(ctx), "pitch", week_id=week_id, query=None)
    return told(PitchesAnswer(**base, pitches=tuple(map(pitch_line, week.pitches))))


@saying("Pitches NOT reviewed")
async def peer_review(
    ctx: HostContext, week_id: WeekId = None
) -> Annotated[CallToolResult, ReviewsAnswer]:
    """Let every portfolio manager score the others' pitches blind: step 3 of 4.

    Returns what is stored if the step was done before. Labels stay sealed here.
    """
    week, base = await started(host_of(ctx), "peer_review", week_id=week_id, query=None)
    answer = ReviewsAnswer(
        **base, scores=score_lines(week.scores), measured=" ".join(week.measured)
    )
    return told(answer)


@saying("Nothing was decided")
async def synthesize(
    ctx: HostContext, week_id: WeekId = None
) -> Annotated[CallToolResult, SynthesisAnswer]:
    """Let the chairman settle the council trade and save all trades as pending: step 4 of 4.

    Returns what is stored if the step was done before. No order is placed.
    """
    week, base = await started(host_of(ctx), "chairman", week_id=week_id, query=None)
    answer = SynthesisAnswer(
        **base,
        decision=decision_words(week.decision),
        untrusted_text=week.decision.rationale if week.decision else "",
        trades=tuple(map(trade_line, week.trades)),
    )
    return told(answer)


def _week_answer(week: WeekShape, base: dict[str, Any]) -> WeekAnswer:
    trades = tuple(map(trade_line, week.trades))
    return WeekAnswer(
        **base,
        decision=decision_words(week.decision),
        untrusted_text=week.decision.rationale if week.decision else "",
        measured=" ".join(week.measured),
        trades=trades,
    )
