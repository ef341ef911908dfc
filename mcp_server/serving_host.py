"""Which host answers the request at hand, for the handlers to which the SDK gives no context.

Static resources, completions and subscriptions are such handlers. A variable of the request's own
task says it, so that one server may serve several clients, each with a host of its own.
"""

from contextvars import ContextVar
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from mcp_server.host import Host

_HOST: ContextVar[Host] = ContextVar("_HOST")


async def remember_host(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Remember the request's host while the request is handled: a middleware of the server."""
    token = _HOST.set(ctx.lifespan_context)
    try:
        return await call_next(ctx)
    finally:
        _HOST.reset(token)


def serving_host() -> Host:
    """Return the host of the request at hand; raises LookupError outside of any request."""
    return _HOST.get()
