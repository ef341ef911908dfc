"""News for clients that listen: what any process stores changes the resources that it is about.

The log is followed only while somebody listens to a host. What changes within a window is told once
at its end, for a client reads the whole resource anyway.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ServerEvent

from config import logs
from config.clock import Clock, SystemClock
from config.errors import CouncilError
from mcp_server.host import Host
from mcp_server.serving_host import serving_host

if TYPE_CHECKING:
    from mcp_server.changes import Change

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
        self._feeds: dict[Host, _Feed] = {}

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Register `listener`; the first of a host begins to follow the log, the last ends that."""
        unsubscribe = super().subscribe(listener)
        host = serving_host()
        feed = self._feeds.setdefault(host, _Feed(host, self._clock))
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


class _Feed:
    """Follows the log for the listeners of one host."""

    def __init__(self, host: Host, clock: Clock) -> None:
        self._host = host
        self._clock = clock
        self._listeners: dict[object, Listener] = {}
        self._changed: dict[str, None] = {}
        self._has_changed = asyncio.Event()
        self._position: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def join(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` the news until what is returned is called."""
        token = object()
        self._listeners[token] = listener
        if self._task is None:
            self._position = None
            self._task = asyncio.create_task(self._follow(), name="news")

        def leave() -> None:
            if self._listeners.pop(token, None) and not self._listeners:
                self._end()

        return leave

    async def aclose(self) -> None:
        """Stop, whoever still listens, and wait until the connection is given back."""
        self._listeners.clear()
        self._end()
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _end(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            task.cancel()

    async def _follow(self) -> None:
        """Follow the log until cancelled; what breaks is logged and begun anew where it ended."""
        log, began_at = logs.logger("news"), self._clock.now()
        while True:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._tell())
                    async for change in await self._changes(began_at):
                        self._position = change.position
                        self._changed |= dict.fromkeys(change.uris)
                        self._has_changed.set()
            except ExceptionGroup as broken:
                # Nobody awaits this task, and the listeners wait for the database to come back.
                unexpected = broken.subgroup(lambda error: not isinstance(error, CouncilError))
                log.warning("news.broke", cause=str(broken.exceptions[0]), exc_info=unexpected)
            await self._clock.sleep(RETRY)

    async def _changes(self, began_at: datetime) -> "AsyncIterator[Change]":
        from mcp_server.changes import changes_after, changes_since  # noqa: PLC0415 heavy: council

        app = await self._host.app()
        if self._position is None:
            return changes_since(app, began_at)
        return changes_after(app, self._position)

    async def _tell(self) -> None:
        """Tell the listeners what has changed, at the end of each window in which anything did."""
        while True:
            await self._has_changed.wait()
            await self._clock.sleep(WINDOW)
            self._has_changed.clear()
            changed, self._changed = self._changed, {}
            for uri in changed:
                for listener in tuple(self._listeners.values()):
                    listener(ResourceUpdated(uri))
