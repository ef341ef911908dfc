"""How a tool reaches the app, and how a failure becomes a message that a model can act on."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeVar

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from config import logs, telemetry
from config.errors import CouncilError
from mcp_server.host import Host

HostContext = Context[Host, Any]

LOCAL_CLIENT = "mcp client"
"""Who decided, where a model on this machine passed on what a person said."""

LONGEST_CALL = timedelta(seconds=40)
"""No tool answers later: the first hosts give a call up after 60 s, and some sooner."""
_TOO_LONG = (
    "no answer in time from the database or a venue. What was stored stays, and nothing is done "
    "twice. Call get_status, then try again in a while. Tell the user."
)

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

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


def approver_of(_: HostContext) -> str:
    """Return who a decision made by this call is recorded for: the token's owner, or the client."""
    token = get_access_token()
    return LOCAL_CLIENT if token is None else f"token {token.subject or token.client_id}"


def saying(
    not_done: str,
) -> Callable[
    [Callable[_Parameters, Awaitable[_Result]]], Callable[_Parameters, Awaitable[_Result]]
]:
    """Let a tool's failures open with what did NOT happen, such as "NOT approved".

    What nobody expected is logged with its traceback; the model gets a sentence. No call lasts
    longer than `LONGEST_CALL`, or its host would give it up without a word.
    """

    log = logs.logger("tools")

    def decorated(
        tool: Callable[_Parameters, Awaitable[_Result]],
    ) -> Callable[_Parameters, Awaitable[_Result]]:
        @wraps(tool)
        async def called(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
            limit = asyncio.timeout(LONGEST_CALL.total_seconds())
            try:
                async with limit:
                    answer = await tool(*args, **kwargs)
                telemetry.count(telemetry.TOOL_CALLS, tool.__name__, "answered")
                return answer
            except CouncilError as error:
                telemetry.count(telemetry.TOOL_CALLS, tool.__name__, "refused")
                raise ToolError(f"{not_done}: {_told(error, not_done)}") from error
            except ToolError:
                telemetry.count(telemetry.TOOL_CALLS, tool.__name__, "refused")
                raise
            except Exception as error:
                telemetry.count(telemetry.TOOL_CALLS, tool.__name__, "failed")
                if limit.expired():
                    raise ToolError(f"{not_done}: {_TOO_LONG}") from error
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
    # What it says may be anything, a key included; the log masks those.
    return f"unexpected {type(error).__name__}; the server's log says why and where. Tell the user."
