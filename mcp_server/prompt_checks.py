"""A wrong prompt, or wrong arguments for one, answered alike to clients of both protocol eras.

The SDK tells newer clients of an internal error there, which helps nobody.
"""

from collections.abc import Mapping
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, Prompt

from mcp_server.host import Host


def prompt_checks(server: MCPServer[Host]) -> ServerMiddleware[Any]:
    """Return a middleware that refuses what none of the prompts of `server` can answer."""

    async def check(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method == "prompts/get":
            prompts = {prompt.name: prompt for prompt in await server.list_prompts()}
            _check(prompts, ctx.params or {})
        return await call_next(ctx)

    return check


def wrong(sentence: str) -> MCPError:
    """Return the error for a request that its sender can mend."""
    return MCPError(code=INVALID_PARAMS, message=sentence)


def _check(prompts: Mapping[str, Prompt], params: Mapping[str, Any]) -> None:
    prompt = prompts.get(str(params.get("name")))
    if prompt is None:
        raise wrong(f"There is no such prompt; there are {', '.join(prompts)}.")
    arguments = {one.name: bool(one.required) for one in prompt.arguments or ()}
    given = params.get("arguments") or {}
    missing = [name for name, required in arguments.items() if required and not given.get(name)]
    if missing:
        raise wrong(f"The prompt {prompt.name} needs {', '.join(missing)}.")
    if not set(given) <= set(arguments):
        raise wrong(f"The prompt {prompt.name} takes {', '.join(arguments) or 'no arguments'}.")
