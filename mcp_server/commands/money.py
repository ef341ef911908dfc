"""What the council costs and what it asks: `costs` and `prompts`."""

from typing import Annotated

import typer

from mcp_server.commands.options import JsonFlag, carry_out
from mcp_server.operations import checked_week
from mcp_server.output import Output
from mcp_server.rendering.costs import show_costs
from mcp_server.rendering.prompts import show_prompt_counts, show_prompts
from mcp_server.wiring import opened_store, settled

OneWeek = Annotated[
    str | None,
    typer.Option("--week", metavar="DATE", help="Only the week of this Wednesday; without it all."),
]

NewestWeek = Annotated[
    str | None,
    typer.Option("--week", metavar="DATE", help="The week's Wednesday; without it the newest."),
]
CountFlag = Annotated[
    bool, typer.Option("--count", help="Count calls and tokens instead of showing the texts.")
]


def costs(week: OneWeek = None, as_json: JsonFlag = False) -> None:
    """Show what calls to models cost, by account, stage, model, week and month; and the caps."""
    output = Output(as_json=as_json)
    carry_out(_costs(week, output), output)


def prompts(week: NewestWeek = None, count: CountFlag = False, as_json: JsonFlag = False) -> None:
    """Show the prompts of a week from research to decision as the models read them."""
    output = Output(as_json=as_json)
    carry_out(_prompts(week, output, count=count), output)


async def _costs(week: str | None, output: Output) -> None:
    # The calendar behind the week in force takes a moment; only this command needs it.
    from mcp_server.costs import read_costs  # noqa: PLC0415

    chosen = checked_week(week) if week else None
    async with opened_store(settled(output.as_json)) as app:
        shape = await read_costs(app, chosen)
    output.show(shape, lambda console: show_costs(console, shape))


async def _prompts(week: str | None, output: Output, *, count: bool) -> None:
    # Building the questions again brings in the stages, and counting a vocabulary.
    from mcp_server.prompting import read_prompts  # noqa: PLC0415
    from mcp_server.tokens import token_counter  # noqa: PLC0415

    chosen = checked_week(week) if week else None
    counter = token_counter() if count else None
    async with opened_store(settled(output.as_json)) as app:
        shape = await read_prompts(app, chosen, counter)
    show = show_prompt_counts if count else show_prompts
    output.show(shape, lambda console: show(console, shape))
