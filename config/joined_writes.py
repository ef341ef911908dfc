"""The head of an answer and its content, sent at once: fewer wake-ups, and nothing else changes.

The web server sends the head by itself, which would wake the reader once more, for nothing: on a
reader that waits that costs as much as a third of a short answer.
"""

import asyncio
from typing import Any


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
