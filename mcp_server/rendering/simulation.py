"""A simulation as a person sees it: how far it is while it plays, and what came of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from mcp_server.output import Output
from mcp_server.rendering import words
from mcp_server.simulation_run import WeekDone
from mcp_server.simulation_shapes import (
    AccountOutcomeShape,
    KeptSimulationsShape,
    SimulationShape,
)


@contextmanager
def week_bar(output: Output) -> Iterator[Callable[[WeekDone], None]]:
    """Show a bar of weeks on a terminal, else a line for each; a program sees nothing."""
    if output.as_json:
        yield lambda _told: None
        return
    if not output.side.is_terminal:
        yield lambda told: output.say(_line(told))
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=output.side) as bar:
        task = bar.add_task("weeks", total=None)
        yield lambda told: bar.update(
            task, completed=told.done, total=told.weeks, description=f"week {told.week_id}"
        )


def show_simulation(console: Console, shape: SimulationShape) -> None:
    """Draw the result: what was not real first, then accounts, trades and looks."""
    words.header(
        console,
        f"Simulation {shape.name}: {shape.weeks} weeks from {shape.first_week}",
        mode=shape.mode,
        venue="simulated",
        degraded=(*shape.degraded, f"Prices: {shape.prices}. The clock is virtual."),
    )
    console.print(_accounts(shape.accounts))
    looks = shape.checkpoints
    saved = "" if looks.saved_share is None else f", {looks.saved_share:.1%} without a model"
    listed = ", ".join(f"{count} {status}" for status, count in sorted(shape.trades.items()))
    for line in (
        f"Trades: {listed or 'none'}; {shape.orders} orders.",
        f"Looks at open trades: {looks.looked}{saved}. Postmortems: {shape.postmortems}.",
        f"{shape.events} events in {shape.seconds:.0f} s; the last one's hash is "
        f"{shape.chain_head}.",
    ):
        console.print(Text(line), soft_wrap=True)


def show_kept(console: Console, kept: KeptSimulationsShape) -> None:
    """List the simulations: how far each is, and where its files are."""
    if not kept.simulations:
        console.print(Text("No simulation was begun here."))
    for one in kept.simulations:
        weeks = "files alone" if one.weeks is None else f"{one.weeks_done} of {one.weeks} weeks"
        state = weeks if one.is_finished else f"{weeks}, not finished"
        console.print(Text(f"{one.name}: {state}; {one.files or 'no files yet'}"), soft_wrap=True)


def _line(told: WeekDone) -> str:
    return f"{told.done} of {told.weeks} weeks played, up to {told.week_id}"


def _accounts(accounts: tuple[AccountOutcomeShape, ...]) -> Table:
    table = Table("Account", box=None, header_style="bold")
    for heading in ("equity $", "profit $", "return", "Sharpe", "drawdown"):
        table.add_column(heading, justify="right")
    for own in accounts:
        table.add_row(
            own.account,
            _number(own.equity_usd, ",.2f"),
            _number(own.profit_usd, "+,.2f"),
            _number(own.time_weighted_return, "+.2%"),
            _number(own.sharpe, ".2f"),
            _number(own.max_drawdown, ".2%"),
        )
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
