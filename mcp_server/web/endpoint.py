"""Where MCP is spoken over HTTP: what only reads is answered at once, the rest may tell of itself.

The SDK opens a stream for every call in case the tool has something to tell meanwhile, which costs
as much again as a short call itself. A reading tool tells nothing before its answer.
"""

from collections.abc import Collection
from copy import copy
from typing import Final

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import RequestBodyLimitMiddleware
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.types import ASGIApp, Receive, Scope, Send

_VERSION: Final = b"mcp-protocol-version"
_METHOD: Final = b"mcp-method"
_NAME: Final = b"mcp-name"
_MODERN: Final = frozenset(version.encode() for version in MODERN_PROTOCOL_VERSIONS)


class Endpoint:
    """Serves the sessions of one server; `at_once` names the tools that tell nothing meanwhile.

    Older clients have sessions, which decide for themselves. A header that names another tool than
    the call itself is refused by the SDK.
    """

    def __init__(self, sessions: StreamableHTTPSessionManager, at_once: Collection[str]) -> None:
        self._sessions = sessions
        self._at_once = frozenset(name.encode() for name in at_once)
        self._quick: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, while the sessions run."""
        app = self._answering if self._is_answered_at_once(scope) else self._sessions.asgi_app
        await app(scope, receive, send)

    def _is_answered_at_once(self, scope: Scope) -> bool:
        headers = dict(scope["headers"])
        is_call = headers.get(_METHOD) == b"tools/call" and headers.get(_VERSION) in _MODERN
        return is_call and headers.get(_NAME) in self._at_once

    @property
    def _answering(self) -> ASGIApp:
        """Return the same sessions with plain answers; copied once they run, as they know then."""
        if self._quick is None:
            plain = copy(self._sessions)
            plain.json_response = True
            self._quick = RequestBodyLimitMiddleware(
                plain._handle_request, plain.max_request_body_size
            )
        return self._quick
