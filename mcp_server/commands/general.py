"""The command that asks the general council a question of any kind."""

from typing import Annotated

import typer

from mcp_server import asking
from mcp_server.commands.options import JsonFlag, carry_out
from mcp_server.output import Output
from mcp_server.rendering.asking import show_ask
from mcp_server.wiring import Terms, assembled, settled

QuestionArgument = Annotated[
    str, typer.Argument(metavar="TEXT", help="The question, in quotes.", show_default=False)
]
_INTERRUPTED = "Interrupted; what was answered is kept: ask the same again and it goes on."


def ask(question: QuestionArgument, as_json: JsonFlag = False) -> None:
    """Ask all models at once: they answer, rank each other blind, and the chairman settles it."""
    output = Output(as_json=as_json)
    carry_out(_ask(question, output), output, _INTERRUPTED)


async def _ask(question: str, output: Output) -> None:
    async with assembled(settled(output.as_json), Terms(tell=output.tell)) as opened:
        shape = await asking.ask(opened, question)
    output.show(shape, lambda console: show_ask(console, shape))
