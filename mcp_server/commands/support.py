"""`council support-bundle`: one file that somebody else may look at, made and shown, never sent."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from config.clock import SystemClock
from config.loader import load_config
from mcp_server.commands.options import JsonFlag, carry_out
from mcp_server.output import Output
from mcp_server.rendering import words
from mcp_server.support_bundle import BundleShape, Censor, gather, write_bundle
from mcp_server.wiring import settled

FileArgument = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="Where to write it; by default into this folder."),
]
_ENDED = "Interrupted; no bundle was written."


def support_bundle(file: FileArgument = None, as_json: JsonFlag = False) -> None:
    """Write versions, settings without secrets, findings and events without contents to a file."""
    output = Output(as_json=as_json)
    carry_out(_bundle(file, output), output, _ENDED)


async def _bundle(file: Path | None, output: Output) -> None:
    # The doctor looks at everything at once, and nobody else needs it.
    from mcp_server.doctor import examine  # noqa: PLC0415

    settings, now = settled(output.as_json), SystemClock().now()
    config = load_config(settings.council_config)
    gathered = await gather(settings, config, examine=examine)
    censor = Censor(settings, config, Path.home())
    shape = write_bundle(file or default_file(now), gathered, censor, at=now)
    output.show(shape, lambda console: _draw(console, shape))


def default_file(now: datetime) -> Path:
    """Return how a bundle is called that nobody named."""
    return Path(f"council-support-{now:%Y%m%dT%H%M%SZ}.tar.gz")


def _draw(console: Console, shape: BundleShape) -> None:
    built = words.table("file", "bytes", "holds", right=("bytes",))
    for part in shape.parts:
        built.add_row(part.name, f"{part.bytes:,}", part.holds)
    console.print(built)
    for sentence in shape.missing:
        console.print(Text(f"Not in it: {sentence}", "yellow"))
    console.print(f"{shape.file}, {shape.bytes:,} bytes, readable by you alone.", soft_wrap=True)
    console.print("Nothing was sent. Look into it, then pass it on yourself:", style="dim")
    console.print(f"  tar -xzOf {shape.file} | less", style="dim", soft_wrap=True)
