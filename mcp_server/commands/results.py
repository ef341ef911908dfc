"""What came of it: `postmortem` writes and shows a week's, `leaderboard` tells who is ahead.

Measures, reports and charts are loaded by these two commands alone.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import UsageError
from mcp_server import operations
from mcp_server.commands.options import JsonFlag, carry_out
from mcp_server.output import Output
from mcp_server.wiring import Terms, assembled, opened_store, settled

if TYPE_CHECKING:
    from mcp_server.reporting.material import PostmortemMaterial

PastWeek = Annotated[
    str | None,
    typer.Option(
        "--week",
        metavar="DATE",
        help="The week's Wednesday; without it the newest that is over and has none, else the "
        "newest that has one.",
    ),
]
HtmlFile = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write a page with charts, in one file."),
]
PngFile = Annotated[
    Path | None, typer.Option("--png", metavar="FILE", help="Write the charts as a picture.")
]
MarkdownFlag = Annotated[
    bool, typer.Option("--markdown", help="Print the whole report as Markdown.")
]
AsPage = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a page with charts as well.")
]
_INTERRUPTED = "Interrupted; nothing is lost: `council postmortem` goes on where it was."


@dataclass(frozen=True, slots=True)
class _Wanted:
    """In which forms a postmortem is to be shown."""

    html: Path | None
    png: Path | None
    markdown: bool

    @property
    def needs_report(self) -> bool:
        """Return whether the whole report is wanted in any form."""
        return bool(self.html or self.png or self.markdown)


def postmortem(
    week: PastWeek = None,
    html: HtmlFile = None,
    png: PngFile = None,
    *,
    markdown: MarkdownFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a week's postmortem, once it is over, and show it: numbers, reasons, lessons.

    What is written stays as it is, and is shown again without asking a model.
    """
    if markdown and as_json:
        raise UsageError("Give --markdown or --json, not both: each is one document.")
    for file in (html, png):
        _check_place(file)
    output = Output(as_json=as_json)
    carry_out(_postmortem(week, output, _Wanted(html, png, markdown)), output, _INTERRUPTED)


def leaderboard(html: AsPage = None, as_json: JsonFlag = False) -> None:
    """Show who is ahead to date, what each stage of the council is worth, and who knew."""
    _check_place(html)
    output = Output(as_json=as_json)
    carry_out(_leaderboard(html, output), output)


def _check_place(file: Path | None) -> None:
    """Refuse a file that cannot be written, before anything is paid for."""
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        raise UsageError(f"{file} cannot be written: name a file in a folder that exists.")


async def _postmortem(week: str | None, output: Output, wanted: _Wanted) -> None:
    from mcp_server import result_readings  # noqa: PLC0415 - see the top
    from mcp_server.rendering.results import show_postmortem  # noqa: PLC0415 - see the top

    async with assembled(settled(output.as_json), Terms(tell=output.tell)) as app:
        week_id = await operations.write_postmortem(app, week)
        shape = await operations.postmortem(app, week_id)
        report = (
            await result_readings.postmortem_material(app, week_id) if wanted.needs_report else None
        )
    if not wanted.markdown:
        output.show(shape, lambda console: show_postmortem(console, shape))
    if report is not None:
        _write_report(report, wanted, output)


def _write_report(report: "PostmortemMaterial", wanted: _Wanted, output: Output) -> None:
    from mcp_server.reporting.html import postmortem_html  # noqa: PLC0415 - see the top
    from mcp_server.reporting.markdown import postmortem_markdown  # noqa: PLC0415 - see the top

    if wanted.markdown:
        output.end_progress()
        output.console.print(postmortem_markdown(report), soft_wrap=True)
    if wanted.html is not None:
        _keep(wanted.html, postmortem_html(report).encode(), output)
    if wanted.png is not None:
        from mcp_server.reporting.picture import postmortem_png  # noqa: PLC0415 - see the top

        _keep(wanted.png, postmortem_png(report), output)


async def _leaderboard(html: Path | None, output: Output) -> None:
    from mcp_server import result_readings  # noqa: PLC0415 - see the top
    from mcp_server.rendering.results import show_leaderboard  # noqa: PLC0415 - see the top
    from mcp_server.reporting.html import leaderboard_html  # noqa: PLC0415 - see the top

    async with opened_store(settled(output.as_json)) as app:
        shape = await operations.leaderboard(app)
        report = await result_readings.leaderboard_material(app) if html else None
    output.show(shape, lambda console: show_leaderboard(console, shape))
    if html is not None and report is not None:
        _keep(html, leaderboard_html(report).encode(), output)


def _keep(file: Path, content: bytes, output: Output) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{file} cannot be written ({error.strerror}): name another.") from error
    output.say(f"Written to {file}.")
