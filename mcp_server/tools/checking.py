"""The tool that takes checkpoints, and how they are followed as a run.

The id of such a run names its day and its slots. That it is over is stored nowhere: a slot in which
nothing is open leaves nothing. So whoever follows it takes what was not taken, which is quick where
all was; once the day is over, what is stored is all there will be.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult
from pydantic import Field

from council.slots import week_of
from mcp_server import checkpointing
from mcp_server.progress import Journey
from mcp_server.runs import checkpoint_id_for, checkpoint_of
from mcp_server.shapes import CheckpointsShape
from mcp_server.tools.following import Reached, Run, Standing, begun
from mcp_server.tools.lines import checkpoint_line, counted, trade_line
from mcp_server.tools.results import CheckpointsAnswer, WeekAnswer, told
from mcp_server.tools.serving import HostContext, host_of, saying
from mcp_server.tools.verdicts import approval_address
from mcp_server.wiring import App

_STAGE = "checkpoint"

CheckpointStanding = Standing[CheckpointsShape]

Slot = Annotated[
    str | None,
    Field(
        pattern=r"^(\d{2}:\d{2}|close)$",
        description='New York time of a slot, HH:MM, or "close". Omit for all that are due.',
    ),
]


@saying("NO checkpoint was taken")
async def run_checkpoint(
    ctx: HostContext, time: Slot = None
) -> Annotated[CallToolResult, CheckpointsAnswer]:
    """Look at every open trade on its frozen indicators and profit; no research is done.

    STAY is recorded; EXIT, FLIP and REDUCE become pending trades that wait for the user. Each slot
    marks equity; "close" marks it alone. Poll get_run while the state is "running".
    """
    host = host_of(ctx)
    app = await host.app()
    run = checkpoint_run(checkpointing.today(app), checkpointing.due_slots(app, time), app)
    return told(checkpoints_answer(await begun(host, run, ctx)))


def checkpoint_run_of(run_id: str, app: App) -> Run[CheckpointsShape]:
    """Return the run of checkpoints that `run_id` names.

    Raises:
        UsageError: it names none, or slots that schedule.yaml has not.
    """
    taken_on, slots = checkpoint_of(run_id)
    for slot in slots:
        checkpointing.checked_slot(app, slot)
    return checkpoint_run(taken_on, slots, app)


def checkpoint_run(taken_on: date, slots: Sequence[str], app: App) -> Run[CheckpointsShape]:
    """Return the run that takes the checkpoints of `slots` on a New York date."""
    run_id = checkpoint_id_for(taken_on, slots)
    return Run(
        run_id=run_id,
        key=run_id,
        week_id=week_of(taken_on),
        journey=Journey((_STAGE,)),
        work=partial(_work, slots),
        read=partial(_read, taken_on, slots),
        ends_with_task=True,
    )


async def _work(slots: Sequence[str], app: App, _: str | None) -> None:
    await checkpointing.take_checkpoints(app, slots)


async def _read(taken_on: date, slots: Sequence[str], app: App) -> Reached[CheckpointsShape]:
    taken = await checkpointing.taken_checkpoints(app, slots, taken_on=taken_on)
    is_done = not slots or taken_on < checkpointing.today(app)
    return Reached(stored=taken, has_begun=False, is_done=is_done)


def checkpoints_answer(standing: CheckpointStanding) -> CheckpointsAnswer:
    """Show what the checkpoints said of every open trade.

    Raises:
        ToolError: the run failed in this process.
    """
    taken, state = standing.stored, standing.state
    if standing.failure and state == "unfinished":
        raise ToolError(f"NOT every checkpoint was taken: {standing.failure} Tell the user.")
    return CheckpointsAnswer(
        summary=_summary(standing),
        mode=taken.mode,
        venue=taken.venue,
        degraded=taken.degraded,
        next_step=_next_step(standing),
        run_id=standing.run.run_id,
        week_id=taken.week_id,
        state=state,
        stage=_STAGE,
        completed=tuple(dict.fromkeys(look.slot for look in taken.checkpoints)),
        checkpoints=tuple(map(checkpoint_line, taken.checkpoints)),
        trades=tuple(map(trade_line, taken.trades)),
        approval_url=approval_address(standing.app),
    )


def looks_as_week(standing: CheckpointStanding) -> WeekAnswer:
    """Show a run of checkpoints as get_run shows every run."""
    answer = checkpoints_answer(standing)
    looks = answer.checkpoints
    said = (f"{look.account} {look.slot}: {look.untrusted_text}" for look in looks)
    return WeekAnswer(
        **answer.model_dump(exclude={"checkpoints", "trades"}),
        decision="; ".join(f"{look.account} {look.slot} {look.action}" for look in looks),
        untrusted_text="\n".join(said),
        measured="",
        trades=answer.trades,
    )


def _summary(standing: CheckpointStanding) -> str:
    looks, waiting = standing.stored.checkpoints, len(standing.stored.trades)
    actions = [look.action for look in looks]
    each = ", ".join(f"{actions.count(name)} {name}" for name in dict.fromkeys(actions))
    taken = counted(len(looks), "look at an open trade", "looks at open trades")
    said = f"{taken}{f' ({each})' if each else ''}"
    if standing.state != "finished":
        return f"The checkpoint is {standing.state}; so far {said}."
    waits = f"{counted(waiting, 'trade now waits', 'trades now wait')} for the user."
    return " ".join((f"{said}; {waits}", *standing.stored.notices))


def _next_step(standing: CheckpointStanding) -> str:
    if standing.state == "running":
        return f'Call get_run with run_id "{standing.run.run_id}" until it is finished.'
    if standing.state != "finished":
        return "Call run_checkpoint to go on, if the user wants it."
    if standing.stored.trades:
        return "Call list_pending_trades and show them to the user."
    return "Nothing waits for the user."
