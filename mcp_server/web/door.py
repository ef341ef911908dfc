"""The door of `/mcp`: who must show a token, who does so in vain, and who needs none.

Programs on this machine need none until the operator makes one; from then on all of them do. What
came through a proxy did not come from this machine.
"""

from collections.abc import Callable, Mapping
from typing import Final

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, RequireAuthMiddleware
from pydantic import AnyHttpUrl
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_server.scopes import full_name
from mcp_server.web.scope_guard import LOCAL

_PROXIED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class Door:
    """Knows when a token is demanded; once it was, it stays so until the server ends.

    `always`, or that `is_local` is False, demands one of everybody; `has_tokens` says whether any
    exists. Revoking the last one must not open the door behind the back of whoever revoked it.
    """

    def __init__(self, has_tokens: Callable[[], bool], *, is_local: bool, always: bool) -> None:
        self._has_tokens = has_tokens
        self._is_local = is_local
        self._always = always or not is_local
        self._had_tokens = False

    def demands_token(self, scope: Scope) -> bool:
        """Return whether this request needs a token."""
        self._had_tokens = self._had_tokens or self._has_tokens()
        return self._always or self._had_tokens or is_proxied(scope)

    def is_open_to_reader(self, scope: Scope) -> bool:
        """Return whether a page may be shown without a token: to the person at this machine."""
        return self._is_local and not is_proxied(scope)


def is_proxied(scope: Scope) -> bool:
    """Return whether a proxy passed the request on."""
    headers: Mapping[str, str] = Headers(scope=scope)
    return any(name in headers for name in _PROXIED)


class Guarded:
    """Puts `admits` before an app: a request that it does not admit needs a token that reads.

    A token that is shown must be good even where none is needed: it may have been revoked.
    """

    def __init__(
        self, app: ASGIApp, admits: Callable[[Scope], bool], *, metadata_url: str | None
    ) -> None:
        self._app = app
        self._admits = admits
        url = None if metadata_url is None else AnyHttpUrl(metadata_url)
        self._with_token = RequireAuthMiddleware(app, [full_name("read")], url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or answer 401 or 403."""
        shows_token = "authorization" in Headers(scope=scope)
        known = isinstance(scope.get("user"), AuthenticatedUser)
        if shows_token or known or not self._admits(scope):
            await self._with_token(scope, receive, send)
            return
        scope[LOCAL] = True
        await self._app(scope, receive, send)
