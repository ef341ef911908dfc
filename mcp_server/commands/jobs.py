"""Scheduled work: `council job`, which timers start, and `council worker` for several hosts."""

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from mcp_server.commands.options import JsonFlag, carry_out
from mcp_server.output import Output
from mcp_server.wiring import Terms, assembled, settled

if TYPE_CHECKING:
    from mcp_server.jobs.shapes import JobShape

_RESUMES = "Interrupted; nothing is lost: the next start of the same job goes on."
_WORKER_ENDED = "The worker has ended; another takes over what it worked on, or it goes on later."
_FAILED = 1


class JobChoice(StrEnum):
    """The jobs by their names on the command line."""

    WEEKLY = "weekly"
    CHECKPOINT = "checkpoint"
    POSTMORTEM = "postmortem"
    DAILY = "daily"


NameArgument = Annotated[
    JobChoice, typer.Argument(metavar="NAME", help="weekly, checkpoint, postmortem or daily.")
]
HeartbeatOption = Annotated[
    float,
    typer.Option(
        "--heartbeat",
        metavar="SECONDS",
        min=1.0,
        max=600.0,
        help="After so long without a sign of life another worker takes a worker's jobs over.",
    ),
]
AloneFlag = Annotated[
    bool,
    typer.Option("--alone", help="Share nothing with other hosts; needs no queue and no extra."),
]
InstallFlag = Annotated[
    bool, typer.Option("--install", help="Make or renew the queue's tables, and end.")
]


def job(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Do what is due of a job, once whoever starts it; what was missed is recorded as skipped.

    Timers call it, also late and several at once. It exits with 0 where nothing is to do.
    """
    output = Output(as_json=as_json)
    carry_out(_job(name, output), output, _RESUMES)


def worker(
    heartbeat: HeartbeatOption = 30.0,
    alone: AloneFlag = False,
    install: InstallFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Do all scheduled work of several hosts that share one database, until Ctrl-C.

    One on each host, instead of the timers. Needs the extra `workers`, unless it is alone.
    """
    output = Output(as_json=as_json)
    terms = {"heartbeat": timedelta(seconds=heartbeat), "is_alone": alone}
    carry_out(_worker(output, terms, install=install), output, _WORKER_ENDED)


async def _job(name: JobChoice, output: Output) -> None:
    # The council's jobs bring its stages, which the list of commands should not pay for.
    from mcp_server.jobs.shapes import job_shape  # noqa: PLC0415
    from mcp_server.jobs.work import carry_out_job  # noqa: PLC0415

    terms = Terms(tell=output.tell, models=name is not JobChoice.DAILY)
    async with assembled(settled(output.as_json), terms) as app:
        shape = job_shape(name.value, await carry_out_job(app, name.value))
    output.show(shape, lambda console: _draw(console, shape))
    if any(result.problems for result in shape.slots):
        raise typer.Exit(_FAILED)


async def _worker(output: Output, terms: dict[str, Any], *, install: bool) -> None:
    # As above, and PgQueuer.
    from mcp_server.jobs.worker import WorkerTerms, install_queue, work_for_ever  # noqa: PLC0415

    settings = settled(output.as_json, "INFO")
    if install:
        output.say(await install_queue(settings))
        return
    await work_for_ever(settings, WorkerTerms(**terms), tell=output.tell)


def _draw(console: Console, shape: "JobShape") -> None:
    for result in shape.slots:
        console.print(Text(f"{result.slot}: {result.state}. {result.message}"), soft_wrap=True)
