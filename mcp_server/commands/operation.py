"""What an operator looks at: status, the log of events, the doctor, and the MCP server itself."""

import sys
from functools import partial
from typing import Annotated

import typer

from mcp_server import operations
from mcp_server.commands.options import JsonFlag, carry_out
from mcp_server.commands.serving import ReadOnlyFlag, ToolsetsOption, chosen
from mcp_server.output import Output
from mcp_server.rendering.status import show_doctor, show_status
from mcp_server.views import event_shape
from mcp_server.wiring import Terms, assembled, opened_store, settled

StreamOption = Annotated[
    str | None,
    typer.Option("--stream", metavar="S", help="Only one stream, such as week-2026-11-18."),
]
NotifyFlag = Annotated[
    bool, typer.Option("--notify", help="Send a test to each address in COUNCIL_ALERT_URLS.")
]


def status(as_json: JsonFlag = False) -> None:
    """Show mode, venues, accounts, positions and the week in force."""
    output = Output(as_json=as_json)
    carry_out(_status(output), output)


def events(stream: StreamOption = None, as_json: JsonFlag = False) -> None:
    """Print the log, one JSON object a line, oldest first."""
    output = Output(as_json=as_json)
    carry_out(_events(stream, output), output)


def doctor(notify: NotifyFlag = False, as_json: JsonFlag = False) -> None:
    """Check everything that a week needs and name the command that mends what is wrong."""
    # Only the doctor looks at package versions, the calendar and every venue at once.
    from mcp_server.doctor import examine  # noqa: PLC0415

    output = Output(as_json=as_json)
    carry_out(_doctor(partial(examine, notify=notify), output), output)


def mcp(read_only: ReadOnlyFlag = False, toolsets: ToolsetsOption = None) -> None:
    """Serve the tools to an MCP client over stdio; stdout carries the protocol only."""
    # The MCP package is heavy and no other command needs it.
    from mcp_server.server import serve_stdio  # noqa: PLC0415

    output = Output(as_json=True)
    carry_out(serve_stdio(chosen(toolsets, read_only=read_only)), output)


async def _status(output: Output) -> None:
    async with assembled(settled(output.as_json), Terms(tell=output.tell, models=False)) as opened:
        shape = await operations.status(opened)
    output.show(shape, lambda console: show_status(console, shape))


async def _events(stream: str | None, output: Output) -> None:
    async with opened_store(settled(output.as_json)) as app:
        if stream is not None:
            for event in await app.deps.store.read_stream(stream):
                output.line(event_shape(event))
        else:
            async for event in app.deps.store.read_all():
                output.line(event_shape(event))
    sys.stdout.flush()


async def _doctor(examine: operations.Examine, output: Output) -> None:
    shape = await examine()
    output.show(shape, lambda console: show_doctor(console, shape))
    if not shape.healthy:
        raise typer.Exit(1)
