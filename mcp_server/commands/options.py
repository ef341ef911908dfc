"""The options that several commands share, and how a command's coroutine is run."""

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any

import typer

from mcp_server.output import Output, write_error

_INTERRUPTED = 130

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


def carry_out(work: Coroutine[Any, Any, Any], output: Output) -> None:
    """Run a command's coroutine; Ctrl-C cancels it and leaves a week that resumes."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        output.end_progress()
        sentence = "Interrupted; nothing is lost: the week resumes with `council run-weekly`."
        write_error(sentence, code="interrupted", as_json=output.as_json)
        raise typer.Exit(_INTERRUPTED) from None
    finally:
        output.end_progress()
