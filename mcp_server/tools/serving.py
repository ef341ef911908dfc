"""How a tool reaches the app, and how a failure becomes a message that a model can act on."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, ParamSpec

import structlog
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult
from pydantic import Field

from config.errors import CouncilError
from mcp_server.host import Host

HostContext = Context[Host, Any]
_Parameters = ParamSpec("_Parameters")

WeekId = Annotated[
    str | None,
    Field(description="The week's Wednesday, YYYY-MM-DD. Omit for the week in force."),
]
TradeId = Annotated[str, Field(description="One trade id from list_pending_trades.")]
Query = Annotated[
    str | None,
    Field(
        description="What research should look at first, in the user's words. It counts only where "
        "this call begins the week.",
        max_length=500,
    ),
]


def host_of(context: HostContext) -> Host:
    """Return what the server's lifespan holds for every tool."""
    return context.request_context.lifespan_context


def saying(
    not_done: str,
) -> Callable[
    [Callable[_Parameters, Awaitable[CallToolResult]]],
    Callable[_Parameters, Awaitable[CallToolResult]],
]:
    """Let a tool's failures open with what did NOT happen, such as "NOT approved".

    What nobody expected is logged with its traceback; the model gets a sentence.
    """

    log = structlog.get_logger("tools")

    def decorated(
        tool: Callable[_Parameters, Awaitable[CallToolResult]],
    ) -> Callable[_Parameters, Awaitable[CallToolResult]]:
        @wraps(tool)
        async def called(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> CallToolResult:
            try:
                return await tool(*args, **kwargs)
            except CouncilError as error:
                raise ToolError(f"{not_done}: {_told(error, not_done)}") from error
            except ToolError:
                raise
            except Exception as error:
                log.exception("tool.failed", tool=tool.__name__)
                raise ToolError(f"{not_done}: {_unexpected(error)}") from error

        return called

    return decorated


def _told(error: CouncilError, not_done: str) -> str:
    """Return the error's sentence, without what `not_done` says already, and what to do."""
    again = "It may be tried again in a while." if error.retryable else "Do not retry it unchanged."
    opening, _, rest = str(error).partition(": ")
    said_twice = rest and not_done.lower().startswith(opening.lower())
    return f"{rest if said_twice else error} {again} Tell the user."


def _unexpected(error: Exception) -> str:
    return f"unexpected {type(error).__name__}: {error} The server's log says where. Tell the user."
