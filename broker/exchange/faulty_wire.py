"""The wire between an exchange and its clients, gone wrong by plan: ASGI middleware.

It stands outside of everything else, so it fails market data and unknown keys alike. It counts what
it did, by method and kind of fault.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.exchange.faults import Fault, FaultKind, FaultPlan
from broker.exchange.hanging_up import hanging_up
from config.clock import Clock

LONGEST_HANG: Final = timedelta(minutes=2)
"""A client that waits even longer finds its connection closed."""

CLEAN: Final = "clean"
"""Under this word requests without a fault are counted."""

_BAD_GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body></body></html>"
_SERVICE_RESTART = 1012
_REFUSALS = (
    (403, 40310000, "insufficient buying power"),
    (422, 42210000, "asset cannot be sold short"),
    (403, 40310000, "account is not allowed to short"),
)
_GARBLINGS = 6
_UNANSWERED = frozenset({FaultKind.DROP, FaultKind.LOST, FaultKind.LATE})
_PROCESSED_AT_ONCE = frozenset(
    {
        *(FaultKind.DROP, FaultKind.HANG, FaultKind.GARBAGE),
        *(FaultKind.ERROR_AFTER, FaultKind.HTML_AFTER),
    }
)


class FaultyWire:
    """Passes requests on to `app`, except where `plan` has another fate for them.

    Attributes:
        counts: How many requests met what, by (method, kind or `CLEAN`).
    """

    def __init__(self, app: ASGIApp, plan: FaultPlan, clock: Clock) -> None:
        self._app = app
        self._plan = plan
        self._clock = clock
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._late: set[asyncio.Task[None]] = set()
        self.counts: Counter[tuple[str, str]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one stream."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket" and self._plan.stream:
            await self._app(scope, receive, _Dropping(send, self._plan.stream))
        else:
            await self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        method = scope["method"]
        subject = _subject(scope, body)
        self._attempts[method, subject] += 1
        fault = self._plan.fault_for(method, subject, self._attempts[method, subject])
        self.counts[method, fault.kind if fault else CLEAN] += 1
        if fault is None:
            await self._app(scope, _replaying(body, receive), send)
            return
        processed = _Kept()
        if fault.kind in _PROCESSED_AT_ONCE:
            await self._app(scope, _replaying(body, receive), processed)
        elif fault.kind is FaultKind.LATE:
            self._soon(self._processed_late(dict(scope), body, fault.delay))
        await _answered(fault, processed, _Wire(scope, receive, send))

    async def _processed_late(self, scope: Scope, body: bytes, delay: timedelta) -> None:
        await self._clock.sleep(delay)
        await self._app(scope, _replaying(body, _gone), _Kept())

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        # The loop itself keeps only a weak hold of its tasks.
        task = asyncio.create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)


class _Wire:
    """One request's connection."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send

    async def answer(self, response: Response) -> None:
        await response(self._scope, self._receive, self._send)

    async def cut(self, response: Response) -> None:
        """Promise the whole of `response` and close the connection after its first half."""
        body = bytes(response.body)
        start = {"status": response.status_code, "headers": response.raw_headers}
        await self._send({"type": "http.response.start", **start})
        half = body[: len(body) // 2]
        await self._send({"type": "http.response.body", "body": half, "more_body": True})
        await self.close()

    async def close(self) -> None:
        """Close the connection and wait until the server has noticed."""
        hanging_up(self._scope)()
        await self._until_gone()

    async def hang(self) -> None:
        """Say nothing until the client gives up."""
        try:
            async with asyncio.timeout(LONGEST_HANG.total_seconds()):
                await self._until_gone()
        except TimeoutError:
            await self.close()

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


class _Kept:
    """Takes an application's answer for itself."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.body += message.get("body", b"")


class _Dropping:
    """Closes a stream of updates after `most` messages to the client."""

    def __init__(self, send: Send, most: int) -> None:
        self._send = send
        self._left = most

    async def __call__(self, message: Message) -> None:
        if message["type"] != "websocket.send":
            await self._send(message)
            return
        if self._left == 0:
            await self._send({"type": "websocket.close", "code": _SERVICE_RESTART})
        elif self._left > 0:
            await self._send(message)
        # After the close nothing more is sent: the application may not have noticed it yet.
        self._left -= 1


async def _answered(fault: Fault, processed: _Kept, wire: _Wire) -> None:
    """Answer as the fault will have it, or not at all."""
    if fault.kind in _UNANSWERED:
        await wire.close()
    elif fault.kind in {FaultKind.HANG, FaultKind.HANG_LOST}:
        await wire.hang()
    elif fault.kind is FaultKind.GARBAGE:
        await _garbled(fault, processed, wire)
    else:
        await wire.answer(_ANSWERS[fault.kind](fault))


async def _garbled(fault: Fault, processed: _Kept, wire: _Wire) -> None:
    """Answer with something between the right answer and nothing, each in its turn."""
    body, status = processed.body, processed.status
    whole = Response(body, status_code=status, media_type="application/json")
    if fault.variant % _GARBLINGS == 0:
        await wire.cut(whole)
        return
    answers = (
        Response(body[: len(body) // 2], status_code=status, media_type="application/json"),
        Response(b"[1, 2", status_code=200, media_type="application/json"),
        JSONResponse({"id": "?", "status": "no_such_status"}),
        JSONResponse(None),
        Response(status_code=302, headers={"location": "/"}),
    )
    await wire.answer(answers[fault.variant % _GARBLINGS - 1])


def _throttled(_fault: Fault) -> Response:
    return JSONResponse({"message": "too many requests."}, status_code=429)


def _error(fault: Fault) -> Response:
    return JSONResponse({"message": "internal server error occurred"}, status_code=fault.status)


def _page(fault: Fault) -> Response:
    """Return a web page, mostly with an error's status and sometimes with success."""
    return HTMLResponse(_BAD_GATEWAY_PAGE, status_code=200 if fault.variant % 3 == 0 else 502)


def _spurious(fault: Fault) -> Response:
    status, code, message = _REFUSALS[fault.variant % len(_REFUSALS)]
    return JSONResponse({"code": code, "message": message}, status_code=status)


_ANSWERS: dict[FaultKind, Callable[[Fault], Response]] = {
    FaultKind.THROTTLED: _throttled,
    FaultKind.ERROR_BEFORE: _error,
    FaultKind.ERROR_AFTER: _error,
    FaultKind.HTML_BEFORE: _page,
    FaultKind.HTML_AFTER: _page,
    FaultKind.SPURIOUS: _spurious,
}


def _subject(scope: Scope, body: bytes) -> str:
    """Return what a request is about, its account included: the order's id where there is one."""
    headers = dict(scope["headers"])
    key_id = headers.get(b"apca-api-key-id", b"").decode("latin-1")
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("client_order_id")
    about = asked[0] if asked else _order_id(body) or scope["path"]
    return f"{key_id} {about}"


def _order_id(body: bytes) -> str | None:
    try:
        order = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = order.get("client_order_id") if isinstance(order, dict) else None
    return found if isinstance(found, str) else None


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replaying(body: bytes, then: Receive) -> Receive:
    """Return a `receive` that gives the whole body once and goes on with `then`."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return first.pop() if first else await then()

    return receive


async def _gone() -> Message:
    return {"type": "http.disconnect"}
