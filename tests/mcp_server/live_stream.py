"""A reader of `/live`: what a page's stream tells, over a real socket."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of the stream."""

    position: int
    after: int
    kinds: frozenset[str]
    waiting: int


class Listener:
    """An open stream, read message by message."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()
        self.beats = 0

    async def message(self) -> Heard:
        """Return the next message; raises StopAsyncIteration where the stream has ended."""
        fields: dict[str, str] = {}
        while True:
            line = await anext(self._lines)
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "id" in fields:
                return _heard(fields)
            else:
                self.beats += fields.get("event") == "beat"
                fields = {}

    async def told(self, kind: str) -> Heard:
        """Return the first message that tells of `kind`."""
        while True:
            heard = await self.message()
            if kind in heard.kinds:
                return heard

    async def rest(self) -> list[Heard]:
        """Return what is told until the stream ends."""
        heard = []
        while True:
            try:
                heard.append(await self.message())
            except StopAsyncIteration:
                return heard


def _heard(fields: dict[str, str]) -> Heard:
    body: dict[str, Any] = json.loads(fields["data"])
    return Heard(int(fields["id"]), body["after"], frozenset(body["kinds"]), body["waiting"])


@asynccontextmanager
async def listening_to(
    port: int, *, last_id: int | None = None, after: int | None = None
) -> AsyncIterator[Listener]:
    """Open the stream as a browser does, and read it."""
    headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
    address = f"http://127.0.0.1:{port}/live" + ("" if after is None else f"?after={after}")
    async with (
        httpx2.AsyncClient(timeout=None, verify=False) as client,
        client.stream("GET", address, headers=headers) as answer,
    ):
        yield Listener(answer)
