"""Prices that must be fetched before they can be read, without a fetch inside of a transaction.

A source is read in the middle of a request, mostly while its account is locked. One that lacks a
price then says so: the request ends as if it had never been, the price is fetched, and the request
runs again. Each run reads what the last one fetched, so a few are enough.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.errors import BadCredentials, VenueRefused, VenueUnreachable

FETCH_FAILURES = (VenueUnreachable, BadCredentials, VenueRefused)
"""How the fetching of prices can fail."""
MOST_FETCHES = 100
"""Half a year of an order that nobody looked at is half of that in weeks of minutes."""

_Result = TypeVar("_Result")


class PricesAwaited(Exception):
    """A price was asked for that is not here yet; `fetch` brings it."""

    def __init__(self, fetch: Callable[[], Awaitable[None]]) -> None:
        super().__init__("prices must be fetched first")
        self.fetch = fetch


async def with_prices(work: Callable[[], Awaitable[_Result]]) -> _Result:
    """Return what `work` returns, run again after each fetch that it asks for.

    Raises:
        VenueUnreachable: The prices cannot be fetched; also any other of `FETCH_FAILURES`.
    """
    for _ in range(MOST_FETCHES):
        try:
            return await work()
        except PricesAwaited as awaited:
            fetch = awaited.fetch
        await fetch()
    raise VenueUnreachable(
        f"The prices take more than {MOST_FETCHES} fetches: ask for less at once, or again."
    )


class FetchedPrices:
    """Runs requests again whose prices had to be fetched; answers 503 where that fails."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as often as it takes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _whole_body(receive)
        try:
            await with_prices(lambda: self._app(dict(scope), _replayed(body, receive), send))
        except FETCH_FAILURES as error:
            refusal = JSONResponse({"message": str(error)}, status_code=503)
            await refusal(scope, receive, send)


async def _whole_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body once more, and then what comes after it."""
    ahead: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return ahead.pop() if ahead else await receive()

    return receive_again
