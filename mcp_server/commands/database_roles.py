"""`council db roles`: who may append what, checked by the database itself."""

from typing import Annotated, cast

import typer
from rich.console import Console

from config.errors import UsageError
from council.grants import ApprovalMode
from mcp_server.commands.options import JsonFlag, carry_out
from mcp_server.database_roles import roles_ready
from mcp_server.output import Output
from mcp_server.role_shapes import RolesShape
from mcp_server.wiring import settled

_MODES = ("conversational", "strict")
_INTERRUPTED = "Interrupted; run it again, it goes on where it stopped."

ModeOption = Annotated[
    str | None,
    typer.Option(
        "--mode",
        metavar="MODE",
        help="The approval mode to grant for, conversational or strict; without it risk.yaml's.",
    ),
]


def roles(mode: ModeOption = None, as_json: JsonFlag = False) -> None:
    """Let server, approver and executor each append only its own facts; write their addresses.

    Run it as the owner of the database, who may create roles; it may be repeated.
    """
    if mode is not None and mode not in _MODES:
        raise UsageError(f"There is no approval mode {mode!r}: use {' or '.join(_MODES)}.")
    output = Output(as_json=as_json)
    carry_out(_roles(cast("ApprovalMode | None", mode), output), output, _INTERRUPTED)


async def _roles(mode: ApprovalMode | None, output: Output) -> None:
    shape = await roles_ready(settled(output.as_json), mode)
    output.show(shape, lambda console: _draw(console, shape))


def _draw(console: Console, shape: RolesShape) -> None:
    console.print(shape.message, style="green")
    for one in shape.roles:
        console.print(f"{one.role:<12}{one.may}", soft_wrap=True, markup=False)
        if one.address_file is not None:
            state = "new" if one.is_new else "as before"
            where = f"{'':<12}login {one.login}, its address ({state}) is in {one.address_file}"
            console.print(where, soft_wrap=True, markup=False, style="dim")
    for notice in shape.notices:
        console.print(f"! {notice}", soft_wrap=True, markup=False, style="yellow")
    if shape.database == "external":
        console.print(
            "Start each process with DATABASE_URL set to its address, and give none of them this "
            "one, the owner's.",
            soft_wrap=True,
            markup=False,
        )
