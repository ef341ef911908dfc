"""A response that goes on until its reader goes away, is too slow, or has been served long enough.

The reader comes back by itself (that is how browsers treat such a stream) and passes the door anew,
so that who may look no longer stops hearing soon after.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a stream lasts at most, and how long its reader may take to accept one message."""

    longest: timedelta = timedelta(minutes=5)
    sending: timedelta = timedelta(seconds=10)


class EventStream(Response):
    """Server-sent events: what `parts` yields, each part whole events."""

    media_type = "text/event-stream"

    def __init__(
        self, parts: Callable[[], AsyncGenerator[bytes, None]], patience: Patience
    ) -> None:
        super().__init__(headers=dict(HEADERS))
        del self.headers["content-length"]
        self._parts = parts
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the parts; the parts are closed before this returns, however it ends."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            async with anyio.create_task_group() as group:
                group.start_soon(_until_gone, Request(scope, receive), group.cancel_scope)
                with anyio.move_on_after(self._patience.longest.total_seconds()):
                    await self._send_parts(send)
                group.cancel_scope.cancel()
        # Who takes nothing takes no farewell either: then the server ends the connection.
        with anyio.move_on_after(self._patience.sending.total_seconds()):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_parts(self, send: Send) -> None:
        async with aclosing(self._parts()) as parts:
            async for part in parts:
                with anyio.move_on_after(self._patience.sending.total_seconds()) as accepted:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                if accepted.cancelled_caught:
                    return


async def _until_gone(request: Request, stream: anyio.CancelScope) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    stream.cancel()
