"""A venue on loopback that answers what a test planted and remembers what it was sent."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

REASON = b"Whatever"


@dataclass(frozen=True, slots=True)
class Planted:
    """One answer; `fault` replaces it: "hang", "drop" before it, "cut" in its middle."""

    status: int = 200
    content: str = ""
    media_type: str = "application/json"
    fault: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


def answer(content: object, status: int = 200) -> Planted:
    return Planted(status, json.dumps(content))


def refusal(status: int, code: int, message: str) -> Planted:
    return answer({"code": code, "message": message}, status)


class Stub:
    """Answers each `METHOD /path` with what was planted for it, the last answer for ever."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[Received] = []
        self.was_asked = asyncio.Event()
        self._planted: dict[str, list[Planted]] = {}
        self._writers: list[asyncio.StreamWriter] = []

    def plant(self, route: str, *answers: Planted) -> None:
        self._planted[route] = list(answers)

    def count(self, route: str) -> int:
        return sum(f"{r.method} {r.path}" == route for r in self.received)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while (request := await _read(reader)) is not None:
                self.received.append(request)
                self.was_asked.set()
                if not await self._reply(request, writer):
                    break
        except ConnectionError:
            pass
        writer.close()

    def close(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _reply(self, request: Received, writer: asyncio.StreamWriter) -> bool:
        queue = self._planted.get(f"{request.method} {request.path}", [Planted(404, "no route")])
        planted = queue.pop(0) if len(queue) > 1 else queue[0]
        if planted.fault == "drop":
            return False
        if planted.fault == "hang":
            await asyncio.Event().wait()
        raw = _raw(planted)
        writer.write(raw[:-3] if planted.fault == "cut" else raw)
        await writer.drain()
        return planted.fault is None


def _raw(planted: Planted) -> bytes:
    body = planted.content.encode()
    headers = {"Content-Type": planted.media_type, "Content-Length": len(body), **planted.headers}
    lines = [f"HTTP/1.1 {planted.status} Whatever", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *rest = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    address = urlsplit(target)
    content = json.loads(body) if body else None
    return Received(method, address.path, parse_qs(address.query), headers, content)


@asynccontextmanager
async def running_stub() -> AsyncIterator[Stub]:
    stub = Stub()
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0)
    stub.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stub
    finally:
        server.close()
        stub.close()
