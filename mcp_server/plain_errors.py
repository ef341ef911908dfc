"""Errors of the protocol may quote their caller, such as an unknown address: here kept plain."""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError

from mcp_server.tools.arguments import speakable


async def keep_errors_plain(
    ctx: ServerRequestContext[Any, Any], call_next: CallNext
) -> HandlerResult:
    """Answer, and let no error's sentence steer a terminal or be as long as what was sent."""
    try:
        return await call_next(ctx)
    except MCPError as error:
        plain = speakable(error.error.message)
        if plain == error.error.message:
            raise
        raise MCPError(error.error.code, plain, error.error.data) from error
