"""What stands still and what became of stopping it: results by account, and drifts."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mcp_server.rendering import words
from mcp_server.shapes import AccountResultShape
from mcp_server.stop_shapes import DriftShape, StoppingShape

_HOW_TO_ACCEPT = (
    "Somebody else traded there, or the record missed something. If the venue is right, "
    "`council accept-drift ACCOUNT INSTRUMENT` takes its position into the record; until then "
    "the account does not trade the instrument."
)


def show_stopping(console: Console, shape: StoppingShape) -> None:
    """Show one line an account, and what else was done."""
    show_account_results(console, shape.results)
    for notice in shape.notices:
        console.print(Text(notice))


def show_account_results(console: Console, results: Sequence[AccountResultShape]) -> None:
    """Show one line an account: its name, how it stands now, and why."""
    lines = Table.grid(padding=(0, 1))
    for result in results:
        status = words.status(result.status)
        if result.message:
            status.append(":", style="default")
        lines.add_row(Text(result.account, style="bold"), status, Text(result.message))
    console.print(lines)


def show_drifts(console: Console, drifts: Sequence[DriftShape]) -> None:
    """Show one line a drift, with what the record and the venue say."""
    if not drifts:
        console.print("No drift: every account holds what the record says.", style="dim")
        return
    numbers = ("recorded", "at the venue")
    built = words.table("account", "of", *numbers, "seen (New York)", "why", right=numbers)
    for drift in drifts:
        built.add_row(
            Text(drift.account, style="bold"),
            drift.instrument,
            f"{drift.expected:+,}",
            Text(f"{drift.shown:+,}", style="red"),
            words.new_york(drift.at),
            drift.reason,
        )
    console.print(built)
    console.print(Text(_HOW_TO_ACCEPT, style="dim"))
