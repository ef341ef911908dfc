"""uvicorn's HTTP protocol, which also lets an application close the connection without an answer.

ASGI knows no such thing, so it is offered as an extension of the scope.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from config.joined_writes import JoinedWrites

HANG_UP = "exchange.hang_up"
"""Name of the extension; its key "now" holds a function without arguments."""


class HangingUpProtocol(HttpToolsProtocol):
    """Puts the extension into the scope of every HTTP request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # asyncio's are of many kinds
        """Begin with a connection whose writes are joined."""
        super().connection_made(JoinedWrites(transport, self.loop))  # type: ignore[arg-type]  # it has what a transport has

    def on_message_begin(self) -> None:
        """Begin a request whose application may hang up."""
        super().on_message_begin()
        self.scope["extensions"] = {HANG_UP: {"now": self.transport.abort}}


def hanging_up(scope: Mapping[str, Any]) -> Callable[[], None]:
    """Return the function that closes the request's connection at once.

    Raises:
        RuntimeError: the server does not offer it.
    """
    extension = scope.get("extensions", {}).get(HANG_UP)
    if extension is None:
        raise RuntimeError("Serve the application with HangingUpProtocol, or it cannot hang up.")
    close: Callable[[], None] = extension["now"]
    return close
