"""uvicorn's HTTP protocol, which also lets an application close the connection without an answer.

ASGI knows no such thing, so it is offered as an extension of the scope. The head of an answer goes
out together with its content: by itself it would wake the reader once more, for nothing.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

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


class JoinedWrites:
    """A transport that sends two writes at once where they come in one turn of the loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Write to `transport`."""
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, content: bytes) -> None:
        """Send `content` with what is held; by itself it is held until the loop's next turn."""
        if self._held:
            self._transport.write(self._held + content)
            self._held = b""
        else:
            self._held = content
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send what is held, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            self._transport.write(self._held)
            self._held = b""

    def __getattr__(self, name: str) -> Any:
        """Do everything else as the transport does."""
        return getattr(self._transport, name)


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
