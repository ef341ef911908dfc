"""Serving over HTTP, and what `council serve` and `council mcp` may be asked to leave out."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from config.errors import UsageError
from mcp_server.collecting import IN_SERVICE, collecting_after, give_back_large_blocks
from mcp_server.commands.options import JsonFlag, carry_out
from mcp_server.output import Output
from mcp_server.rendering import words
from mcp_server.watchdog import Systemd, answers_at, watched
from mcp_server.web.shapes import ServingShape
from mcp_server.wiring import settled

if TYPE_CHECKING:
    from mcp_server.server import Serving
    from mcp_server.web.serving import Asked, Served

ReadOnlyFlag = Annotated[
    bool,
    typer.Option(
        "--read-only", help="Offer only what reads, and send no orders; it beats every scope."
    ),
]
ToolsetsOption = Annotated[
    str | None,
    typer.Option(
        "--toolsets", metavar="NAMES", help="Offer only these groups, such as week,trades."
    ),
]
HostOption = Annotated[
    str,
    typer.Option(
        "--host", metavar="ADDRESS", help="Where to listen; beyond loopback only with tokens."
    ),
]
PortOption = Annotated[
    int, typer.Option("--port", metavar="N", help="The port; 0 takes any free one.")
]
AllowHostOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="A further name by which it is reached, such as that of a proxy; may be repeated.",
    ),
]
RequireTokenFlag = Annotated[
    bool,
    typer.Option("--require-token", help="Demand a token on this machine too, even if none is."),
]
StatelessFlag = Annotated[
    bool,
    typer.Option(
        "--stateless",
        help="Keep no sessions of older clients, for several servers behind one address; they can "
        "then be asked nothing in a form.",
    ),
]

_ENDED = "The server has ended; what was approved stays approved, and a week resumes."
_DEFAULT_PORT = 8931


def serve(
    host: HostOption = "127.0.0.1",
    port: PortOption = _DEFAULT_PORT,
    allow_host: AllowHostOption = None,
    *,
    read_only: ReadOnlyFlag = False,
    toolsets: ToolsetsOption = None,
    require_token: RequireTokenFlag = False,
    stateless: StatelessFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Serve the tools to MCP clients over HTTP, with the pages of approvals, until Ctrl-C."""
    # The MCP package and the web server are heavy, and other commands do without.
    from mcp_server.web.serving import Asked  # noqa: PLC0415

    output = Output(as_json=as_json)
    asked = Asked(
        bind=host,
        port=port,
        further_names=tuple(allow_host or ()),
        require_token=require_token,
        stateless=stateless,
        serving=chosen(toolsets, read_only=read_only),
    )
    carry_out(_serve(asked, output), output, _ENDED)


def chosen(toolsets: str | None, *, read_only: bool) -> "Serving":
    """Return what to offer, by the options of `council serve` and `council mcp`.

    Raises:
        UsageError: there is no such group of tools.
    """
    from mcp_server.offers import TOOLSETS  # noqa: PLC0415 - heavy, see above
    from mcp_server.server import Serving  # noqa: PLC0415 - heavy, see above

    names = [name.strip() for name in (toolsets or ",".join(TOOLSETS)).split(",")]
    if unknown := [name for name in names if name not in TOOLSETS]:
        raise UsageError(
            f"There is no group of tools {', '.join(map(repr, unknown))}: "
            f"choose from {', '.join(TOOLSETS)}."
        )
    return Serving(tuple(own for own in TOOLSETS if own in names), read_only)


async def _serve(asked: "Asked", output: Output) -> None:
    from mcp_server.web.serving import is_nameless, served  # noqa: PLC0415 - heavy, see above

    give_back_large_blocks()
    async with (
        served(settled(output.as_json), asked) as now,
        watched(Systemd.of_process(), answers_at(now.origin), now.turns.are_made),
    ):
        shape = _serving_shape(now)
        nameless = is_nameless(asked, now.app.settings)
        output.show(shape, lambda console: _draw_serving(console, shape, nameless=nameless))
        with collecting_after(IN_SERVICE):
            # Waited for, not awaited: to be interrupted here must not cancel it.
            await asyncio.wait({now.ended})


def _serving_shape(now: "Served") -> ServingShape:
    return ServingShape(
        address=now.origin,
        mcp_url=now.resource,
        approvals_url=f"{now.app.settings.council_web_url}/approvals",
        demands_token=now.demands_token,
        mode=now.app.standing.mode,
        venue=now.app.standing.venue,
        degraded=now.app.standing.degraded,
    )


def _draw_serving(console: Console, shape: ServingShape, *, nameless: bool) -> None:
    words.header(console, "Council", mode=shape.mode, venue=shape.venue, degraded=shape.degraded)
    if shape.mcp_url is not None:
        console.print(f"Tools for MCP clients  {shape.mcp_url}", soft_wrap=True)
    console.print(f"Trades that wait       {shape.approvals_url}", soft_wrap=True)
    console.print(
        "Every client must show a token: `council token list` names them."
        if shape.demands_token
        else "Every program on this machine may use it: `council token create` makes the first "
        "token, and from then on all must show one.",
        soft_wrap=True,
    )
    if nameless:
        console.print(
            "Other machines are refused until --allow-host gives the name or address by which they "
            "reach it.",
            soft_wrap=True,
        )
    console.print("Ctrl-C ends it.", style="dim")
