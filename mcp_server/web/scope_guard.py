"""Who may call what: tools above a token's scope are hidden from its lists and their calls refused.

A program on this machine that needs no token may do everything, as over stdio. What HTTP let in
without saying why may do nothing: forgetting the door must not open it.
"""

from collections.abc import Mapping
from typing import Any, Final

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_REQUEST, CallToolResult, TextContent
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp_server.scopes import SCOPES, Scope, full_name, held_by, with_narrower

LOCAL: Final = "council.local"
"""Key of a request's ASGI scope: it comes from this machine and needs no token."""

_METHODS: Final[Mapping[str, Scope]] = dict.fromkeys(
    ("tasks/get", "tasks/update", "tasks/cancel"), "run"
)
"""What other methods than tools/call need; those not named only read. Asking for a task carries its
run on, as get_run does."""

_Context = ServerRequestContext[Any, Any]


class ScopeGuard:
    """Stands before every message of one server; `needs` says what each of its tools needs.

    A tool that `needs` does not name needs the widest scope.
    """

    def __init__(self, needs: Mapping[str, Scope]) -> None:
        self._needs = dict(needs)

    async def __call__(self, ctx: _Context, call_next: CallNext) -> HandlerResult:
        """Let the message through, without the tools that its sender may not call."""
        held = _held(ctx)
        if held is None:
            raise MCPError(INVALID_REQUEST, "Nobody vouches for this request: send a bearer token.")
        allowed = with_narrower(held)
        if ctx.method == "tools/call":
            name = str((ctx.params or {}).get("name"))
            needed = self._needed(name)
            if needed not in allowed:
                return self._refusal(ctx, name, held)
            return await call_next(ctx)
        needed = _METHODS.get(ctx.method, "read")
        if needed not in allowed:
            raise MCPError(INVALID_REQUEST, _sentence(ctx.method, needed, held))
        result = await call_next(ctx)
        if ctx.method == "tools/list" and isinstance(result, dict):
            kept = [tool for tool in result["tools"] if self._needed(tool["name"]) in allowed]
            return {**result, "tools": kept, **_own_cache(ctx, result)}
        return result

    def _needed(self, tool: str) -> Scope:
        return self._needs.get(tool, SCOPES[-1])

    def _refusal(self, context: _Context, tool: str, held: Scope) -> dict[str, Any]:
        """Answer as a tool's own error: hosts keep the protocol's errors from the model."""
        text = f"NOT allowed: {_sentence(tool, self._needed(tool), held)}"
        refused = CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
        wire = refused.model_dump(by_alias=True, mode="json", exclude_none=True)
        if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            del wire["resultType"]
        return wire


def _held(context: _Context) -> Scope | None:
    """Return what the sender may do; None where HTTP says nothing of it."""
    if context.request is None:
        return SCOPES[-1]  # stdio or in memory: the local user
    user = context.request.scope.get("user")
    if isinstance(user, AuthenticatedUser):
        return held_by(user.scopes)
    return SCOPES[-1] if context.request.scope.get(LOCAL) else None


def _own_cache(context: _Context, result: Mapping[str, Any]) -> dict[str, str]:
    """Return what keeps a list that was made for one token out of caches that others share."""
    by_token = context.request is not None and not context.request.scope.get(LOCAL)
    shared = by_token and "cacheScope" in result
    return {"cacheScope": "private"} if shared else {}


def _sentence(what: str, needed: Scope, held: Scope) -> str:
    return (
        f"{what} needs the scope {full_name(needed)} and this token holds {full_name(held)}. "
        "Nothing was done. Do not retry. Tell the user: the operator makes another token with "
        f"`council token create NAME --scope {needed}`."
    )
