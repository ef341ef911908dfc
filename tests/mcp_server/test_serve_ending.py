"""How the web server ends, and that nobody is served where it cannot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import mcp
import pytest
from mcp.server.context import HandlerResult, ServerRequestContext

from config.errors import UnreachableError, UsageError
from mcp_server.host import Host
from mcp_server.web.running import CALL_GRACE, Calls, listener_on
from mcp_server.wiring import App
from tests.mcp_server.test_tools import text_of
from tests.mcp_server.web import AWAY, Mode, listening, nothing

MODES: tuple[Mode, ...] = ("auto", "legacy")


class SlowDoor:
    """An app whose opening waits for the test, and then fails."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[App]:
        self.asked.set()
        await self.go_on.wait()
        raise UnreachableError(AWAY)
        yield


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_in_flight_is_answered_before_the_server_ends(
    tmp_path: Path, mode: Mode
) -> None:
    door, ending = SlowDoor(), asyncio.Event()

    async def serve(port: "asyncio.Future[int]") -> None:
        async with listening(tmp_path, Host(door.open, nothing)) as its_port:
            port.set_result(its_port)
            await ending.wait()
            asyncio.get_running_loop().call_soon(door.go_on.set)

    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(port))
    async with mcp.Client(f"http://127.0.0.1:{await port}/mcp", mode=mode) as client:
        call = asyncio.create_task(client.call_tool("get_status", {}))
        await door.asked.wait()
        ending.set()
        answer = await call
    await serving

    assert AWAY in text_of(answer)


class Watched(Calls):
    """Notes, while the end waits for calls, whether newcomers are still let in."""

    waited: timedelta | None = None
    lets_newcomers_in = True

    def __init__(self) -> None:
        super().__init__()
        self.port = 0

    async def ended(self, within: timedelta) -> None:
        self.waited = within
        try:
            (await asyncio.open_connection("127.0.0.1", self.port))[1].close()
        except ConnectionRefusedError:
            self.lets_newcomers_in = False
        await super().ended(within)


async def test_the_end_waits_for_calls_and_lets_nobody_in_meanwhile(tmp_path: Path) -> None:
    calls = Watched()

    async with listening(tmp_path, calls=calls) as calls.port:
        reader, writer = await asyncio.open_connection("127.0.0.1", calls.port)
        writer.write(f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{calls.port}\r\n\r\n".encode())
        answer = await reader.readline()
        writer.close()

    assert answer.startswith(b"HTTP/1.1 200")
    assert calls.waited == CALL_GRACE
    assert not calls.lets_newcomers_in


async def test_a_call_that_does_not_end_is_not_waited_for_without_end() -> None:
    calls, begun = Calls(), asyncio.Event()

    async def never(_: ServerRequestContext[Any, Any]) -> HandlerResult:
        begun.set()
        await asyncio.Event().wait()
        return None

    calling = asyncio.create_task(_called(calls, never))
    await begun.wait()
    await calls.ended(timedelta(0))

    assert not calling.done()
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    await calls.ended(timedelta(days=1))


async def _called(calls: Calls, rest: Any) -> HandlerResult:
    message = ServerRequestContext[Any, Any](
        session=cast("Any", None), lifespan_context=None, protocol_version="", method="tools/call"
    )
    return await calls(message, rest)


def test_a_port_in_use_is_one_sentence_that_says_what_to_do() -> None:
    with listener_on("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        in_use = rf"Port {port} on 127\.0\.0\.1 is in use.*--port"
        with pytest.raises(UsageError, match=in_use), listener_on("127.0.0.1", port):
            pass


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 70_000), ("127.0.0.1", -1), ("192.0.2.7", 0), ("no such", 0)]
)
def test_an_address_that_cannot_be_had_is_one_sentence(host: str, port: int) -> None:
    with pytest.raises(UsageError), listener_on(host, port):
        pass
