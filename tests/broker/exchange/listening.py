"""Clients of the exchange's stream: the SDK's own, and a plain one that shows the frames."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from alpaca.trading.stream import TradingStream
from websockets.asyncio.client import ClientConnection, connect

from broker.exchange.app import ExchangeAccount
from tests.broker.exchange.client import ACCOUNTS

PATIENCE_SECONDS = 10


class Observed(TradingStream):
    """The SDK's stream, which only says besides when the exchange has heard it."""

    def __init__(self, origin: str, account: ExchangeAccount) -> None:
        super().__init__(account.key_id, account.secret_key, url_override=stream_url(origin))
        self._reconnect_min_backoff = 0.05  # as it is but sooner: tests do not wait
        self.listens = asyncio.Event()

    async def _dispatch(self, msg: dict[str, Any]) -> None:
        if msg["stream"] == "listening":
            self.listens.set()
        await super()._dispatch(msg)


class Heard:
    """What the SDK's stream has handed to its handler, in order."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    async def take(self, update: Any) -> None:
        await self._queue.put(update)

    async def next(self, count: int) -> list[Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return [await self._queue.get() for _ in range(count)]

    async def events(self, count: int) -> list[str]:
        return [one.event for one in await self.next(count)]

    @property
    def is_empty(self) -> bool:
        return self._queue.empty()


@asynccontextmanager
async def sdk_listener(
    origin: str, account: ExchangeAccount = ACCOUNTS[0]
) -> AsyncIterator[tuple[Observed, Heard]]:
    """Listen with the SDK's own client from when it has told the exchange so."""
    stream = Observed(origin, account)
    heard = Heard()
    stream.subscribe_trade_updates(heard.take)
    listening = asyncio.create_task(stream._run_forever())  # type: ignore[no-untyped-call]  # the SDK's
    try:
        await listens(stream)
        yield stream, heard
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        await stream.close()


async def listens(stream: Observed) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await stream.listens.wait()


@asynccontextmanager
async def plain_client(origin: str) -> AsyncIterator["Plain"]:
    async with connect(stream_url(origin), proxy=None) as connection:
        yield Plain(connection)


class Plain:
    """A websocket that says what it is told to and returns what comes."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def ask(self, **message: Any) -> Any:
        await self.connection.send(json.dumps(message))
        return await self.next()

    async def next(self) -> Any:
        return json.loads(await self.frame())

    async def frame(self) -> str | bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.connection.recv()

    async def authenticate(self, account: ExchangeAccount = ACCOUNTS[0]) -> Any:
        key = {"key_id": account.key_id, "secret_key": account.secret_key}
        return await self.ask(action="authenticate", data=key)

    async def listen(self, *streams: str) -> Any:
        return await self.ask(action="listen", data={"streams": streams or ["trade_updates"]})


def stream_url(origin: str) -> str:
    return origin.replace("http://", "ws://") + "/stream"
