"""`/live`: open pages hear within a second of what any process stored, over server-sent events.

All of them share one subscription to the log, and none holds a connection to the database.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from config.clock import Clock, SystemClock
from config.errors import CouncilError
from mcp_server.feeds import Feed, Rhythm
from mcp_server.host import Host
from mcp_server.web.event_stream import EventStream, Patience
from mcp_server.web.live_news import Reader, Recent, Told, kinds_of
from mcp_server.web.showing import POSITION, count_waiting
from mcp_server.wiring import App
from store.events import StoredEvent

PATH: Final = "/live"
_A_POSITION: Final = re.compile(r"\d{1,18}", re.ASCII)
MOST_READERS: Final = 250
_FARTHEST_BACK: Final = 500
"""How many events behind the newest the first reader may be and still hear of each."""
_BEAT: Final = b"event: beat\ndata: 1\n\n"
"""An event and no comment: of a comment a page hears nothing, and could not tell a line that is
silent from one that is dead."""
_RHYTHM: Final = Rhythm(window=timedelta(milliseconds=100), retry=timedelta(seconds=1))
_HELLO: Final = b"retry: 1000\n\n"


@dataclass(frozen=True, slots=True)
class Pace:
    """How soon pages are told, how often that they still are, and how long one stream lasts."""

    rhythm: Rhythm = _RHYTHM
    beat: timedelta = timedelta(seconds=15)
    patience: Patience = field(default_factory=Patience)


USUAL_PACE = Pace()


def live_routes(host: Host) -> Sequence[Route]:
    """Return the route of the stream, for the pages that `host` serves."""
    pace = USUAL_PACE
    live = Live(LiveFeed(host, SystemClock(), pace.rhythm), pace)
    return (Route(PATH, live.stream, methods=["GET"]),)


class LiveFeed(Feed[Reader]):
    """Tells the open pages of one host what kinds of things changed, and how many trades wait."""

    def __init__(self, host: Host, clock: Clock, rhythm: Rhythm) -> None:
        super().__init__(host, clock, rhythm)
        self._recent = Recent(0)

    def join(self, listener: Reader) -> Callable[[], None]:
        """Tell `listener` what it missed, and what changes until what is returned is called."""
        leave = super().join(listener)
        if self.has_begun:
            self._expect(listener)
        return leave

    async def _begin(self, app: App, began_at: datetime) -> int:
        head = await app.deps.store.head()
        known = [reader.position for reader in self.listeners if reader.position is not None]
        start = min((at for at in known if head - _FARTHEST_BACK <= at <= head), default=head)
        self._recent = Recent(start)
        for reader in self.listeners:
            self._expect(reader)
        return start

    def _expect(self, reader: Reader) -> None:
        """Let a new reader be told how things stand, at the end of a window as everybody."""
        if reader.position is None:
            reader.position = self._recent.position
        self.wake()

    def _gather(self, app: App, event: StoredEvent) -> None:
        self._recent.add(event.position, kinds_of(event))

    async def _tell(self, app: App) -> None:
        position = self._recent.position
        waiting = await count_waiting(app)
        for reader in self.listeners:
            reader.tell(Told(position, self._recent.since(reader.position), waiting))


class Live:
    """The stream's endpoint, for the pages of one host."""

    def __init__(self, feed: LiveFeed, pace: Pace) -> None:
        self._feed = feed
        self._pace = pace

    async def stream(self, request: Request) -> Response:
        """Tell one page what changes; one too many is asked to come back."""
        if len(self._feed.listeners) >= MOST_READERS:
            sentence = "Too many pages are open: close some.\n"
            return PlainTextResponse(sentence, status_code=503, headers={"retry-after": "30"})
        position = _position(request)
        return EventStream(lambda: self._parts(position), self._pace.patience)

    async def _parts(self, position: int | None) -> AsyncGenerator[bytes, None]:
        reader = Reader(position)
        leave = self._feed.join(reader)
        try:
            yield _HELLO
            while True:
                message = _BEAT
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pace.beat.total_seconds()):
                        message = await reader.message()
                yield message
        finally:
            leave()


def _position(request: Request) -> int | None:
    """Return how far the page was told, None where it does not say; what is no number is long ago.

    A browser that comes back says so in a header, for it cannot change the address.
    """
    said = request.headers.get("last-event-id") or request.query_params.get("after")
    if not said:
        return None
    return int(said) if _A_POSITION.fullmatch(said) else 0


class Positioned:
    """Notes before a page is read how far the log goes, so that the page can say it to the stream.

    What is stored while the page is read is then told once more, and never missed.
    """

    def __init__(self, app: ASGIApp, host: Host) -> None:
        self._app = app
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request; where nothing can be read, the page itself says so."""
        with suppress(CouncilError):
            scope[POSITION] = await (await self._host.app()).deps.store.head()
        await self._app(scope, receive, send)
