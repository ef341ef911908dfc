"""The tool that asks the general council, and how a question is followed as a run."""

from functools import partial
from typing import Annotated, Any

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult
from pydantic import Field

from council.general import QUESTION_CHARACTERS, ask_id_for
from council.ports import Progress
from council.steps import IS_STORED
from mcp_server import asking, operations
from mcp_server.ask_shapes import AskShape, MemberAnswerShape
from mcp_server.asking import RUN_PREFIX
from mcp_server.progress import Journey
from mcp_server.tools.following import Reached, Run, Standing, begun
from mcp_server.tools.results import CouncilAnswer, MemberLine, RunState, WeekAnswer, told
from mcp_server.tools.serving import HostContext, host_of, saying
from mcp_server.tools.verdicts import approval_address
from mcp_server.wiring import App

_STAGES = {"answers": "ask_answer", "rankings": "ask_ranking", "settled": "ask_chairman"}
"""By what is stored of a question, the stage that stores it."""
_OPENING_CHARACTERS = 300

QuestionText = Annotated[
    str,
    Field(
        min_length=1, max_length=QUESTION_CHARACTERS, description="The user's question, unchanged."
    ),
]


@saying("NOT asked")
async def ask_council(
    ctx: HostContext, question: QuestionText
) -> Annotated[CallToolResult, CouncilAnswer]:
    """Ask all models any question: they answer, rank each other blind, a chairman settles it.

    Returns at once; poll get_run until the state is "finished", then call this again for all that
    was said. The same question on the same day is paid once. It places no order.
    """
    host = host_of(ctx)
    app = await host.app()
    run = question_run(ask_id_for(question, app.deps), app, question=question)
    return told(council_answer(await begun(host, run, ctx)))


def question_run(ask_id: str, app: App, *, question: str | None = None) -> Run[AskShape | None]:
    """Return the run of a question; without its text, one that was asked before is carried on."""
    return Run(
        run_id=RUN_PREFIX + ask_id,
        key=RUN_PREFIX + ask_id,
        week_id=operations.week_in_force(app),
        journey=Journey(tuple(_STAGES.values())),
        work=partial(_work, ask_id, question),
        read=partial(_read, ask_id),
    )


async def _work(ask_id: str, question: str | None, app: App, _: str | None) -> object:
    if question is None:
        return await asking.resume(app, ask_id)
    return await asking.ask(app, question)


async def _read(ask_id: str, app: App) -> Reached[AskShape | None]:
    ask = await asking.read(app, ask_id)
    done = _completed(ask)
    last = Progress(_STAGES[done[-1]], IS_STORED, len(done), len(_STAGES)) if done else None
    is_done = ask is not None and ask.state == "finished"
    # A question is stored before anybody is asked; following an unknown one must say so.
    return Reached(stored=ask, has_begun=True, is_done=is_done, progress=last)


def question_as_week(standing: Standing[AskShape | None]) -> WeekAnswer:
    """Show a question's run as get_run shows every run."""
    base = council_answer(standing).model_dump(exclude={"answers"})
    if standing.state == "finished":
        base["next_step"] += " ask_council with the same question has the members' answers."
    address = approval_address(standing.app)
    return WeekAnswer(**base, decision="", measured="", trades=(), approval_url=address)


def council_answer(standing: Standing[AskShape | None]) -> CouncilAnswer:
    """Show the council's answer as far as it has come.

    Raises:
        ToolError: the run failed in this process.
    """
    ask, state, app = standing.stored, standing.state, standing.app
    if standing.failure and state == "unfinished":
        raise ToolError(f"The question is NOT answered: {standing.failure} Tell the user.")
    final = ask.answer if ask else None
    return CouncilAnswer(
        summary=_summary(state, ask),
        mode=ask.mode if ask else app.standing.mode,
        venue=app.standing.venue,
        degraded=ask.degraded if ask else app.standing.degraded,
        next_step=_next_step(state, standing.run.run_id),
        run_id=standing.run.run_id,
        week_id=ask.week_id if ask else "",
        state=state,
        stage="ask_council",
        completed=_completed(ask),
        untrusted_text=final.text if final else "",
        answers=tuple(map(_line, ask.answers)) if ask else (),
    )


def _completed(ask: AskShape | None) -> tuple[str, ...]:
    if ask is None:
        return ()
    parts: dict[str, Any] = {
        "answers": ask.answers,
        "rankings": ask.rankings,
        "settled": ask.answer,
    }
    return tuple(name for name, part in parts.items() if part)


def _summary(state: RunState, ask: AskShape | None) -> str:
    if ask is None or state != "finished":
        done = ", ".join(_completed(ask)) or "nothing yet"
        return f"The question is {state}; stored: {done}."
    final = ask.answer
    if final is None:
        return f"The council has no answer of its own; {len(ask.answers)} members answered."
    dissent = f" {len(final.dissent)} views differ." if final.dissent else ""
    return (
        f"{len(ask.answers)} members answered, {len(ask.rankings)} ranked the others' answers, and "
        f"the chairman settled it with {final.confidence} confidence.{dissent}"
    )


def _next_step(state: RunState, run_id: str) -> str:
    if state == "running":
        return f'Call get_run with run_id "{run_id}" until it is finished.'
    if state in ("unfinished", "cancelled"):
        return "Call ask_council with the same question to go on, if the user wants it."
    return "Report the answer with its confidence."


def _line(given: MemberAnswerShape) -> MemberLine:
    short = len(given.text) <= _OPENING_CHARACTERS
    opening = given.text if short else f"{given.text[:_OPENING_CHARACTERS]}…"
    return MemberLine(
        label=given.label,
        account=given.account,
        model=given.model,
        confidence=given.confidence,
        points=given.borda,
        untrusted_text=opening,
    )
