"""A proxy between the driver and PostgreSQL that cuts the wire before the nth message of it.

It speaks no more of the protocol than where one message ends: a letter and a length, and only the
first message of a client is without the letter. Messages of both directions are counted together.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_LENGTH_BYTES = 4


@dataclass
class Proxy:
    """Forwards to the server's unix socket; `cut_before` arms it, once it cuts it is harmless.

    With `stays_cut` every later connection is closed as well, until it is armed anew.
    """

    socket: Path
    port: int = 0
    count: int = 0
    cut_before_count: int | None = None
    stays_cut: bool = False
    was_cut: bool = False
    cut_in: str = ""
    """Which message the cut swallowed: the sender and the message's letter."""
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def cut_before(self, number: int, *, stays_cut: bool = False) -> None:
        """Count anew from now on and cut instead of forwarding message `number` (from 1)."""
        self.count, self.cut_before_count = 0, number
        self.stays_cut, self.was_cut, self.cut_in = stays_cut, False, ""

    def mend(self) -> None:
        """Forward everything from now on."""
        self.cut_before_count, self.stays_cut = None, False

    def dsn(self, dsn: str) -> str:
        """Return the address of the database of `dsn` through this proxy."""
        return f"postgresql://postgres@127.0.0.1:{self.port}{urlsplit(dsn).path}?sslmode=disable"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one client's messages and the server's, until either ends or the wire is cut."""
        self._writers.append(writer)
        if self.was_cut and self.stays_cut:
            writer.transport.abort()
            return
        server_reader, server_writer = await asyncio.open_unix_connection(str(self.socket))
        self._writers.append(server_writer)
        ways = (
            self._forward("client", reader, server_writer, starts_bare=True),
            self._forward("server", server_reader, writer, starts_bare=False),
        )
        tasks = [asyncio.create_task(way) for way in ways]
        self._tasks.update(tasks)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for ended in (writer, server_writer):
            ended.transport.abort()

    async def _forward(
        self,
        sender: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        starts_bare: bool,
    ) -> None:
        is_bare = starts_bare
        try:
            while True:
                letter = b"" if is_bare else await reader.readexactly(1)
                length = await reader.readexactly(_LENGTH_BYTES)
                body = await reader.readexactly(int.from_bytes(length, "big") - _LENGTH_BYTES)
                is_bare = False
                if self._cuts(f"{sender} {letter.decode() or 'startup'}"):
                    return
                writer.write(letter + length + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    def _cuts(self, message: str) -> bool:
        self.count += 1
        if self.was_cut or self.count != self.cut_before_count:
            return False
        self.was_cut, self.cut_in = True, message
        return True

    async def aclose(self) -> None:
        """Close every connection that is left."""
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def running_proxy(dsn: str) -> AsyncIterator[Proxy]:
    """Serve a proxy to the embedded server of `dsn` on a free loopback port."""
    folder = parse_qs(urlsplit(dsn).query)["host"][0]
    proxy = Proxy(Path(folder) / ".s.PGSQL.5432")
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.aclose()
