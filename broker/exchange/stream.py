"""Alpaca's websocket of trade updates: JSON in binary frames, from `listen` on, never replayed.

What happens is read from the journal in the database, so an update is told whichever process wrote
it.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from broker.exchange.desk import TradingDesk
from broker.exchange.fetching import FETCH_FAILURES, with_prices
from broker.exchange.gate import KeyRing
from broker.exchange.orders import TradeUpdate
from broker.exchange.state import ExchangeAccount
from broker.exchange.watching import JournalWatch
from broker.exchange.wire import Json, trade_update_json

TRADE_UPDATES = "trade_updates"
HANDSHAKE_SECONDS = 30
_POLICY_VIOLATION = 1008


class TradeUpdateStream:
    """Serves /stream: one conversation with each client, told from the desk's journal."""

    def __init__(self, desk: TradingDesk, keys: KeyRing, watch: JournalWatch) -> None:
        self._desk = desk
        self._keys = keys
        self._watch = watch

    def routes(self) -> Sequence[WebSocketRoute]:
        """Return the stream's route."""
        return [WebSocketRoute("/stream", self._serve)]

    async def _serve(self, socket: WebSocket) -> None:
        await socket.accept()
        async with asyncio.TaskGroup() as group:
            conversation = _Conversation(
                socket, self._desk, self._keys, watch=self._watch, group=group
            )
            with suppress(WebSocketDisconnect):
                await conversation.hold()
            conversation.be_silent()


class _Conversation:
    """One client: who it is, and whether it listens. The newest word on either counts."""

    def __init__(
        self,
        socket: WebSocket,
        desk: TradingDesk,
        keys: KeyRing,
        *,
        watch: JournalWatch,
        group: asyncio.TaskGroup,
    ) -> None:
        self._socket = socket
        self._desk = desk
        self._keys = keys
        self._watch = watch
        self._group = group
        self._account: ExchangeAccount | None = None
        self._telling: asyncio.Task[None] | None = None

    async def hold(self) -> None:
        """Answer until the client leaves; one that does not say who it is must leave."""
        handshake = asyncio.timeout(HANDSHAKE_SECONDS)
        try:
            async with handshake:
                while (message := await _next_message(self._socket)) is not None:
                    await self._answer(message)
                    if self._account:
                        handshake.reschedule(None)
        except TimeoutError:
            if not handshake.expired():
                raise
            await self._socket.close(_POLICY_VIOLATION, "not authenticated in time")

    def be_silent(self) -> None:
        """Tell nothing more."""
        if self._telling:
            self._telling.cancel()
        self._telling = None

    async def _answer(self, message: Json) -> None:
        answers = {
            "authenticate": self._authenticate,
            "auth": self._authenticate,
            "listen": self._listen,
            "unlisten": self._unlisten,
        }
        answer = answers.get(str(message.get("action")))
        if answer is None:
            await self._send("error", {"error": "invalid message"})
        else:
            await answer(message)

    async def _authenticate(self, message: Json) -> None:
        """Take the key in its old place (`data`) or in its new one (the message itself)."""
        self.be_silent()
        key = message.get("data")
        old: Mapping[str, Any] = key if isinstance(key, dict) else {}
        self._account = self._keys.account(
            old.get("key_id", message.get("key", "")),
            old.get("secret_key", message.get("secret", "")),
        )
        await self._say_status("authenticate")

    async def _listen(self, message: Json) -> None:
        """Listen to what is named of what there is, and to nothing else."""
        if self._account is None:
            await self._say_status("listen")
            return
        self.be_silent()
        named = _streams(message)
        newest = await self._newest(self._account) if TRADE_UPDATES in named else None
        await self._say_listening(newest is not None)
        if newest is not None:
            self._telling = self._group.create_task(self._tell(self._account, newest))

    async def _unlisten(self, message: Json) -> None:
        if self._account is None:
            await self._say_status("unlisten")
            return
        if TRADE_UPDATES in _streams(message):
            self.be_silent()
        await self._say_listening(self._telling is not None)

    async def _newest(self, account: ExchangeAccount) -> int:
        return await with_prices(lambda: self._desk.last_update(account))

    async def _tell(self, account: ExchangeAccount, told: int) -> None:
        """Send what is newer than the update `told`, for ever; a client that has left ends it."""
        with suppress(WebSocketDisconnect):
            while True:
                await self._watch.stirred(account.account_number, told)
                for update in await self._updates(account, told):
                    await self._send(TRADE_UPDATES, trade_update_json(update))
                    told = update.sequence

    async def _updates(self, account: ExchangeAccount, told: int) -> tuple[TradeUpdate, ...]:
        try:
            return await with_prices(lambda: self._desk.trade_updates(account, after=told))
        except FETCH_FAILURES:
            return ()  # without prices nothing happens to an order, and nothing is missed

    async def _say_status(self, action: str) -> None:
        status = "authorized" if self._account else "unauthorized"
        await self._send("authorization", {"status": status, "action": action})

    async def _say_listening(self, is_listening: bool) -> None:
        await self._send("listening", {"streams": [TRADE_UPDATES] if is_listening else []})

    async def _send(self, stream: str, content: Json) -> None:
        await self._socket.send_bytes(json.dumps({"stream": stream, "data": content}).encode())


async def _next_message(socket: WebSocket) -> Json | None:
    """Return the next message, an empty one where it is no JSON object, None after the last."""
    frame = await socket.receive()
    if frame["type"] == "websocket.disconnect":
        return None
    try:
        message = json.loads(frame.get("text") or frame.get("bytes") or b"")
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _streams(message: Json) -> list[Any]:
    asked = message.get("data")
    named = asked.get("streams") if isinstance(asked, dict) else None
    return named if isinstance(named, list) else []
