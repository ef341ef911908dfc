"""The same gateway over real sockets: what only a network does."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from council.llm.gateway import ChatRequest, open_gateway
from council.llm.replies import Reply
from tests.council.llm.stub import completion

BODY = completion("hello").content
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
Answer = Callable[[asyncio.StreamWriter, asyncio.Event], Awaitable[None]]


async def whole(writer: asyncio.StreamWriter, done: asyncio.Event) -> None:
    writer.write(HEAD % len(BODY) + BODY)


async def padded(writer: asyncio.StreamWriter, done: asyncio.Event) -> None:
    writer.write(HEAD % (len(BODY) + 20) + b" " * 20 + BODY)


async def silent(writer: asyncio.StreamWriter, done: asyncio.Event) -> None:
    await done.wait()


async def trickling(writer: asyncio.StreamWriter, done: asyncio.Event) -> None:
    """Send a byte every 20 ms: each socket read succeeds, the answer never ends."""
    writer.write(HEAD % len(BODY))
    for position in range(len(BODY)):
        writer.write(BODY[position : position + 1])
        await writer.drain()
        try:
            await asyncio.wait_for(done.wait(), 0.02)
        except TimeoutError:
            continue
        return


async def dropped(writer: asyncio.StreamWriter, done: asyncio.Event) -> None:
    writer.transport.abort()


async def cut(writer: asyncio.StreamWriter, done: asyncio.Event) -> None:
    writer.write(HEAD % len(BODY) + BODY[:40])


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[str]:
    """Serve `answer` to every request on a free port of this machine."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        json.loads(await reader.readexactly(length))
        try:
            await answer(writer, done)
            await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        done.set()
        server.close()
        await server.wait_closed()


async def reply_of(answer: Answer, *, timeout_seconds: float = 5) -> Reply:
    async with served(answer) as address:
        gateway = open_gateway(address, "key", call_timeout_seconds=5)
        try:
            request = ChatRequest("m", ({"role": "user", "content": "hi"},), {})
            return await gateway.send(request, timeout_seconds=timeout_seconds)
        finally:
            await gateway.aclose()


@pytest.mark.parametrize("answer", [whole, padded])
async def test_a_whole_answer_arrives(answer: Answer) -> None:
    reply = await reply_of(answer)

    assert (reply.outcome, reply.text) == ("answered", "hello")


@pytest.mark.parametrize("answer", [silent, trickling])
async def test_a_call_ends_at_its_own_deadline_however_the_bytes_come(answer: Answer) -> None:
    started = monotonic()

    reply = await reply_of(answer, timeout_seconds=0.3)

    assert reply.outcome == "timed_out"
    assert monotonic() - started < 3


@pytest.mark.parametrize("answer", [dropped, cut])
async def test_a_connection_that_breaks_is_unreachable_and_may_be_tried_again(
    answer: Answer,
) -> None:
    reply = await reply_of(answer)

    assert (reply.outcome, reply.transient) == ("unreachable", True)


async def test_a_closed_port_is_unreachable() -> None:
    async with served(whole) as address:
        closed = address
    gateway = open_gateway(closed, "key", call_timeout_seconds=5)

    reply = await gateway.send(ChatRequest("m", (), {}), timeout_seconds=5)

    assert reply.outcome == "unreachable"
    await gateway.aclose()
