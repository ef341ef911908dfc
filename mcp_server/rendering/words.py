"""The small pieces that every table shares: directions, convictions, money, times, the header."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.clock import NEW_YORK
from mcp_server.apps.card_shapes import conviction_word

_DIRECTION_STYLES = {"LONG": "green", "SHORT": "red", "FLAT": "dim"}
_STATUS_STYLES = {
    "pending": "yellow",
    "approved": "cyan",
    "executed": "cyan",
    "open": "green",
    "filled": "green",
    "closed": "dim",
    "rejected": "red",
    "failed": "bold red",
    "refused": "bold red",
    "expired": "dim",
    "halted": "bold red",
    "trading": "green",
    "accepted": "green",
}
_CONVICTION_STYLES = {"HIGH": "green", "MEDIUM": "yellow", "LOW": "red", "FLAT": "dim"}
WIDE_COLUMNS = 110
"""From this width on, tables show their further columns."""


def direction(word: str | None) -> Text:
    """Show LONG, SHORT or FLAT in its colour; a dash for none."""
    return Text(word or "-", style=_DIRECTION_STYLES.get(word or "", "dim"))


def conviction(value: float | None) -> Text:
    """Show a conviction with its sign: green is high, yellow medium, red low."""
    if value is None:
        return Text("-", style="dim")
    style = _CONVICTION_STYLES[conviction_word(value)]
    return Text(f"{value:+.1f}" if value else "0.0", style=style)


def status(word: str) -> Text:
    """Show a status in its colour."""
    return Text(word, style=style_of(word))


def style_of(status_word: str) -> str:
    """Return the colour of a status; none for one without."""
    return _STATUS_STYLES.get(status_word, "")


def dollars(value: float | None, *, signed: bool = False) -> Text:
    """Show money to the cent; with `signed`, a gain is green and a loss red."""
    if value is None:
        return Text("-", style="dim")
    if not signed:
        return Text(f"{value:,.2f}")
    style = "green" if value > 0 else "red"
    return Text(f"{value:+,.2f}", style=style if round(value, 2) else "dim")


def new_york(instant: datetime) -> str:
    """Show an instant as New York's clocks do, such as "Wed 18 Nov 08:00"."""
    return instant.astimezone(NEW_YORK).strftime("%a %d %b %H:%M")


def approved_wait(count: int, market_opens_at: datetime | None) -> str:
    """Say what approved trades wait for: the market's open, or an executor's next turn."""
    what = "1 approved trade waits" if count == 1 else f"{count} approved trades wait"
    if market_opens_at is None:
        return f"{what} for the executor"
    return f"{what} for the open at {new_york(market_opens_at)} New York"


def table(*columns: str, right: Iterable[str] = (), title: str | None = None) -> Table:
    """Build an empty table; the columns named in `right` hold numbers."""
    built = Table(
        box=box.SIMPLE_HEAD,
        title=title,
        title_style="bold",
        title_justify="left",
        header_style="bold",
        pad_edge=False,
    )
    numeric = set(right)
    for name in columns:
        built.add_column(name, justify="right" if name in numeric else "left", overflow="fold")
    return built


def header(
    console: Console,
    title: str,
    *,
    mode: str,
    venue: str,
    degraded: Sequence[str],
    stops: Sequence[str] = (),
) -> None:
    """Say first who answers, where orders go, and how this falls short of the real thing.

    Those of `degraded` that are in `stops` are about trading that stands still: they are in red.
    """
    models = "rehearsal models" if mode == "rehearsal" else "live models"
    line = Text.assemble((title, "bold"), "  ", (f" {models} ", _badge(mode == "rehearsal")), " ")
    line.append(f" venue {venue} ", _badge("simulated" in venue))
    console.print(line)
    shortfalls = Table.grid(padding=(0, 1))
    for sentence in degraded:
        colour = "red" if sentence in stops else "yellow"
        shortfalls.add_row(Text("!", style=f"bold {colour}"), Text(sentence, style=colour))
    if degraded:
        console.print(shortfalls)


def _badge(degraded: bool) -> str:
    return "black on yellow" if degraded else "black on green"


def heading(console: Console, title: str) -> None:
    """Open a section."""
    console.print()
    console.print(Text(title, style="bold cyan"))


def is_wide(console: Console) -> bool:
    """Return whether the terminal has room for the further columns."""
    return console.width >= WIDE_COLUMNS
