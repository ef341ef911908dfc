"""Named locks between processes: they save work, they prove nothing.

A database forgets a session's locks when its connection dies, while the holder runs on. Whatever
must not happen twice is guarded by expected versions and order ids as well.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from store.faults import translating
from store.pool import connect
from store.ports import Locks

__all__ = ["Locks", "MemoryLocks", "PostgresLocks", "lock_key"]


class PostgresLocks:
    """Session advisory locks, each on a connection of its own: a pool would release them."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[bool]:
        """Yield whether this process now holds `name`; see `Locks.exclusive`."""
        connection = await connect(self._dsn)
        try:
            with translating():
                held = await connection.fetchval("SELECT pg_try_advisory_lock($1)", lock_key(name))
            yield held
        finally:
            # Ending the session releases the lock even when the connection is beyond a farewell.
            connection.terminate()


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
