"""One reading for all who ask the same while nothing is stored: read once, answered to each.

Whoever asks is answered as of then: the log's head is read after the question, and an answer holds
only as long as the head stands. What is asked of venues is in no log, so it ages besides. Those who
ask at the same moment share one look at the head.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

if TYPE_CHECKING:
    from council.ports import Deps
    from store.ports import EventStore

T = TypeVar("T")

LONGEST: Final = timedelta(seconds=5)
"""So old may be what venues said; an account may be asked two hundred times a minute, orders
included."""
_MOST_KEPT: Final = 100

_State = tuple[int, str | None]
"""The log's head, and why the halt file wants a halt."""


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    state: _State
    read_at: datetime
    answer: T


class SharedReadings:
    """The readings of one server, by whatever tells one question from another."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, _Kept[Any]] = {}
        self._locks: defaultdict[Hashable, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._head: asyncio.Task[int] | None = None
        self._next_head: asyncio.Task[int] | None = None

    async def read(self, key: Hashable, deps: "Deps", reading: Callable[[], Awaitable[T]]) -> T:
        """Return what `reading` gives, or what it gave if nothing was stored since.

        A failure is not remembered.
        """
        state: _State = (await self._head_now(deps.store), deps.halt_wanted())
        if (known := self._fresh(key, state, deps)) is not None:
            return cast("T", known.answer)
        try:
            async with self._locks[key]:
                if (known := self._fresh(key, state, deps)) is not None:
                    return cast("T", known.answer)
                read_at = deps.clock.now()
                answer = await reading()
                self._keep(key, _Kept(state, read_at, answer))
                return answer
        finally:
            if key not in self._kept:
                self._locks.pop(key, None)

    def _fresh(self, key: Hashable, state: _State, deps: "Deps") -> _Kept[Any] | None:
        known = self._kept.get(key)
        if known is None or known.state != state:
            return None
        return known if deps.clock.now() - known.read_at < LONGEST else None

    def _keep(self, key: Hashable, answer: _Kept[Any]) -> None:
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
            self._locks = defaultdict(asyncio.Lock, {key: self._locks[key]})
        self._kept[key] = answer

    async def _head_now(self, store: "EventStore") -> int:
        """Return the log's head by a look that begins after this call: one for all who wait."""
        if self._next_head is None:
            self._next_head = asyncio.create_task(self._look(self._head, store))
        return await asyncio.shield(self._next_head)

    async def _look(self, before: "asyncio.Task[int] | None", store: "EventStore") -> int:
        if before is not None:
            await asyncio.wait((before,))
        self._head, self._next_head = self._next_head, None
        return await store.head()
