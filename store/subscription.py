"""Following the log: a notification wakes the reader, the cursor alone decides what it reads.

A notification may be lost and may come twice; the reader therefore looks for itself at least every
POLL_SECONDS, and listens before it reads, so that nothing falls between the two.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import asyncpg

from store.errors import StoreUnavailable
from store.events import StoredEvent
from store.faults import translating

POLL_SECONDS = 30.0
"""Longest time between two looks at the log."""

RETRY_SECONDS = 1.0
"""Pause before a database that went away is tried again; it may take as long as it takes."""

CHANNEL = "council_events"


class Wake(Protocol):
    """Something that tells that the log may have grown."""

    async def listen(self) -> None:
        """Begin to listen, or again after the connection was lost; harmless while listening."""
        ...

    async def wait(self, timeout_seconds: float) -> None:
        """Return when something was said since the last wait, or after `timeout_seconds`."""
        ...

    async def close(self) -> None:
        """Stop listening."""
        ...


async def follow(
    read_all: Callable[[int], AsyncIterator[StoredEvent]],
    wake: Wake,
    *,
    after_position: int,
    poll_seconds: float = POLL_SECONDS,
) -> AsyncGenerator[StoredEvent, None]:
    """Yield what `read_all` gives after `after_position`, for ever, without gap or repetition."""
    position = after_position
    try:
        while True:
            pause = poll_seconds
            try:
                await wake.listen()
                async for event in read_all(position):
                    position = event.position
                    yield event
            except StoreUnavailable:
                pause = min(RETRY_SECONDS, poll_seconds)
            await wake.wait(pause)
    finally:
        await wake.close()


class SignalWake:
    """A wake inside one process: whoever writes calls `signal`."""

    def __init__(self) -> None:
        self._signalled = asyncio.Event()

    def signal(self) -> None:
        """Wake the reader."""
        self._signalled.set()

    async def listen(self) -> None:
        """Do nothing: a signal is never lost here."""

    async def wait(self, timeout_seconds: float) -> None:
        """Return after a signal or `timeout_seconds`."""
        with suppress(TimeoutError):
            # Not wait_for: until Python 3.12 it swallows a cancellation that comes with the signal.
            async with asyncio.timeout(timeout_seconds):
                await self._signalled.wait()
        self._signalled.clear()

    async def close(self) -> None:
        """Do nothing: there is nothing to give back."""


class PostgresWake(SignalWake):
    """LISTEN on a connection of its own, opened anew when it was lost."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]]) -> None:
        super().__init__()
        self._connect = connect
        self._connection: asyncpg.Connection | None = None

    async def listen(self) -> None:
        """Connect and LISTEN unless that is so already.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        if self._connection is not None and not self._connection.is_closed():
            return
        await self.close()
        self._connection = await self._connect()
        try:
            with translating():
                self._connection.add_termination_listener(self._heard)
                await self._connection.add_listener(CHANNEL, self._heard)
        except StoreUnavailable:
            # It would pass for one that listens, and every event would wait for the next look.
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.remove_termination_listener(self._heard)
            connection.terminate()

    def _heard(self, *_: object) -> None:
        self.signal()
