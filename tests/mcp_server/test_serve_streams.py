"""How streams that would never end by themselves end with the server: cleanly, in both eras."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import mcp
import pytest
from starlette.types import Message, Receive, Scope, Send

from mcp_server.host import Host
from mcp_server.web.streams import Streams
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.web import ACCEPTS, INITIALIZE, listening, nothing

AT_ONCE = timedelta(0)
START: Message = {"type": "http.response.start", "status": 200, "headers": []}
PART: Message = {"type": "http.response.body", "body": b"part", "more_body": True}
END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


async def until_gone(_: Scope, receive: Receive, send: Send) -> None:
    """Stream until the reader goes away, and leave the response as it is then."""
    await send(START)
    await send(PART)
    while (await receive())["type"] != "http.disconnect":
        pass


async def answers(_: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send(START)
    await send(END)


async def never() -> Message:
    return await asyncio.Event().wait()  # type: ignore[return-value] # it never returns


async def asked() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def served(app: Any, receive: Receive, *, is_ending: bool) -> list[Message]:
    """Serve one request and return what was sent."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    streams = Streams(app, last_words=AT_ONCE)
    serving = asyncio.create_task(streams({"type": "http"}, receive, send))
    for _ in range(5):
        await asyncio.sleep(0)
    if is_ending:
        assert not serving.done()
        streams.end()
    async with asyncio.timeout(5):
        await serving
    return sent


async def test_a_stream_that_is_told_to_end_is_completed() -> None:
    assert await served(until_gone, never, is_ending=True) == [START, PART, END]


async def test_an_answer_is_sent_as_it_is() -> None:
    assert await served(answers, asked, is_ending=False) == [START, END]


@asynccontextmanager
async def ending(home: Path, host: Host, ended: asyncio.Event) -> AsyncIterator[int]:
    """Serve until `ended` is set; yields the port."""
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def serve() -> None:
        async with listening(home, host) as its_port:
            port.set_result(its_port)
            await ended.wait()

    serving = asyncio.create_task(serve())
    yield await port
    await serving


async def test_a_subscription_ends_with_its_last_message(
    open_app: OpenApp, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ended = asyncio.Event()
    async with (
        ending(tmp_path, Host(open_app, nothing), ended) as port,
        mcp.Client(f"http://127.0.0.1:{port}/mcp") as client,
        client.listen(resource_subscriptions=["council://status"]) as news,
    ):
        ended.set()
        # A subscription that was cut, not ended, raises here.
        told = [event async for event in news]

    assert told == []
    assert "Exception in ASGI application" not in caplog.text


async def test_a_stream_of_an_older_client_is_completed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ended, host = asyncio.Event(), Host(_unused, nothing)
    async with (
        ending(tmp_path, host, ended) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=ACCEPTS) as older,
    ):
        opened = await older.post("/mcp", json=INITIALIZE)
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        async with older.stream("GET", "/mcp", headers=session) as stream:
            ended.set()
            # A body that was cut, not completed, raises here.
            body = b"".join([part async for part in stream.aiter_bytes()])

    assert b"error" not in body
    assert "Exception in ASGI application" not in caplog.text


@asynccontextmanager
async def _unused() -> AsyncIterator[Any]:
    raise AssertionError("Listening opens nothing.")
    yield
