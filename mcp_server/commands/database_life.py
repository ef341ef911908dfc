"""The commands on the life of a database: backup, restore, upgrade, import, and its head."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from config.clock import SystemClock
from mcp_server.commands import asking
from mcp_server.commands.options import JsonFlag, YesFlag, carry_out
from mcp_server.output import Output
from mcp_server.wiring import opened_store, settled

if TYPE_CHECKING:
    from store.backup_files import Manifest

_NOTHING_HALF = "Interrupted; nothing half is left: run the same command again."

FileArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        help="Where to; without it a new file in COUNCIL_BACKUP_DIR, or backups in COUNCIL_HOME.",
    ),
]
BackupArgument = Annotated[Path, typer.Argument(metavar="FILE", help="What was backed up.")]
IntoOption = Annotated[
    str | None,
    typer.Option("--into", metavar="NAME", help="Another database of the same server, to be made."),
]
OldBinOption = Annotated[
    Path | None,
    typer.Option("--old-bin", metavar="DIR", help="The programs of the old PostgreSQL."),
]
FromOption = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="Take this backup instead of the old files."),
]
AddressArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="DATABASE_URL",
        help="The server; without it the variable of that name, which no list of processes shows.",
    ),
]
FromEmbeddedFlag = Annotated[
    bool,
    typer.Option("--from-embedded", help="From the embedded database, as without this option."),
]


def backup(file: FileArgument = None, as_json: JsonFlag = False) -> None:
    """Write the whole database into one file, while all else goes on."""
    output = Output(as_json=as_json)
    carry_out(_backup(file, output), output, _NOTHING_HALF)


def restore(file: BackupArgument, into: IntoOption = None, as_json: JsonFlag = False) -> None:
    """Make an empty or new database from a backup; no log is ever written over."""
    output = Output(as_json=as_json)
    carry_out(_restore(file, into, output), output, _NOTHING_HALF)


def upgrade(
    old_bin: OldBinOption = None,
    from_file: FromOption = None,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Bring the embedded database to the installed PostgreSQL; its old files are kept."""
    output = Output(as_json=as_json)
    carry_out(_upgrade(old_bin, from_file, output, yes=yes), output, _NOTHING_HALF)


def import_(
    address: AddressArgument = None,
    from_embedded: FromEmbeddedFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Copy the embedded database to a server, event for event; run again, it goes on."""
    output = Output(as_json=as_json)
    interrupted = "Interrupted; what was copied stays: run the same command again to go on."
    carry_out(_import(address, output), output, interrupted)


def head(as_json: JsonFlag = False) -> None:
    """Print the newest event as POSITION:HASH, to be kept outside of the database."""
    output = Output(as_json=as_json)
    carry_out(_head(output), output)


# What these bring, such as the reading of archives, the list of commands should not pay for.


async def _backup(file: Path | None, output: Output) -> None:
    from mcp_server.database_life import make_backup  # noqa: PLC0415 as above

    shape = await make_backup(settled(output.as_json), file, SystemClock())
    output.show(shape, _drawing(shape))


async def _restore(file: Path, into: str | None, output: Output) -> None:
    from mcp_server.database_life import restore_backup  # noqa: PLC0415 as above

    shape = await restore_backup(settled(output.as_json), file, into)
    output.show(shape, _drawing(shape))


async def _upgrade(
    old_bin: Path | None, from_file: Path | None, output: Output, *, yes: bool
) -> None:
    from mcp_server.database_life import upgrade as upgraded  # noqa: PLC0415 as above

    def agree(file: Path, manifest: "Manifest") -> None:
        output.say(
            f"{file} is the database as it was at {manifest.made_at:%Y-%m-%d %H:%M} UTC: "
            f"{manifest.position} events. What came after it stays in the old files alone."
        )
        if not yes:
            asking.check_terminal("`council db upgrade`")
            asking.ask("Take it?", output)

    settings = settled(output.as_json)
    shape = await upgraded(settings, old_bin=old_bin, backup=from_file, agree=agree)
    output.show(shape, _drawing(shape))


async def _import(address: str | None, output: Output) -> None:
    from mcp_server.database_life import import_log  # noqa: PLC0415 as above

    shape = await import_log(settled(output.as_json), address)
    output.show(shape, _drawing(shape))


async def _head(output: Output) -> None:
    from mcp_server.database_life import head as read_head  # noqa: PLC0415 as above

    async with opened_store(settled(output.as_json)) as app:
        shape = await read_head(app)
    output.show(shape, lambda console: console.print(shape.head))


def _drawing(shape: Any) -> Any:
    def draw(console: Console) -> None:
        console.print(Text(shape.message), soft_wrap=True)

    return draw
