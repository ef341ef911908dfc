"""The tools that tell what came of it: a week's postmortem, and who is ahead. Both only read."""

import asyncio
from base64 import b64encode
from typing import Annotated, Final

from mcp_types import CallToolResult, ImageContent
from pydantic import Field

from config.errors import CouncilError, UsageError
from council.untrusted import quoted
from mcp_server import operations, result_readings
from mcp_server.addresses import POSTMORTEM_PAGE_URI
from mcp_server.result_shapes import LeaderboardShape, PostmortemShape
from mcp_server.result_words import dissent_words, exposure_words
from mcp_server.tools.lines import counted
from mcp_server.tools.outcome_answers import LeaderboardAnswer, PostmortemAnswer
from mcp_server.tools.outcome_lines import (
    book_line,
    calibration_line,
    claim_line,
    leader_line,
    lesson_line,
    numbers_line,
    reviewer_line,
    shortened,
    stage_line,
)
from mcp_server.tools.results import told
from mcp_server.tools.serving import HostContext, host_of, saying
from mcp_server.wiring import App

MOST_ACCOUNTS: Final = 12
MOST_LESSONS: Final = 8
MOST_NOTICES: Final = 10
MOST_SHOWN: Final = 24
"""Of books, reviewers and other lines."""

PastWeek = Annotated[
    str | None, Field(description="The week's Wednesday. Omit for the newest written.")
]
WithChart = Annotated[bool, Field(description="Add the charts as a picture.")]


@saying("NOT found")
async def get_postmortem(
    ctx: HostContext, week_id: PastWeek = None, with_chart: WithChart = False
) -> Annotated[CallToolResult, PostmortemAnswer]:
    """Tell what came of a week: its numbers, then what the chairman's model reads in them.

    Nothing is written here.
    """
    app = await host_of(ctx).app()
    chosen = await operations.week_of_postmortem(app, week_id)
    answer = await postmortem_record(app, chosen)
    if not with_chart or not is_stored(answer.state):
        return told(answer)
    return await _with_chart(app, answer)


@saying("NOT known")
async def get_leaderboard(ctx: HostContext) -> Annotated[CallToolResult, LeaderboardAnswer]:
    """Rank all accounts to date beside benchmarks; tell what each stage of the council is worth."""
    return told(leaderboard_answer(await operations.leaderboard(await host_of(ctx).app())))


async def postmortem_record(app: App, week_id: str) -> PostmortemAnswer:
    """Return what is stored of a week's postmortem; one that is missing says so."""
    return postmortem_answer(await operations.postmortem(app, week_id))


def is_stored(state: str) -> bool:
    """Return whether there are numbers of the week, with a model's text or without."""
    return state in {"written", "abstained"}


async def postmortem_page(app: App, week_id: str) -> str:
    """Return the page of a postmortem that is stored.

    Raises:
        UsageError: none is stored.
    """
    from mcp_server.reporting.html import postmortem_html  # noqa: PLC0415 - heavy, rarely asked

    material = await result_readings.postmortem_material(app, week_id)
    if material is None:
        raise UsageError(f"Week {week_id} has no postmortem yet.")
    return postmortem_html(material)


async def _with_chart(app: App, answer: PostmortemAnswer) -> CallToolResult:
    """Add the charts, or say why there is no picture."""
    from mcp_server.reporting.picture import postmortem_png  # noqa: PLC0415 - as above

    material = await result_readings.postmortem_material(app, answer.week_id)
    if material is None:
        return told(answer)
    try:
        picture = await asyncio.to_thread(postmortem_png, material)
    except CouncilError as error:
        return told(answer.model_copy(update={"notices": (*answer.notices, str(error))}))
    result = told(answer)
    text = b64encode(picture).decode()
    result.content.append(ImageContent(type="image", data=text, mime_type="image/png"))
    return result


