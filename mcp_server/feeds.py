"""Following the log for whoever listens: one subscription for all listeners of a host, and none
while nobody listens.

What changes within a window is told once at its end, for a listener reads the whole anyway.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from config import logs
from config.clock import Clock
from config.errors import CouncilError
from mcp_server.host import Host

if TYPE_CHECKING:
    from mcp_server.wiring import App
    from store.events import StoredEvent

L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How long changes are gathered before they are told, and the rest after what broke."""

    window: timedelta
    retry: timedelta


class Feed(ABC, Generic[L]):
    """Follows the log of one host for its listeners of kind `L`."""

    def __init__(self, host: Host, clock: Clock, rhythm: Rhythm) -> None:
        self._host = host
        self._clock = clock
        self._rhythm = rhythm
        self._listeners: dict[object, L] = {}
        self._has_changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._position: int | None = None

    @property
    def listeners(self) -> tuple[L, ...]:
        """Return who listens now, in the order in which they joined."""
        return tuple(self._listeners.values())

    @property
    def has_begun(self) -> bool:
        """Whether the log is followed, and from which position on is known."""
        return self._position is not None

    def join(self, listener: L) -> Callable[[], None]:
        """Tell `listener` what changes until what is returned is called."""
        token = object()
        self._listeners[token] = listener
        if self._task is None:
            self._position = None
            self._task = asyncio.create_task(self._follow(), name="feed")

        def leave() -> None:
            if self._listeners.pop(token, None) is not None and not self._listeners:
                self._end()

        return leave

    def wake(self) -> None:
        """Tell at the end of a window, whether anything changes until then or not."""
        self._has_changed.set()

    async def aclose(self) -> None:
        """Stop, whoever still listens, and wait until the connection is given back."""
        self._listeners.clear()
        self._end()
        await asyncio.gather(*self._ending, return_exceptions=True)

    @abstractmethod
    async def _begin(self, app: "App", began_at: datetime) -> int:
        """Return the position after which events are told, for listeners who came at `began_at`."""

    @abstractmethod
    def _gather(self, app: "App", event: "StoredEvent") -> None:
        """Remember what `event` changes until it is told."""

    @abstractmethod
    async def _tell(self, app: "App") -> None:
        """Tell every listener what was gathered, and forget it then."""

    def _end(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            task.cancel()

    async def _follow(self) -> None:
        """Follow the log until cancelled; what breaks is logged and begun anew where it ended."""
        log, began_at, away = logs.logger("feeds"), self._clock.now(), ""
        # Where something broke at the same moment, a task group swallows that it was cancelled.
        while self._task is asyncio.current_task():
            try:
                async with asyncio.TaskGroup() as group:
                    app = await self._host.app()
                    if self._position is None:
                        self._position = await self._begin(app, began_at)
                    group.create_task(self._tell_in_turns(app))
                    await self._gather_all(app, self._position)
            except ExceptionGroup as broken:
                # Nobody awaits this task, and the listeners wait for the database to come back.
                unexpected = broken.subgroup(lambda error: not isinstance(error, CouncilError))
                cause, before = str(broken.exceptions[0]), away
                if (away := cause) != before:
                    log.warning("feed.broke", cause=cause, exc_info=unexpected)
            await self._clock.sleep(self._rhythm.retry)

    async def _gather_all(self, app: "App", position: int) -> None:
        """Gather for ever each event after `position`; a lost database is waited for."""
        subscribed = cast("AsyncGenerator[StoredEvent, None]", app.deps.store.subscribe(position))
        # Closed at once and not when it is collected: it holds a connection.
        async with aclosing(subscribed) as events:
            async for event in events:
                self._position = event.position
                self._gather(app, event)
                self._has_changed.set()

    async def _tell_in_turns(self, app: "App") -> None:
        """Tell what has changed at the end of each window in which anything did."""
        while True:
            await self._has_changed.wait()
            await self._clock.sleep(self._rhythm.window)
            self._has_changed.clear()
            try:
                await self._tell(app)
            except CouncilError:
                self._has_changed.set()  # it is told as soon as the database is back
                raise
