"""News for clients that listen: what any process stores changes the resources that it is about.

The log is followed only while somebody listens to a host. What changes within a window is told once
at its end, for a client reads the whole resource anyway.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ServerEvent

from config.clock import Clock, SystemClock
from mcp_server.feeds import Feed, Rhythm
from mcp_server.host import Host
from mcp_server.serving_host import serving_host

if TYPE_CHECKING:
    from mcp_server.wiring import App
    from store.events import StoredEvent

WINDOW = timedelta(seconds=1)
"""How long changes are gathered; no resource is told of more often."""
RETRY = timedelta(seconds=5)
"""How long to wait before following anew what could not be opened, or broke."""

Listener = Callable[[ServerEvent], None]


class News(InMemorySubscriptionBus):
    """The bus of one server: what this process publishes, and what the log tells each host."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock = clock or SystemClock()
        self._feeds: dict[Host, _NewsFeed] = {}

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Register `listener`; the first of a host begins to follow the log, the last ends that."""
        unsubscribe = super().subscribe(listener)
        host = serving_host()
        feed = self._feeds.setdefault(host, _NewsFeed(host, self._clock, Rhythm(WINDOW, RETRY)))
        leave = feed.join(listener)

        def unsubscribed() -> None:
            unsubscribe()
            leave()

        return unsubscribed

    async def leave(self, host: Host) -> None:
        """Stop following for a host that is about to be closed."""
        feed = self._feeds.pop(host, None)
        if feed is not None:
            await feed.aclose()


class _NewsFeed(Feed[Listener]):
    """Tells the listeners of one host which resources change."""

    def __init__(self, host: Host, clock: Clock, rhythm: Rhythm) -> None:
        super().__init__(host, clock, rhythm)
        self._changed: dict[str, None] = {}

    async def _begin(self, app: "App", began_at: datetime) -> int:
        from mcp_server.changes import position_at  # noqa: PLC0415 heavy: council

        return await position_at(app, began_at)

    def _gather(self, app: "App", event: "StoredEvent") -> None:
        from mcp_server import changes, operations  # noqa: PLC0415 heavy: council

        week_id = operations.week_in_force(app)
        self._changed |= dict.fromkeys(changes.resources_of(event, current_week=week_id))

    async def _tell(self, app: "App") -> None:
        changed, self._changed = self._changed, {}
        for uri in changed:
            for listener in self.listeners:
                listener(ResourceUpdated(uri))
