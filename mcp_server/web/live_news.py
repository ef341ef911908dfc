"""What an open page is told: which kinds of things changed, up to which position of the log, and
how many trades wait. A listener that is slow is told once of all that it missed.
"""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from council.result_facts import PostmortemAbstained, PostmortemWritten
from council.trade_facts import (
    AccountObserved,
    DriftAccepted,
    DriftDetected,
    TradingHalted,
    TradingResumed,
)
from store.events import StoredEvent

_STOPS: Final = (AccountObserved, DriftDetected, DriftAccepted, TradingHalted, TradingResumed)
_OF_STREAMS: Final[Mapping[str, frozenset[str]]] = {
    "account": frozenset({"accounts", "status", "trades"}),
    "ask": frozenset({"questions"}),
    "equity": frozenset({"accounts", "results"}),
    "llm": frozenset({"costs"}),
    "marks": frozenset({"results"}),
    "request": frozenset({"questions", "status"}),
    "research": frozenset({"week"}),
    "trade": frozenset({"results", "status", "trades", "week"}),
    "week": frozenset({"status", "week"}),
}
_OF_EVENTS: Final[Mapping[str, frozenset[str]]] = {
    PostmortemAbstained.__name__: frozenset({"results"}),
    PostmortemWritten.__name__: frozenset({"results"}),
    **{kind.__name__: frozenset({"halts"}) for kind in _STOPS},
}
_ALWAYS: Final = frozenset({"events"})
KINDS: Final = _ALWAYS.union(*_OF_STREAMS.values(), *_OF_EVENTS.values())
"""Every kind; what a page shows of them is named in its `data-live` attributes."""
_REMEMBERED: Final = 500
"""How many events may be missed; whoever missed more is told that everything changed."""


def kinds_of(event: StoredEvent) -> frozenset[str]:
    """Return the kinds of things that `event` changes on pages."""
    nothing = frozenset[str]()
    of_stream = _OF_STREAMS.get(event.stream.partition("-")[0], nothing)
    return _ALWAYS | of_stream | _OF_EVENTS.get(event.event_type, nothing)


@dataclass(frozen=True, slots=True)
class Told:
    """What changed up to `position` of the log, and how many trades wait since."""

    position: int
    kinds: frozenset[str]
    waiting: int

    def message(self, after: int) -> bytes:
        """Return it as an event of a stream, for a reader who knew all up to `after`."""
        body = {"after": after, "kinds": sorted(self.kinds), "waiting": self.waiting}
        return f"id: {self.position}\ndata: {json.dumps(body)}\n\n".encode()


class Reader:
    """One open page; `position` is how far it was told, None where it has not said so."""

    def __init__(self, position: int | None) -> None:
        self.position = position
        self._waiting: int | None = None
        self._pending: Told | None = None
        self._is_told = asyncio.Event()

    def tell(self, told: Told) -> None:
        """Keep for the page what changed since its position, instead of what it was told before."""
        if told.kinds or told.waiting != self._waiting:
            self._pending = told
            self._is_told.set()

    async def message(self) -> bytes:
        """Wait for the next message and return it; from then on the page knows of it."""
        await self._is_told.wait()
        self._is_told.clear()
        told, self._pending = self._pending, None
        assert told is not None  # noqa: S101 it was told, for that is set
        after = told.position if self.position is None else self.position
        self.position, self._waiting = told.position, told.waiting
        return told.message(after)


class Recent:
    """The kinds of the newest events, for pages that missed some."""

    def __init__(self, position: int, most: int = _REMEMBERED) -> None:
        self.position = position
        self._complete_after = position
        self._kinds: deque[tuple[int, frozenset[str]]] = deque(maxlen=most)

    def add(self, position: int, kinds: frozenset[str]) -> None:
        """Remember one event; the oldest is forgotten where there are too many."""
        if len(self._kinds) == self._kinds.maxlen:
            self._complete_after = self._kinds[0][0]
        self._kinds.append((position, kinds))
        self.position = position

    def since(self, position: int | None) -> frozenset[str]:
        """Return the kinds of all events after `position`: every kind where it lies too far back.

        A position of None says that nothing was missed.
        """
        if position is None:
            return frozenset()
        if position < self._complete_after:
            return KINDS
        return frozenset().union(*(kinds for at, kinds in self._kinds if at > position))
