"""What the tools of one server share: the app, opened at the first call, the runs, the executor.

Listing the tools must stay quick, so nothing is opened and nothing heavy imported before a call.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from mcp_server.runs import Runs
from mcp_server.wiring import App

OpenApp = Callable[[], AbstractAsyncContextManager[App]]
Background = Callable[[App, asyncio.Event], Awaitable[None]]

GRACE = timedelta(seconds=3)
"""How long the background work may finish its turn at the end; a host kills soon after that."""


class Host:
    """Opens the app once, in a task of its own, and closes it when the server ends."""

    def __init__(self, open_app: OpenApp, background: Background) -> None:
        self.runs = Runs()
        self._open_app = open_app
        self._background = background
        self._stop = asyncio.Event()
        self._opened: asyncio.Future[App] | None = None
        self._owner: asyncio.Task[None] | None = None

    async def app(self) -> App:
        """Return the app, opening it first if need be; after a failure the next call tries anew."""
        if self._opened is None or _failed(self._opened):
            self._opened = asyncio.get_running_loop().create_future()
            self._owner = asyncio.create_task(self._own(self._opened))
        # Shielded: a cancelled request must not cancel the opening for the others.
        return await asyncio.shield(self._opened)

    async def _own(self, opened: asyncio.Future[App]) -> None:
        """Hold the app open, with its background work, from its opening to the server's end."""
        try:
            async with self._open_app() as app:
                opened.set_result(app)
                try:
                    await self._background(app, self._stop)
                    await self._stop.wait()
                finally:
                    await self.runs.aclose()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)
        finally:
            opened.cancel()

    async def aclose(self) -> None:
        """Cancel the runs, let the background work end its turn within `GRACE`, close the app."""
        self._stop.set()
        await self.runs.aclose()
        if self._owner is None or self._opened is None:
            return
        if self._opened.done():
            await asyncio.wait((self._owner,), timeout=GRACE.total_seconds())
        self._owner.cancel()
        await asyncio.gather(self._owner, return_exceptions=True)


def _failed(opened: asyncio.Future[App]) -> bool:
    return opened.cancelled() or (opened.done() and opened.exception() is not None)
