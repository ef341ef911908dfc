"""How far a run is, for whoever waits for it: what it tells is kept, and passed on to each request.

A request hears a rising number with the stage's name, and something again before its host takes
the silence for a hang. A run in another process tells nothing here; what it has stored does.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from council.steps import BEGINS, IS_STORED

if TYPE_CHECKING:
    from council.ports import Progress

KEEP_ALIVE = timedelta(seconds=10)
"""The longest silence: hosts give up on a call after 60 s, and some sooner."""
_SMALLEST_STEP = 0.01
"""Progress must rise each time, also where a stage has nothing new to tell."""
_WITHIN_STAGE = 0.9
"""How much of a stage its answers make; the rest comes when they are stored."""

Stored = Callable[[], Awaitable["Progress | None"]]
"""Reads from the store how far the run is; None where it has not begun."""


class Listener(Protocol):
    """Whoever is told, such as the context of a request; without a progress token it is nobody."""

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Pass on how far the run is."""
        ...


class News:
    """What one run told last; any number of requests wait for more of it."""

    def __init__(self) -> None:
        self.latest: Progress | None = None
        self._more = asyncio.Event()

    def tell(self, progress: "Progress") -> None:
        """Keep `progress` and wake whoever waits for it."""
        self.latest = progress
        waiting, self._more = self._more, asyncio.Event()
        waiting.set()

    async def after(self, known: "Progress | None", patience: timedelta) -> "Progress | None":
        """Return what came after `known`, or None where nothing did within `patience`."""
        if self.latest is known:
            # Not wait_for: it may swallow the cancellation that ends the telling.
            with suppress(TimeoutError):
                async with asyncio.timeout(patience.total_seconds()):
                    await self._more.wait()
        return None if self.latest is known else self.latest


@dataclass(frozen=True, slots=True)
class Journey:
    """The stages that a run goes through, in their order."""

    stages: Sequence[str]

    def position(self, progress: "Progress") -> float:
        """Return how many stages are done, the one under way in part."""
        if progress.stage not in self.stages:
            return 0.0
        before = self.stages.index(progress.stage)
        if progress.message == IS_STORED:
            return before + 1.0
        if progress.message == BEGINS or not progress.total:
            return float(before)
        return before + _WITHIN_STAGE * min(1.0, progress.done / progress.total)

    def words(self, progress: "Progress") -> str:
        """Return the stage, its number of how many, and what happened in it."""
        if progress.stage not in self.stages:
            return f"{progress.stage}: {progress.message}"
        number = self.stages.index(progress.stage) + 1
        return f"{progress.stage} {number}/{len(self.stages)}: {progress.message}"


@asynccontextmanager
async def telling(
    listener: Listener,
    journey: Journey,
    *,
    news: News,
    stored: Stored,
    keep_alive: timedelta = KEEP_ALIVE,
) -> AsyncIterator[None]:
    """Tell `listener` how far the run is while the body waits for it, and nothing afterwards."""
    teller = _Teller(listener, journey, news=news, stored=stored)
    telling_it = asyncio.create_task(teller.run(keep_alive))
    try:
        yield
    finally:
        telling_it.cancel()
        # A listener that has gone fails here; the run goes on without it.
        await asyncio.gather(telling_it, return_exceptions=True)


class _Teller:
    """Tells one request; `_told` is the number that it heard last."""

    def __init__(self, listener: Listener, journey: Journey, *, news: News, stored: Stored) -> None:
        self._listener = listener
        self._journey = journey
        self._news = news
        self._stored = stored
        self._told = -_SMALLEST_STEP

    async def run(self, keep_alive: timedelta) -> None:
        """Tell what is known, then whatever comes, and the same again where nothing does."""
        news, heard = self._news, self._news.latest
        await self._tell(heard)
        while True:
            fresh = await news.after(heard, keep_alive)
            heard = fresh or heard
            await self._tell(heard, is_fresh=fresh is not None)

    async def _tell(self, heard: "Progress | None", *, is_fresh: bool = False) -> None:
        """Tell what was heard or, where it is stale, what is stored if that is further."""
        journey = self._journey
        stored = None if is_fresh else await self._stored()
        known = [progress for progress in (heard, stored) if progress is not None]
        furthest = max(known, key=journey.position, default=None)
        position = journey.position(furthest) if furthest else 0.0
        number = max(position, self._told + _SMALLEST_STEP)
        total = float(len(journey.stages))
        if number <= total:
            self._told = number
            words = journey.words(furthest) if furthest else "about to begin"
            await self._listener.report_progress(number, total, words)
