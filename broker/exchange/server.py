"""The exchange on a loopback port, in the running event loop."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette

from broker.exchange.errors import PortUnusable
from broker.exchange.hanging_up import HangingUpProtocol

LOOPBACK = "127.0.0.1"
_START_TIMEOUT_SECONDS = 10
_STOP_TIMEOUT_SECONDS = 2
_KEEP_ALIVE_SECONDS = 75
"""A model's answer takes longer than the web server's usual five, and accounts are looked at after
it."""
_MOST_BYTES_A_MESSAGE = 65_536
"""From a client of the stream, whose longest message is its key."""


@asynccontextmanager
async def running_exchange(app: Starlette, *, port: int = 0) -> AsyncIterator[str]:
    """Serve `app` while the context is open; yields its origin, such as http://127.0.0.1:8123.

    Port 0 takes any free one.

    Raises:
        PortUnusable: Somebody else listens on the port, or it is no port.
    """
    with _listener(port) as listener:
        server = _Server(_config(app))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await _started(server, serving)
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.leave.set()
            await serving


class _Server(uvicorn.Server):
    """A web server that leaves signals to the program and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.leave = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell whoever waits."""
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """Serve until told to leave, instead of looking ten times a second whether to."""
        await self.on_tick(0)
        await self.leave.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Give connections time to end; who only keeps one open is not waited for."""
        for connection in tuple(self.server_state.connections):
            if isinstance(connection, HangingUpProtocol):
                connection.shutdown()
        await asyncio.sleep(0)  # in this turn of the loop they leave the list
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
            return
        for served in (*self.servers, *(sockets or ())):
            served.close()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take no signal: Ctrl-C belongs to the program around the exchange."""
        yield


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=HangingUpProtocol,
        ws=cast("type[asyncio.Protocol]", _websocket_protocol),
        ws_max_size=_MOST_BYTES_A_MESSAGE,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_STOP_TIMEOUT_SECONDS,
    )


def _websocket_protocol(**connection: Any) -> asyncio.Protocol:
    """Make the server's side of a websocket; imported by the first client that wants one."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import (  # noqa: PLC0415 see above
        WebSocketsSansIOProtocol,
    )

    return WebSocketsSansIOProtocol(**connection)


@contextmanager
def _listener(port: int) -> Generator[socket.socket, None, None]:
    """Bind the port ourselves: the web server would end the whole program on a failure."""
    # asyncio answers without delay (TCP_NODELAY) only on sockets that say their protocol.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
            listener.listen()
        except (OSError, OverflowError) as error:
            raise PortUnusable(_why_unusable(port, error)) from error
        yield listener


def _why_unusable(port: int, error: OSError | OverflowError) -> str:
    if isinstance(error, OverflowError):
        return f"{port} is no port: give one from 1 to 65535, or 0 for any that is free."
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {LOOPBACK} is in use: choose another port or stop its owner."
    return f"Port {port} on {LOOPBACK} cannot be used ({error.strerror}): choose another port."


async def _started(server: _Server, serving: "asyncio.Task[None]") -> None:
    listening = asyncio.create_task(server.listening.wait())
    done, _ = await asyncio.wait(
        {listening, serving},
        timeout=_START_TIMEOUT_SECONDS,
        return_when=asyncio.FIRST_COMPLETED,
    )
    if listening not in done:
        listening.cancel()
        raise PortUnusable("The simulated exchange did not start: see the log for its reason.")
