"""Tool calls over HTTP in the present protocol, from clients that cost next to nothing themselves.

The SDK's own client takes as long for a call as the server, so that it would be measured instead.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

VERSION = "2026-07-28"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_PREFIX = "io.modelcontextprotocol/"
_META = {
    f"{_PREFIX}protocolVersion": VERSION,
    f"{_PREFIX}clientInfo": {"name": "bench", "version": "1"},
    f"{_PREFIX}clientCapabilities": {},
}


@dataclass(frozen=True, slots=True)
class Caller:
    """One client: a connection that is kept, on which one call follows the other."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: str

    async def call(self, tool: str, **arguments: Any) -> bytes:
        """Call a tool; the answer's body.

        Raises:
            RuntimeError: the server answers with another status than 200, or as a stream.
        """
        self.writer.write(self._request(tool, arguments))
        await self.writer.drain()
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length is None or not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{tool} is not answered as JSON: {head.decode()}")
        return await self.reader.readexactly(int(length[1]))

    def _request(self, tool: str, arguments: dict[str, Any]) -> bytes:
        params = {"name": tool, "arguments": arguments, "_meta": _META}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        body = json.dumps(call).encode()
        head = (
            f"POST /mcp HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {VERSION}\r\n"
            f"Mcp-Method: tools/call\r\nMcp-Name: {tool}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@asynccontextmanager
async def callers(address: str, count: int) -> AsyncIterator[tuple[Caller, ...]]:
    """Connect `count` clients to the MCP server at `address`."""
    where = urlsplit(address)
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(count):
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
            stack.callback(writer.close)
            found.append(Caller(reader, writer, where.netloc))
        yield tuple(found)


async def calls_a_second(address: str, tool: str, *, clients: int, calls: int) -> float:
    """Return how many calls a second a server answers to `clients` that make `calls` each."""
    async with callers(address, clients) as all_of_them:

        async def one(caller: Caller) -> None:
            for _ in range(calls):
                refuse_failed(await caller.call(tool))

        await asyncio.gather(*(caller.call(tool) for caller in all_of_them))
        began = perf_counter()
        await asyncio.gather(*map(one, all_of_them))
        return clients * calls / (perf_counter() - began)


def refuse_failed(answer: bytes) -> None:
    """Refuse to go on where a tool has failed: what fails fast is no speed.

    Raises:
        RuntimeError: it did.
    """
    if b'"isError":true' in answer or b'"error":{' in answer:
        raise RuntimeError(f"a call failed: {answer[:500]!r}")
