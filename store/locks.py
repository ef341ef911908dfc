"""Named locks between processes: they save work, they prove nothing.

A database forgets a session's locks when its connection dies, while the holder runs on. Whatever
must not happen twice is guarded by expected versions and order ids as well.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from config.errors import CouncilError
from store.errors import StoreUnavailable
from store.faults import translating
from store.pool import connect
from store.ports import Locks

__all__ = ["Locks", "MemoryLocks", "PostgresLocks", "lock_key"]

ANSWER_SECONDS: Final = 10
_TRY: Final = "SELECT pg_try_advisory_lock($1)"
_FREE: Final = "SELECT pg_advisory_unlock($1)"


class PostgresLocks:
    """Session advisory locks, all on one connection outside of any pool: a pool would release them.

    The connection is opened at the first use, and again where it has died; then the locks held on
    it are lost, and their holders do not notice. Whoever made this closes it with `aclose`.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None
        self._turn = asyncio.Lock()
        # PostgreSQL gives one session the same lock any number of times.
        self._names: set[str] = set()

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[bool]:
        """Yield whether the caller now holds `name`; see `Locks.exclusive`."""
        if name in self._names:
            yield False
            return
        self._names.add(name)
        # A question that is cut short may have been answered: then the lock is there, unknown.
        may_be_held = True
        try:
            may_be_held = await self._taken(lock_key(name))
            yield may_be_held
        finally:
            try:
                if may_be_held:
                    await self._free(lock_key(name))
            finally:
                self._names.discard(name)

    async def aclose(self) -> None:
        """End the connection, and with it every lock; a later use would open another."""
        async with self._turn:
            self._drop()

    async def _taken(self, key: int) -> bool:
        """Ask for the lock, once more on a new connection where the old one turns out dead."""
        async with self._turn:
            for is_last in (self._connection is None, True):
                connection = await self._opened()
                try:
                    with translating():
                        return bool(await connection.fetchval(_TRY, key))
                except StoreUnavailable:
                    self._drop()
                    if is_last:
                        raise
        raise AssertionError("unreachable: the last try returns or raises")

    async def _free(self, key: int) -> None:
        """Give the lock back; where that fails, end the session, which gives back all of them."""
        async with self._turn:
            if self._connection is None:
                return
            is_free = False
            try:
                with translating():
                    await self._connection.fetchval(_FREE, key)
                is_free = True
            except CouncilError:
                return
            finally:
                if not is_free:
                    self._drop()

    async def _opened(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            self._drop()
            self._connection = await connect(self._dsn, command_timeout_seconds=ANSWER_SECONDS)
        return self._connection

    def _drop(self) -> None:
        # Ending the session works even when the connection is beyond a farewell.
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None


class MemoryLocks:
    """The same within one process."""

    def __init__(self) -> None:
        self._held: set[str] = set()

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[bool]:
        """Yield whether the caller now holds `name`; see `Locks.exclusive`."""
        if name in self._held:
            yield False
            return
        self._held.add(name)
        try:
            yield True
        finally:
            self._held.discard(name)


def lock_key(name: str) -> int:
    """Return the signed 64-bit number under which PostgreSQL knows the lock `name`."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
