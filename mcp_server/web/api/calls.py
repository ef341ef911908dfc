"""One request, checked and admitted, as the work of an operation takes it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from config.clock import NEW_YORK
from council.trading.approvals import Decider
from mcp_server.shapes import Shape
from mcp_server.wiring import App


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked: `query` and `body` are of the operation's own shapes; `by` is who decides."""

    app: App
    path: Mapping[str, str]
    query: Any
    body: Any
    by: Decider | None
    kept: "Kept"


Work = Callable[[Call], Awaitable[BaseModel]]


class Kept:
    """What was read of the whole record, kept until the log grows or a new day begins.

    Measures over all weeks take long, and the same log gives the same ones.
    """

    def __init__(self) -> None:
        self._answers: dict[str, tuple[object, Shape]] = {}
        self._reading = asyncio.Lock()

    async def read(self, name: str, app: App, reading: Callable[[], Awaitable[Shape]]) -> Shape:
        """Return what `reading` returned since the log grew; `name` tells it from other ones."""
        today = app.deps.clock.now().astimezone(NEW_YORK).date()
        # Whoever asks at the same time waits, and does not have it measured once more.
        async with self._reading:
            stands = (await app.deps.store.head(), today)
            known = self._answers.get(name)
            if known is None or known[0] != stands:
                known = self._answers[name] = (stands, await reading())
            return known[1]
