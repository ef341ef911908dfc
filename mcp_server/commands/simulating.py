"""`council simulate`: many weeks on a virtual clock, alone or many times over."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import UsageError
from mcp_server.commands.options import JsonFlag, carry_out
from mcp_server.commands.sweeping import (
    ConfigurationsOption,
    RayOption,
    SeedsOption,
    WorkersOption,
    play_sweep,
)
from mcp_server.output import Output
from mcp_server.wiring import settled

if TYPE_CHECKING:
    from council.simulate import SimulationPlan

WeeksOption = Annotated[int, typer.Option("--weeks", metavar="N", min=1, help="How many weeks.")]
FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE", help="The first week's Wednesday."),
]
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="S", help="Of synthetic prices and of rejections.")
]
PricesOption = Annotated[
    str,
    typer.Option(
        "--prices",
        metavar="synthetic|alpaca|FILE",
        help="Made up, Alpaca's history (needs a key), or a file of bars, CSV or Parquet.",
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name", metavar="NAME", help="Its database and folder; without it by the parameters."
    ),
]
RejectOption = Annotated[
    float,
    typer.Option(
        "--reject-share", metavar="X", min=0, max=1, help="Share of trades the owner turns down."
    ),
]
KeepHaltsFlag = Annotated[
    bool,
    typer.Option("--keep-halts", help="Resume no account that its limits have halted."),
]
LiveFlag = Annotated[
    bool,
    typer.Option("--live", help="Ask the configured language models, which costs money."),
]
ListFlag = Annotated[
    bool, typer.Option("--list", help="List the simulations that were begun, and play none.")
]
DropOption = Annotated[
    list[str] | None,
    typer.Option(
        "--drop", metavar="NAME", help="Remove this one's database and files; repeatable."
    ),
]


def simulate(  # noqa: PLR0913, PLR0917 - typer gives an option for each
    weeks: WeeksOption = 52,
    first_week: FromOption = None,
    seed: SeedOption = 7,
    prices: PricesOption = "synthetic",
    name: NameOption = None,
    reject_share: RejectOption = 0.0,
    keep_halts: KeepHaltsFlag = False,
    live: LiveFlag = False,
    seeds: SeedsOption = None,
    workers: WorkersOption = 1,
    ray: RayOption = None,
    configurations: ConfigurationsOption = None,
    list_all: ListFlag = False,
    drop: DropOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Play many weeks on a virtual clock; a simulation that was stopped goes on where it was."""
    # These bring what plays a week, which --help should not wait for.
    from mcp_server.simulation_order import SimulationOrder, command_of, planned  # noqa: PLC0415

    output = Output(as_json=as_json)
    if list_all or drop:
        carry_out(_tidy(drop or [], output), output, "Interrupted; what was dropped is gone.")
        return
    order = SimulationOrder(
        weeks=weeks,
        first_week=first_week,
        seed=seed,
        prices=prices,
        name=name,
        reject_share=Decimal(str(reject_share)),
        keep_halts=keep_halts,
        live=live,
    )
    plan = planned(order, settled(as_json))
    if seeds is not None:
        work = play_sweep(
            plan, seeds, workers=workers, ray=ray, configurations=configurations, output=output
        )
        carry_out(work, output, "Interrupted; the same command goes on with the sweep.")
        return
    _refuse_sweep_options(workers, ray, configurations)
    carry_out(_play(plan, output), output, f"Interrupted; go on with `{command_of(plan)}`.")


async def _play(plan: "SimulationPlan", output: Output) -> None:
    from mcp_server.rendering.simulation import show_simulation, week_bar  # noqa: PLC0415 as above
    from mcp_server.simulating import simulate as play  # noqa: PLC0415 as above

    with week_bar(output) as tell:
        done = await play(plan, settled(output.as_json), tell=tell)
    if done.was_done:
        output.say(f"{plan.name} was played before; this is its result.")
    output.show(done.summary, lambda console: show_simulation(console, done.summary))


async def _tidy(names: list[str], output: Output) -> None:
    """Drop the named simulations and show those that are there."""
    from mcp_server.rendering.simulation import show_kept  # noqa: PLC0415 as above
    from mcp_server.simulations_kept import (  # noqa: PLC0415 as above
        drop_simulation,
        kept_simulations,
    )

    settings = settled(output.as_json)
    for name in names:
        await drop_simulation(name, settings)
        output.say(f"{name} is gone: its database, its copy and its files.")
    kept = await kept_simulations(settings)
    output.show(kept, lambda console: show_kept(console, kept))


def _refuse_sweep_options(workers: int, ray: str | None, folders: list[Path] | None) -> None:
    if workers > 1 or ray is not None or folders:
        raise UsageError(
            "--workers, --ray and --configuration are for many simulations: give --seeds too."
        )
