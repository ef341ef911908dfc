"""A balancer of loopback servers: every connection goes to the next one that takes it.

A client that keeps no connection alive is answered by another server each time.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

_CHUNK_BYTES = 65_536


@dataclass
class Balancer:
    """Forwards bytes both ways; `used` holds the servers by which connections were taken."""

    ports: Sequence[int]
    port: int = 0
    used: list[int] = field(default_factory=list)
    _turns: "count[int]" = field(default_factory=count)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until either side ends it."""
        chosen = await self._next_server()
        if chosen is None:
            writer.transport.abort()
            return
        ways = ((reader, chosen[1]), (chosen[0], writer))
        tasks = [asyncio.create_task(_forward(*way)) for way in ways]
        self._tasks.update(tasks)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for ended in (writer, chosen[1]):
            ended.transport.abort() if ended.transport.is_closing() else ended.close()

    async def _next_server(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Return a connection to the server whose turn it is, or else to the next one."""
        for _ in self.ports:
            port = self.ports[next(self._turns) % len(self.ports)]
            with suppress(OSError):
                connection = await asyncio.open_connection("127.0.0.1", port)
                self.used.append(port)
                return connection
        return None

    async def aclose(self) -> None:
        """Cut every connection that is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def running_balancer() -> AsyncIterator[Balancer]:
    """Listen on a free loopback port; the servers' ports are set afterwards."""
    balancer = Balancer(())
    server = await asyncio.start_server(balancer.serve, "127.0.0.1", 0)
    balancer.port = server.sockets[0].getsockname()[1]
    try:
        yield balancer
    finally:
        server.close()
        await balancer.aclose()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
