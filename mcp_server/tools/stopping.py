"""The tool that stops trading. None resumes it: only a person does, outside of the conversation."""

from typing import Annotated

from mcp_types import CallToolResult
from pydantic import Field

from mcp_server import stopping
from mcp_server.stop_shapes import StoppingShape
from mcp_server.tools.results import HaltedAnswer, told
from mcp_server.tools.serving import HostContext, approver_of, host_of, saying

Accounts = Annotated[
    list[str] | None,
    Field(max_length=20, description="Nicknames of the accounts to halt. Omit for every account."),
]
Reason = Annotated[str, Field(min_length=1, max_length=500, description="Why, for the record.")]

_ONLY_A_PERSON = (
    "Only a person can resume: tell the user to do it on the council's web page, or to type "
    "`council resume` in a terminal. No tool does it. get_status shows what is halted."
)


@saying("NOT halted")
async def halt_trading(
    ctx: HostContext, reason: Reason, accounts: Accounts = None
) -> Annotated[CallToolResult, HaltedAnswer]:
    """Stop trading at once: no order is sent any more, and orders under way are cancelled.

    Use it when the user wants to stop, or when something is clearly wrong. Positions stay as they
    are. Safe to repeat. It cannot be undone here: only a person can resume, outside of this chat.
    """
    app = await host_of(ctx).app()
    shape = await stopping.halt(app, accounts, reason=reason, by=approver_of(ctx), channel="tool")
    answer = HaltedAnswer(
        summary=_summary(shape),
        mode=app.standing.mode,
        venue=app.standing.venue,
        degraded=app.standing.degraded,
        next_step=_ONLY_A_PERSON,
        accounts=tuple(
            f"{result.account} {result.status}: {result.message}" for result in shape.results
        ),
    )
    return told(answer)


def _summary(shape: StoppingShape) -> str:
    names = ", ".join(result.account for result in shape.results)
    return f"Trading is halted for {names}. Positions stay as they are."
