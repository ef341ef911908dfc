"""The options that several commands share, and how a command's coroutine is run."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Annotated, Any

import typer

from mcp_server.output import Output, write_error

_INTERRUPTED = 130
_TERMINATED = 143
_WEEK_RESUMES = "Interrupted; nothing is lost: the week resumes with `council run-weekly`."

JsonFlag = Annotated[
    bool, typer.Option("--json", help="Print one JSON document; errors as JSON on stderr.")
]
WeekOption = Annotated[
    str | None,
    typer.Option(
        "--week", metavar="DATE", help="The week's Wednesday; without it the week in force."
    ),
]
YesFlag = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask; needed without a terminal.")
]


def carry_out(
    work: Coroutine[Any, Any, Any], output: Output, interrupted: str = _WEEK_RESUMES
) -> None:
    """Run a command's coroutine; Ctrl-C and SIGTERM cancel it and leave a week that resumes.

    `interrupted` is what a person is told then.
    """
    try:
        asyncio.run(_until_terminated(work))
    except (KeyboardInterrupt, asyncio.CancelledError) as end:
        output.end_progress()
        if output.as_json:
            write_error(interrupted, code="interrupted", as_json=True)
        output.say(interrupted)
        code = _INTERRUPTED if isinstance(end, KeyboardInterrupt) else _TERMINATED
        raise typer.Exit(code) from None
    finally:
        output.end_progress()


async def _until_terminated(work: Coroutine[Any, Any, Any]) -> None:
    """Let SIGTERM end `work` as Ctrl-C does, closing what is open; a second one kills."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def end() -> None:
        loop.remove_signal_handler(signal.SIGTERM)
        if task is not None:
            task.cancel()

    loop.add_signal_handler(signal.SIGTERM, end)
    try:
        await work
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
