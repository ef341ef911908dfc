"""One reading for all who ask at the same moment."""

import asyncio
from collections.abc import Awaitable, Callable


class JointReading:
    """Reads on for several tasks: whoever asks is served by a reading that began afterwards."""

    def __init__(self) -> None:
        self._begun = 0
        self._ended = 0
        self._over: asyncio.Event | None = None

    async def join(self, read: Callable[[], Awaitable[None]]) -> None:
        """Return once a reading that began after this call has ended; `read` makes one if need be.

        A reading that failed serves nobody: what it raised is raised to who made it.
        """
        asked = self._begun
        while self._ended <= asked:
            if self._over is not None:
                await self._over.wait()
                continue
            self._over = over = asyncio.Event()
            try:
                # Whoever asks in this same moment is let in first, and served as well.
                await asyncio.sleep(0)
                self._begun += 1
                await read()
                self._ended = self._begun
            finally:
                self._over = None
                over.set()
