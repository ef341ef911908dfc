"""A PostgreSQL server of a benchmark's own, durable and on the disk, with migrated databases."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from store.cluster import Cluster
from store.databases import ensure_database
from store.migrate import migrate


@asynccontextmanager
async def own_server() -> AsyncIterator[str]:
    """Run a new server as long as the context is open; yield its maintenance database's address."""
    home = open_folder()
    try:
        use = await asyncio.to_thread(Cluster(home / "server").enter)
        try:
            yield use.dsn
        finally:
            await asyncio.to_thread(use.leave)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def open_folder() -> Path:
    """Make a folder of one's own that a server of another user may pass through."""
    home = Path(tempfile.mkdtemp(prefix="council-bench-"))
    home.chmod(0o711)
    return home


async def migrated(server: str, name: str) -> str:
    """Make the database `name` on `server` with the council's tables; return its address."""
    address = await ensure_database(server, name)
    await migrate(address)
    return address
