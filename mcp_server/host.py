"""What the tools of one server share: the app, opened at the first call, the runs, the executor.

Listing the tools must stay quick, so nothing is opened and nothing heavy imported before a call.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta

from config import logs
from config.errors import UnreachableError
from mcp_server import duties, wiring
from mcp_server.progress import KEEP_ALIVE
from mcp_server.runs import Runs
from mcp_server.shared_reading import SharedReadings

OPENING = timedelta(seconds=15)
"""How long one call waits for the app to be opened; the opening itself goes on."""

OpenApp = Callable[[], AbstractAsyncContextManager["wiring.App"]]
Background = Callable[["wiring.App", asyncio.Event], Awaitable[None]]

GRACE = timedelta(seconds=3)
"""How long the background work may finish its turn at the end; a host kills soon after that."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long calls wait: a start for what is quick, a listener for news, all for the app.

    `again`: how long background work rests that broke, before it begins anew.
    """

    first_look: timedelta = timedelta(seconds=2)
    keep_alive: timedelta = KEEP_ALIVE
    opening: timedelta = OPENING
    again: timedelta = timedelta(seconds=5)


_USUAL_PACE = Pace()


class Host:
    """Opens the app once, in a task of its own, and closes it when the server ends.

    Where it `reads_only`, it does no background work: nothing is sent from here.
    """

    def __init__(
        self,
        open_app: OpenApp,
        background: Background,
        *,
        pace: Pace = _USUAL_PACE,
        reads_only: bool = False,
    ) -> None:
        self.runs = Runs()
        self.shared = SharedReadings()
        self.pace = pace
        self.reads_only = reads_only
        self._is_broken = False
        self._open_app = open_app
        self._background = background
        self._stop = asyncio.Event()
        # What goes on for months is no part of the call that happens to open the app.
        self._context = copy_context()
        self._opened: asyncio.Future[wiring.App] | None = None
        self._owner: asyncio.Task[None] | None = None

    @property
    def is_working(self) -> bool:
        """Whether the app is open and its background work, where it has any, goes on."""
        return self.is_open and not self._is_broken

    @property
    def is_open(self) -> bool:
        """Whether the app is open."""
        if self._opened is None or self._owner is None:
            return False
        return self._opened.done() and not _failed(self._opened) and not self._owner.done()

    @property
    def only_shows(self) -> bool:
        """Whether nobody can decide here: the server only reads, or its login may not decide."""
        return self.reads_only or not duties.decides(self.role)

    @property
    def role(self) -> str | None:
        """The database role of the app's login; None for the owner's, and before it is open."""
        return self._opened.result().role if self._opened is not None and self.is_open else None

    async def app(self) -> "wiring.App":
        """Return the app, opening it first if need be; after a failure the next call tries anew.

        Raises:
            UnreachableError: it is still being opened; a later call finds it open.
        """
        if self._opened is None or _failed(self._opened):
            self._opened = asyncio.get_running_loop().create_future()
            context = self._context.copy()
            self._owner = asyncio.create_task(self._own(self._opened), context=context)
        opened = self._opened
        if opened.done():
            return opened.result()
        # A wait, because a cancelled request must not cancel the opening for the others.
        await asyncio.wait((opened,), timeout=self.pace.opening.total_seconds())
        if not opened.done():
            raise UnreachableError("The council is still being opened: database, venues, models.")
        return opened.result()

    async def _own(self, opened: "asyncio.Future[wiring.App]") -> None:
        """Hold the app open, with its background work, from its opening to the server's end."""
        try:
            async with self._open_app() as app:
                opened.set_result(app)
                try:
                    await self._kept_up(app)
                    await self._stop.wait()
                finally:
                    await self.runs.aclose()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)
        finally:
            opened.cancel()

    async def _kept_up(self, app: "wiring.App") -> None:
        """Do the background work; what broke is logged and begun anew, for orders depend on it."""
        log = logs.logger("host")
        while not (self.reads_only or self._stop.is_set()):
            try:
                self._is_broken = False
                await self._background(app, self._stop)
                return
            except Exception:
                self._is_broken = True
                log.exception("background.broke")
            with suppress(TimeoutError):
                async with asyncio.timeout(self.pace.again.total_seconds()):
                    await self._stop.wait()

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


def _failed(opened: "asyncio.Future[wiring.App]") -> bool:
    return opened.cancelled() or (opened.done() and opened.exception() is not None)
