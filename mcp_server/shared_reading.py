"""One reading for all who ask the same while nothing is stored: read once, answered to each.

Whoever asks is answered as of then: the log's head is read after the question, and an answer holds
only as long as the head stands. What is asked of venues is in no log, so it ages besides. Those who
ask at the same moment share one look at the head, and those who wait the reading that is begun
meanwhile, even where something is stored during it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator, Hashable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

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
class Reading(Generic[T]):
    """An answer, when it was read, and where the log and the halt file stood before.

    `turn` is later than those of the questions that were asked before it was begun.
    """

    state: _State
    turn: int
    read_at: datetime
    answer: T


_WHOLE: ContextVar[list[Reading[Any]] | None] = ContextVar("_WHOLE", default=None)


@contextmanager
def noting_whole() -> Generator[list[Reading[Any]], None, None]:
    """Collect the readings that are all that is said within this context; mostly none or one."""
    found: list[Reading[Any]] = []
    token = _WHOLE.set(found)
    try:
        yield found
    finally:
        _WHOLE.reset(token)


class SharedReadings:
    """The readings of one server, by whatever tells one question from another."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Reading[Any]] = {}
        self._locks: defaultdict[Hashable, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._turns = count()
        self._head: asyncio.Task[int] | None = None
        self._next_head: asyncio.Task[int] | None = None

    async def read(
        self,
        key: Hashable,
        deps: "Deps",
        reading: Callable[[], Awaitable[T]],
        *,
        is_whole: bool = False,
    ) -> T:
        """Return what `reading` gives, or what it gave if nothing was stored since.

        A failure is not remembered. `is_whole` tells whoever notes it that the caller says this and
        nothing else, the same to everybody who asks in the same words.
        """
        found: Reading[T] = await self._read(key, deps, reading)
        if is_whole and (noted := _WHOLE.get()) is not None:
            noted.append(found)
        return found.answer

    async def holds(self, reading: Reading[Any], deps: "Deps") -> bool:
        """Return whether `reading` would be the answer to whoever asks now."""
        return _is_fresh(reading, await self._state_now(deps), deps)

    async def _read(
        self, key: Hashable, deps: "Deps", reading: Callable[[], Awaitable[Any]]
    ) -> Reading[Any]:
        asked = next(self._turns)
        state = await self._state_now(deps)
        if (known := self._fresh(key, state, deps)) is not None:
            return known
        try:
            async with self._locks[key]:
                known = self._kept.get(key)
                # What was begun after the question answers it, however long it took since.
                if known is not None and (known.turn > asked or _is_fresh(known, state, deps)):
                    return known
                turn, read_at = next(self._turns), deps.clock.now()
                made = Reading(state, turn, read_at, await reading())
                self._keep(key, made)
                return made
        finally:
            if key not in self._kept:
                self._locks.pop(key, None)

    async def _state_now(self, deps: "Deps") -> _State:
        return await self._head_now(deps.store), deps.halt_wanted()

    def _fresh(self, key: Hashable, state: _State, deps: "Deps") -> Reading[Any] | None:
        known = self._kept.get(key)
        return known if known is not None and _is_fresh(known, state, deps) else None

    def _keep(self, key: Hashable, answer: Reading[Any]) -> None:
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


def _is_fresh(known: Reading[Any], state: _State, deps: "Deps") -> bool:
    return known.state == state and deps.clock.now() - known.read_at < LONGEST
