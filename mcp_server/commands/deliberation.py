"""The week's commands: the whole of it, one stage of it, a checkpoint, and the demonstration."""

from pathlib import Path
from typing import Annotated

import typer

from config.errors import UsageError
from council.errors import WeekBusy
from mcp_server import checkpointing, operations
from mcp_server.commands.options import JsonFlag, WeekOption, carry_out
from mcp_server.output import Output
from mcp_server.rendering.status import show_checkpoints
from mcp_server.rendering.week import show_week
from mcp_server.shapes import WeekShape
from mcp_server.wiring import App, Terms, assembled, settled

QueryOption = Annotated[
    str | None, typer.Option("--query", metavar="TEXT", help="What research should look at first.")
]
SlotOption = Annotated[
    str | None,
    typer.Option("--time", metavar="HH:MM", help="One slot of schedule.yaml, or: close."),
]
EverySlotFlag = Annotated[bool, typer.Option("--all", help="Every slot that is due.")]
BarsOption = Annotated[
    Path | None,
    typer.Option("--bars", metavar="FILE", help="Real daily or minute bars, CSV or Parquet."),
]
SeedOption = Annotated[int, typer.Option("--seed", metavar="N", help="Of the synthetic prices.")]


def run_weekly(
    week: WeekOption = None, query: QueryOption = None, as_json: JsonFlag = False
) -> None:
    """Run the week up to its pending trades; a finished week is only shown."""
    _run_until("propose", week, query=query, output=Output(as_json=as_json))


def research(week: WeekOption = None, query: QueryOption = None, as_json: JsonFlag = False) -> None:
    """Freeze the market table and gather the research packs."""
    _run_step("research", week, query=query, output=Output(as_json=as_json))


def pm_pitches(week: WeekOption = None, as_json: JsonFlag = False) -> None:
    """Ask every portfolio manager for its pitch."""
    _run_step("pitch", week, query=None, output=Output(as_json=as_json))


def peer_review(week: WeekOption = None, as_json: JsonFlag = False) -> None:
    """Let every manager review the others' pitches blind."""
    _run_step("peer_review", week, query=None, output=Output(as_json=as_json))


def chairman(week: WeekOption = None, as_json: JsonFlag = False) -> None:
    """Let the chairman settle the council trade and save all trades as pending."""
    _run_step("chairman", week, query=None, output=Output(as_json=as_json))


def checkpoint(
    time: SlotOption = None, every: EverySlotFlag = False, as_json: JsonFlag = False
) -> None:
    """Look at every open trade on its frozen indicators; what is not STAY waits for approval.

    Prices and equity are marked at every slot. From a session's close until the next one opens
    `--time close` marks them alone; `--all` does so too.
    """
    if (time is None) is not every:
        raise UsageError("Give either --time HH:MM, --time close or --all.")
    output = Output(as_json=as_json)
    carry_out(_checkpoint(time, output), output)


def demo(
    week: WeekOption = None,
    bars: BarsOption = None,
    seed: SeedOption = 7,
    as_json: JsonFlag = False,
) -> None:
    """Play one whole week on a virtual clock: no key, no account, its own scratch database."""
    # The demonstration brings pandas and the exchange, which no other command should pay for.
    from mcp_server.demo import DemoOrder, play  # noqa: PLC0415

    output = Output(as_json=as_json)
    order = DemoOrder(week_id=week, bars=bars, seed=seed)
    carry_out(play(order, output), output, "Interrupted; the next `council demo` begins anew.")


def _run_until(stage: str, week: str | None, *, query: str | None, output: Output) -> None:
    async def run(app: App, stage: str, *, week_id: str | None, query: str | None) -> WeekShape:
        try:
            return await operations.run_until(app, stage, week_id=week_id, query=query)
        except WeekBusy as busy:
            # Two timers may start one week: whoever comes second has nothing to do, and no error.
            output.say(str(busy))
            return await operations.week(app, week_id or operations.week_in_force(app))

    carry_out(_deliberate(run, stage, (week, query), output=output), output)


def _run_step(stage: str, week: str | None, *, query: str | None, output: Output) -> None:
    carry_out(_deliberate(operations.run_step, stage, (week, query), output=output), output)


async def _deliberate(
    run: operations.Run, stage: str, asked: tuple[str | None, str | None], *, output: Output
) -> None:
    week, query = asked
    if week is not None:
        week = operations.checked_week(week)
    async with assembled(settled(output.as_json), Terms(tell=output.tell)) as opened:
        shape = await run(opened, stage, week_id=week, query=query)
    output.show(shape, lambda console: show_week(console, shape))


async def _checkpoint(slot: str | None, output: Output) -> None:
    async with assembled(settled(output.as_json), Terms(tell=output.tell)) as opened:
        taken = await checkpointing.checkpoint(opened, slot)
    output.show(taken, lambda console: show_checkpoints(console, taken))
