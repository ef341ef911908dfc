"""The span of an HTTP request: its method, its route, its status, and nothing that it carries."""

from typing import Final

from opentelemetry import propagate
from opentelemetry.context import attach, detach
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config import telemetry

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_FAULT: Final = 500


class Traced:
    """Traces every request as a part of the caller's trace, where the caller names one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request within its span, if anybody traces."""
        if scope["type"] != "http" or not telemetry.is_traced():
            await self._app(scope, receive, send)
            return
        token = attach(propagate.extract(Headers(scope=scope)))
        try:
            await self._within(scope, receive, send)
        finally:
            detach(token)

    async def _within(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        with telemetry.step(method, {"http.request.method": method}, "server") as step:

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    step.says({"http.response.status_code": message["status"]})
                    if message["status"] >= _FAULT:
                        step.failed(str(message["status"]))
                await send(message)

            await self._app(scope, receive, sent)
            # Only the router knows it; an address as it was asked for may hold anything.
            if route := getattr(scope.get("route"), "path", None):
                step.says({"http.route": route})
                step.is_called(f"{method} {route}")
