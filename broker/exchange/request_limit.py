"""Alpaca's limit of requests a minute and key: a rolling minute on the exchange's own clock.

Trading and market data are counted apart, as the two hosts that they are at Alpaca. A refused
request does not count: whoever waits for the oldest counted one to be a minute old gets through.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.clock import Clock

REQUESTS_PER_MINUTE = 200
DATA_PATHS = "/v2/stocks/"
_TELLING_PATHS = (DATA_PATHS, "/v2/clock", "/v2/calendar")
"""Where Alpaca says in headers how much of the limit is left; its trading routes do not."""
_MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class _Window:
    """The requests of one key that count at present, oldest first; never more than the limit."""

    counted: deque[datetime] = field(default_factory=deque)

    def takes(self, now: datetime, limit: int) -> bool:
        """Count a request at `now` unless `limit` are counted already; say whether it may pass."""
        while self.counted and self.counted[0] <= now - _MINUTE:
            self.counted.popleft()
        if len(self.counted) >= limit:
            return False
        self.counted.append(now)
        return True

    def headers(self, limit: int) -> dict[str, str]:
        """Return how much is left, and the second from which on it is more."""
        more_at = self.counted[0] + _MINUTE if self.counted else None
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(limit - len(self.counted)),
            "X-RateLimit-Reset": str(ceil(more_at.timestamp()) if more_at else 0),
        }


class RequestLimit:
    """Answers 429 to a key that has used up its minute; None as the limit lets everything pass."""

    def __init__(self, app: ASGIApp, clock: Clock, requests_per_minute: int | None) -> None:
        self._app = app
        self._clock = clock
        self._limit = requests_per_minute
        self._windows: dict[tuple[str, bool], _Window] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or turn it away; a socket passes."""
        if self._limit is None or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        key_id, path = scope["state"]["account"].key_id, scope["path"]
        window = self._windows.setdefault((key_id, path.startswith(DATA_PATHS)), _Window())
        passes = window.takes(self._clock.now(), self._limit)
        if path.startswith(_TELLING_PATHS):
            send = _telling(send, window.headers(self._limit))
        if passes:
            await self._app(scope, receive, send)
            return
        refusal = JSONResponse({"message": "too many requests."}, status_code=429)
        await refusal(scope, receive, send)


def _telling(send: Send, headers: dict[str, str]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return send_with_headers
