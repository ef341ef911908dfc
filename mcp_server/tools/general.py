"""The tool that asks the general council, and how a question is followed as a run."""

from datetime import timedelta
from typing import Annotated, Any

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult
from pydantic import Field

from council.general import QUESTION_CHARACTERS, ask_id_for
from mcp_server import asking
from mcp_server.ask_shapes import AskShape, MemberAnswerShape
from mcp_server.asking import RUN_PREFIX
from mcp_server.host import Host
from mcp_server.tools.results import CouncilAnswer, MemberLine, RunState, WeekAnswer, told
from mcp_server.tools.serving import HostContext, host_of, saying
from mcp_server.wiring import App

_FIRST_LOOK = timedelta(seconds=2)
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
    run_id = RUN_PREFIX + ask_id_for(question, app.deps)
    host.runs.start(run_id, lambda: asking.ask(app, question))
    await host.runs.wait(run_id, _FIRST_LOOK)
    return told(await _answer(host, app, run_id))


async def followed_question(host: Host, run_id: str, patience: timedelta) -> WeekAnswer:
    """Carry a question on where nobody works on it, wait for its end, tell where it stands."""
    app = await host.app()
    ask_id = run_id.removeprefix(RUN_PREFIX)
    stored = await asking.read(app, ask_id)
    is_done = stored is not None and stored.state == "finished"
    if not is_done and not host.runs.failure_of(run_id):
        host.runs.start(run_id, lambda: asking.resume(app, ask_id))
        await host.runs.wait(run_id, patience)
    base = (await _answer(host, app, run_id)).model_dump(exclude={"answers"})
    return WeekAnswer(**base, decision="", measured="", trades=())


async def _answer(host: Host, app: App, run_id: str) -> CouncilAnswer:
    ask = await asking.read(app, run_id.removeprefix(RUN_PREFIX))
    state = _state(host, run_id, ask)
    failure = host.runs.failure_of(run_id)
    if failure and state == "unfinished":
        raise ToolError(f"The question is NOT answered: {failure} Tell the user.")
    final = ask.answer if ask else None
    return CouncilAnswer(
        summary=_summary(state, ask),
        mode=ask.mode if ask else app.standing.mode,
        venue=app.standing.venue,
        degraded=ask.degraded if ask else app.standing.degraded,
        next_step=_next_step(state, run_id),
        run_id=run_id,
        week_id=ask.week_id if ask else "",
        state=state,
        stage="ask_council",
        completed=_completed(ask),
        untrusted_text=final.text if final else "",
        answers=tuple(map(_line, ask.answers)) if ask else (),
    )


def _state(host: Host, run_id: str, ask: AskShape | None) -> RunState:
    if ask is not None and ask.state == "finished":
        return "finished"
    runs = host.runs
    return "running" if runs.is_running(run_id) or runs.is_elsewhere(run_id) else "unfinished"


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
    if state == "unfinished":
        return "Call ask_council with the same question to go on, if the user wants it."
    return "Report the answer with its confidence. ask_council with the same question has more."


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
