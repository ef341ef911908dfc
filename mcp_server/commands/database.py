"""The database's own commands: create it, rebuild what is folded, verify the log."""

from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from config.errors import CouncilError
from mcp_server import operations
from mcp_server.commands.options import JsonFlag, carry_out
from mcp_server.output import Output
from mcp_server.shapes import DatabaseShape
from mcp_server.wiring import opened_store, settled
from store.chain import ChainPoint

AgainstOption = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="POSITION:HASH",
        help="A head that was kept outside: the log must still have it. Finds a cut end.",
    ),
]


class DamagedLog(CouncilError):
    """The chain of hashes does not hold; the message names the first position."""


def init_db(as_json: JsonFlag = False) -> None:
    """Create the database and its tables; harmless where they exist."""
    output = Output(as_json=as_json)
    carry_out(_report(operations.database_ready, output), output)


def rebuild(as_json: JsonFlag = False) -> None:
    """Empty the read tables and fold every event into them again."""
    output = Output(as_json=as_json)
    carry_out(_report(operations.rebuild, output), output)


def verify(against: AgainstOption = None, as_json: JsonFlag = False) -> None:
    """Recompute the chain of hashes over the whole log and name the first event that differs."""
    output = Output(as_json=as_json)
    carry_out(_verify(output, against), output)


async def _report(work: operations.DatabaseWork, output: Output) -> DatabaseShape:
    async with opened_store(settled(output.as_json)) as app:
        shape = await work(app)
    output.show(shape, lambda console: _draw(console, shape))
    return shape


async def _verify(output: Output, against: str | None) -> None:
    work: operations.DatabaseWork = operations.verify
    if against is not None:
        from mcp_server.database_life import verify_against  # noqa: PLC0415 heavy: archives

        work = partial(verify_against, point=ChainPoint.read(against))
    shape = await _report(work, output)
    if not shape.ok:
        raise DamagedLog(shape.message)


def _draw(console: Console, shape: DatabaseShape) -> None:
    console.print(shape.message, style="green" if shape.ok else "bold red")
