"""Streams that would never end by themselves, and how they end with the server: without an error.

A client that only listens is told so by the last message of its stream, where its protocol has one;
any other stream is completed as if its reader had gone away.
"""

import asyncio
from datetime import timedelta
from typing import Any, Final

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp_types import SubscriptionsListenResult
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LAST_WORDS: Final = timedelta(milliseconds=200)
"""How long a stream may take to end by itself once it was told to; the web server waits longer."""


class Listeners:
    """Knows the subscriptions of one server; as its middleware it sees every one."""

    def __init__(self) -> None:
        self._open: set[anyio.CancelScope] = set()

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Let the message through; a subscription lasts until `end` at the longest."""
        if ctx.method != "subscriptions/listen":
            return await call_next(ctx)
        with anyio.CancelScope() as lasting:
            self._open.add(lasting)
            try:
                return await call_next(ctx)
            finally:
                self._open.discard(lasting)
        return SubscriptionsListenResult(_meta={SUBSCRIPTION_ID_META_KEY: ctx.request_id})

    def end(self) -> None:
        """Send every listener its last message."""
        for lasting in tuple(self._open):
            lasting.cancel()


class Streams:
    """Puts an end to the responses of an app that are still being sent."""

    def __init__(self, app: ASGIApp, *, last_words: timedelta = LAST_WORDS) -> None:
        self._app = app
        self._last_words = last_words
        self._listening: set[anyio.CancelScope] = set()
        self._is_over = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request; what it began to send is always completed."""
        is_open = False

        async def sent(message: Message) -> None:
            nonlocal is_open
            is_open = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        await self._app(scope, lambda: self._heard(receive), sent)
        if is_open:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def end(self) -> None:
        """Let whoever waits for its reader hear in a while that the reader has gone away."""
        asyncio.get_running_loop().call_later(self._last_words.total_seconds(), self._part)

    def _part(self) -> None:
        self._is_over = True
        for listening in tuple(self._listening):
            listening.cancel()

    async def _heard(self, receive: Receive) -> Message:
        """Return what the reader sends, or its going away once all is over."""
        with anyio.CancelScope() as listening:
            if self._is_over:
                listening.cancel()
            self._listening.add(listening)
            try:
                return await receive()
            finally:
                self._listening.discard(listening)
        return {"type": "http.disconnect"}
