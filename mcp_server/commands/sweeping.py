"""The part of `council simulate` that plays many: its options, and how a sweep is run and shown."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from mcp_server.output import Output
from mcp_server.rendering import words
from mcp_server.sweep_shapes import SweepShape
from mcp_server.wiring import settled

if TYPE_CHECKING:
    from council.simulate import SimulationPlan
    from mcp_server.sweeping import SimulationEnded

SeedsOption = Annotated[
    str | None,
    typer.Option(
        "--seeds",
        metavar="1-20",
        help="Play a simulation for each of these seeds, such as 1-20 or 1,3,7-9, and compare.",
    ),
]
WorkersOption = Annotated[
    int,
    typer.Option("--workers", metavar="N", min=1, max=256, help="Processes that play the seeds."),
]
RayOption = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Play the seeds on the Ray cluster there, such as ray://head:10001; `local` starts "
        "one on this machine. Needs the extra `ray`.",
    ),
]
ConfigurationsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--configuration",
        metavar="FOLDER",
        help="With --seeds: a folder with the five YAML files to play each seed with; repeatable.",
    ),
]


async def play_sweep(
    plan: "SimulationPlan",
    seeds: str,
    *,
    workers: int,
    ray: str | None,
    configurations: list[Path] | None,
    output: Output,
) -> None:
    """Play `plan` with every seed and configuration, and show the spread of what came of it.

    Raises:
        SweepIncomplete: a simulation failed; all others are whole.
        CouncilError: the sweep as a whole cannot be played.
    """
    # These bring what plays a week, which --help should not wait for.
    from mcp_server.sweep_crews import cluster, processes  # noqa: PLC0415
    from mcp_server.sweeping import (  # noqa: PLC0415
        SweepIncomplete,
        SweepOrder,
        checked_for_cluster,
        seeds_of,
        sweep,
    )

    order = SweepOrder(plan, seeds_of(seeds), tuple(configurations or ()))
    crew = processes(workers) if ray is None else cluster(ray, workers)
    if ray is not None:
        order = checked_for_cluster(order)
    shape = await sweep(
        order,
        settled(output.as_json),
        crew=crew,
        tell=lambda ended: output.say(_line(ended)),
    )
    output.show(shape, lambda console: show_sweep(console, shape))
    if shape.failed:
        reasons = [run.failure for run in shape.runs if run.failure]
        raise SweepIncomplete(
            f"{shape.failed} of {len(shape.runs)} simulations failed, the first so: {reasons[0]}"
        )


def show_sweep(console: Console, shape: SweepShape) -> None:
    """Show each account's spread over the simulations, and where everything is kept."""
    played = len(shape.runs) - shape.failed
    console.print(
        Text(
            f"{played} simulations of {shape.weeks} weeks from {shape.first_week}, prices "
            f"{shape.prices}: profit in USD",
            style="bold",
        )
    )
    columns = ("mean", "deviation", "lowest", "median", "highest", "won")
    for configuration in dict.fromkeys(spread.configuration for spread in shape.accounts):
        table = words.table(configuration or "Account", *columns, right=columns)
        for one in shape.accounts:
            if one.configuration == configuration:
                table.add_row(
                    one.account,
                    _usd(one.mean_usd),
                    _usd(one.deviation_usd),
                    _usd(one.lowest_usd),
                    _usd(one.median_usd),
                    _usd(one.highest_usd),
                    f"{one.won}/{one.simulations}",
                )
        console.print(table)
    console.print(
        Text(f"{shape.seconds:,.0f} s; tables and reports are in {shape.files}.", style="dim")
    )


def _line(ended: "SimulationEnded") -> str:
    told = f"failed: {ended.failure}" if ended.failure else "is whole"
    return f"{ended.name} {told} ({ended.done}/{ended.simulations})"


def _usd(value: float | None) -> str:
    return "-" if value is None else f"{value:+,.0f}"