def postmortem_answer(shape: PostmortemShape) -> PostmortemAnswer:
    """Show a postmortem as a model reads it."""
    return PostmortemAnswer(
        summary=_summary(shape),
        mode=shape.mode,
        venue=shape.venue,
        degraded=shape.degraded,
        next_step=_next_step(shape),
        week_id=shape.week_id,
        state=shape.state,
        until_at=shape.until_at,
        accounts=tuple(map(numbers_line, shape.accounts[:MOST_ACCOUNTS])),
        books=tuple(map(book_line, shape.books[:MOST_SHOWN])),
        stages=tuple(map(stage_line, shape.stages)),
        exposure=" ".join((exposure_words(shape.exposure), *_bets(shape))),
        notices=shortened((*_cuts(shape), *shape.notices), MOST_NOTICES),
        claims=tuple(map(claim_line, shape.claims)),
        lessons=tuple(map(lesson_line, shape.lessons[:MOST_LESSONS])),
        page=POSTMORTEM_PAGE_URI.format(week_id=shape.week_id) if is_stored(shape.state) else "",
    )


def _bets(shape: PostmortemShape) -> tuple[str, ...]:
    return shape.exposure.shared_bets if shape.exposure else ()


def _summary(shape: PostmortemShape) -> str:
    week = f"Week {shape.week_id}"
    if shape.state == "written":
        dropped = f"; {shape.dropped} more were dropped" if shape.dropped else ""
        claims = counted(len(shape.claims), "claim stands", "claims stand")
        return f"{week}: {shape.answer} {claims} on stored events{dropped}."
    if shape.state == "abstained":
        why = quoted(shape.abstention or "no reason is known")
        return f"{week}: {shape.answer} No valid text came with the numbers: {why}."
    ends = f"{shape.ends_at:%Y-%m-%d %H:%M} UTC"
    return {
        "not_started": f"{week} has not begun: nothing is stored of it.",
        "running": f"{week} is not over: it ends at {ends}, and no postmortem is written before.",
        "missing": f"{week} is over, since {ends}, and its postmortem is not written yet.",
    }[shape.state]


def _next_step(shape: PostmortemShape) -> str:
    command = f"`council postmortem --week {shape.week_id}"
    return {
        "written": f"Go through it with the user. {command} --html FILE` makes a page with charts.",
        "abstained": f"Go through the numbers with the user. {command}` shows them in a terminal.",
        "missing": f"Tell the user: {command}` in a terminal writes it, with one call to a model.",
        "running": "Ask again after its end. get_status and get_week show how it stands.",
        "not_started": "get_leaderboard and get_week tell of other weeks.",
    }[shape.state]


def _cuts(shape: PostmortemShape) -> tuple[str, ...]:
    """Say what the answer leaves out of a postmortem that is longer than usual."""
    lines = (
        (len(shape.accounts), MOST_ACCOUNTS, "accounts"),
        (len(shape.books), MOST_SHOWN, "shadow books"),
        (len(shape.lessons), MOST_LESSONS, "lessons"),
    )
    return tuple(
        f"Only {most} of {count} {what} are shown; `council postmortem --json` has them all."
        for count, most, what in lines
        if count > most
    )


def leaderboard_answer(shape: LeaderboardShape) -> LeaderboardAnswer:
    """Show the leaderboard as a model reads it."""
    weeks = counted(len(shape.weeks), "week", "weeks")
    return LeaderboardAnswer(
        summary=f"{weeks} until {shape.until_at:%Y-%m-%d %H:%M} UTC: {shape.answer}",
        mode=shape.mode,
        venue=shape.venue,
        degraded=shape.degraded,
        next_step="get_postmortem tells of one week. Do not call a few weeks' lead skill.",
        weeks=len(shape.weeks),
        until_at=shape.until_at,
        leaders=tuple(map(leader_line, shape.leaders[:MOST_SHOWN])),
        stages=tuple(map(stage_line, shape.stages)),
        reviewers=tuple(map(reviewer_line, shape.reviewers[:MOST_SHOWN])),
        dissents=dissent_words(shape.dissents),
        calibration=tuple(map(calibration_line, shape.calibrations[:MOST_SHOWN])),
        notices=shortened(shape.notices, MOST_NOTICES),
    )
