"""The web server in the running event loop, and how it ends: calls in flight may finish first."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import Any, Final

import uvicorn
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from starlette.types import ASGIApp

from config.errors import UsageError
from mcp_server.web.streams import Listeners, Streams
from mcp_server.web.wire import TrimmedRequests

CALL_GRACE: Final = timedelta(seconds=5)
"""How long calls in flight may take at the end; with what follows less than the ten seconds after
which a container is killed."""
_STREAM_GRACE_SECONDS: Final = 1
"""For streams, which are told to end, and for readers that are too slow to hear it."""
_KEEP_ALIVE_SECONDS: Final = 15
_MOST_CONNECTIONS: Final = 1_000


class Calls:
    """Counts the tool calls in flight; as middleware of a server it sees every one.

    `listeners` are those who wait for no answer, and are sent away after the last call.
    """

    def __init__(self) -> None:
        self.listeners = Listeners()
        self._count = 0
        self._none_left = asyncio.Event()
        self._none_left.set()

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Count the message if it is a call."""
        if ctx.method != "tools/call":
            return await self.listeners(ctx, call_next)
        self._count += 1
        self._none_left.clear()
        try:
            return await call_next(ctx)
        finally:
            self._count -= 1
            if not self._count:
                self._none_left.set()

    async def ended(self, within: timedelta) -> None:
        """Wait for the end of all calls, but no longer than `within`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                await self._none_left.wait()


@contextmanager
def listener_on(host: str, port: int) -> Generator[socket.socket, None, None]:
    """Take the port before anything is opened; port 0 takes any that is free.

    Raises:
        UsageError: somebody else listens there, or this machine has no such address or port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio answers without delay (TCP_NODELAY) only on sockets that say their protocol.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except (OSError, OverflowError) as error:
            raise UsageError(_why_unusable(host, port, error)) from error
        yield listener


@asynccontextmanager
async def running_web(
    app: ASGIApp, listener: socket.socket, calls: Calls
) -> AsyncIterator["asyncio.Task[None]"]:
    """Serve `app` on `listener` while the context is open; yields the task that serves."""
    streams = Streams(app)
    server = _Server(_config(streams))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield serving
    finally:
        server.refuse_newcomers()
        await calls.ended(CALL_GRACE)
        calls.listeners.end()
        streams.end()
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """A web server that leaves signals to the program.

    Its own handlers would also make every event stream end at once, with the calls that use it.
    """

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take no signal."""
        yield

    def refuse_newcomers(self) -> None:
        """Stop listening; who is connected stays so."""
        for served in getattr(self, "servers", ()):
            served.close()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=TrimmedRequests,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Whom a proxy names as its client decides nothing here.
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_STREAM_GRACE_SECONDS,
    )


def _why_unusable(host: str, port: int, error: OSError | OverflowError) -> str:
    if isinstance(error, OverflowError):
        return f"{port} is no port: give one from 1 to 65535, or 0 for any that is free."
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use: choose another with --port, or stop its owner "
            "(another `council serve`?)."
        )
    return f"Cannot listen on {host}, port {port} ({error.strerror or error}): choose another."
