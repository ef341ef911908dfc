"""Alpaca's stream of trade updates, used as a hint only: something changed, go and ask.

The stream replays nothing, and may repeat, reorder or lose what it says. So no order is ever read
from it: a message wakes whoever waits, and so does every new connection. Where there is no stream,
waiting is just waiting.
"""

import asyncio
import json
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog

from broker.accounts import checked_stream_url
from config.clock import Clock
from config.settings import AlpacaCredentials

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection, connect

HANDSHAKE_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 1.0
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0
_LARGEST_MESSAGE: Final = 1_000_000


class NoStream(ConnectionError):
    """The venue does not let us listen; stays in here."""


class TradeUpdates:
    """The stream of one account; it is opened at the first wait and reconnects by itself."""

    def __init__(
        self,
        *,
        nickname: str,
        credentials: AlpacaCredentials,
        trading_url: str,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Check the address; connect to nobody yet.

        Raises:
            NotPaperHost: the address is neither Alpaca's paper host nor loopback.
        """
        self._url = checked_stream_url(trading_url)
        self._nickname = nickname
        self._credentials = credentials
        self._clock = clock
        self._jitter = jitter
        self._hint = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._is_closed = False

    async def wait(self, longest: timedelta) -> bool:
        """Wait for a hint since the last wait, at most `longest` by the clock; say if one came."""
        if self._following is None and not self._is_closed:
            self._following = asyncio.create_task(self._follow())
        tasks = {
            asyncio.ensure_future(self._clock.sleep(longest)),
            asyncio.ensure_future(self._hint.wait()),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        hinted = self._hint.is_set()
        self._hint.clear()
        return hinted

    async def aclose(self) -> None:
        """Leave the stream; later waits only wait."""
        self._is_closed = True
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following

    async def _follow(self) -> None:
        """Listen for ever; between two connections there is a pause that grows with failures."""
        from websockets.exceptions import WebSocketException  # noqa: PLC0415 - loaded when used

        failures = 0
        while True:
            try:
                async with _connection(self._url) as socket:
                    await self._listen(socket)
                    failures = 0
                    await self._pass_on(socket)
                reason = "closed"
            except (OSError, WebSocketException) as error:
                reason = type(error).__name__
            failures += 1
            structlog.get_logger("updates").info(
                "updates.lost", account=self._nickname, reason=reason, failures=failures
            )
            await asyncio.sleep(pause_seconds(failures) * self._jitter())

    async def _listen(self, socket: "ClientConnection") -> None:
        key = {
            "key_id": self._credentials.key_id,
            "secret_key": self._credentials.secret_key.get_secret_value(),
        }
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            await socket.send(json.dumps({"action": "authenticate", "data": key}))
            while (answer := content_of(await socket.recv())).get("stream") != "authorization":
                pass
            if _inner(answer).get("status") != "authorized":
                raise NoStream("the key is not accepted")
            asked = {"action": "listen", "data": {"streams": ["trade_updates"]}}
            await socket.send(json.dumps(asked))
            while content_of(await socket.recv()).get("stream") != "listening":
                pass

    async def _pass_on(self, socket: "ClientConnection") -> None:
        # What happened before the stream listened is never told: whoever waits had better ask.
        self._hint.set()
        async for message in socket:
            if content_of(message).get("stream") == "trade_updates":
                self._hint.set()


def content_of(message: str | bytes) -> dict[str, Any]:
    """Return the JSON object of a text or binary frame; empty where it is none."""
    try:
        content = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def pause_seconds(failures: int) -> float:
    """Return the longest pause after so many failures in a row."""
    doublings = min(failures - 1, 10)
    return float(min(FIRST_PAUSE_SECONDS * 2**doublings, LONGEST_PAUSE_SECONDS))


def _inner(content: dict[str, Any]) -> dict[str, Any]:
    inner = content.get("data")
    return inner if isinstance(inner, dict) else {}


def _connection(url: str) -> "connect":
    """Return a connection to `url` and nowhere else: no proxy, and no redirect is followed."""
    from websockets.asyncio.client import connect  # noqa: PLC0415 - loaded when used

    class Direct(connect):
        def process_redirect(self, exc: Exception) -> Exception:
            return exc

    return Direct(
        url,
        proxy=None,
        compression=None,
        open_timeout=HANDSHAKE_SECONDS,
        close_timeout=CLOSE_SECONDS,
        max_size=_LARGEST_MESSAGE,
        logger=_deaf_logger(),
    )


def _deaf_logger() -> logging.Logger:
    """Return a logger without debug lines, whatever the program's level: they show the secret."""
    logger = logging.getLogger("websockets.trade_updates")
    logger.setLevel(logging.WARNING)
    return logger
