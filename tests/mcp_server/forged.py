"""Requests as bytes, as a page of ours sends them and as others would: over a real socket."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import httpx2
from starlette.applications import Starlette
from starlette.routing import Route

from config.clock import Clock
from mcp_server.web.api.document import OPERATIONS
from mcp_server.web.sessions import PLAIN_NAME
from tests.mcp_server.signing_in import signed_in, with_passphrase
from tests.mcp_server.web import listening, raw, running

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"


@dataclass(frozen=True)
class Sent:
    """A request: the headers that it shows, in their order, and its body."""

    headers: tuple[tuple[str, str], ...]
    body: str = ""

    def without(self, *names: str) -> "Sent":
        """Return it without those headers."""
        return replace(self, headers=tuple(one for one in self.headers if one[0] not in names))

    def showing(self, name: str, *values: str) -> "Sent":
        """Return it with these values of a header, and no others."""
        added = tuple((name, value) for value in values)
        return replace(self, headers=(*self.without(name).headers, *added))

    def to(self, path: str, method: str = "POST") -> str:
        """Return it as it goes over the line."""
        lines = [f"{name}: {value}" for name, value in self.headers]
        if not any(name == "Content-Length" for name, _ in self.headers):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join((f"{method} {path} HTTP/1.1", *lines, "", self.body))


@dataclass(frozen=True)
class Visit:
    """A server at `port`, with the cookies and forms of two people who have signed in."""

    port: int
    cookie: str
    csrf: str
    other_cookie: str
    other_csrf: str

    def rightly(self, path: str) -> Sent:
        """Return the request as a page of ours has it sent to `path`."""
        is_json = path.startswith("/api/")
        headers = {
            "Host": f"127.0.0.1:{self.port}",
            "Connection": "close",
            "Cookie": f"{PLAIN_NAME}={self.cookie}",
            "Origin": f"http://127.0.0.1:{self.port}",
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": JSON if is_json else FORM,
            "X-CSRF-Token": self.csrf,
        }
        return Sent(tuple(headers.items()), "{}" if is_json else "note=x")

    async def answer(self, sent: Sent, path: str, method: str = "POST") -> bytes:
        """Return all that the server answers."""
        return await raw(self.port, sent.to(path, method))

    async def is_signed_in(self) -> bool:
        """Whether the session still stands."""
        asked = self.rightly("/sign-in").without("Content-Type", "X-CSRF-Token")
        return b"You are signed in until" in await self.answer(
            replace(asked, body=""), "/sign-in", "GET"
        )


@asynccontextmanager
async def visiting(home: Path, *, clock: Clock | None = None) -> AsyncIterator[Visit]:
    """Serve on a real port, with a passphrase set and two people signed in."""
    async with listening(with_passphrase(home), clock=clock) as port:
        yield Visit(port, *await _session_at(port), *await _session_at(port))


async def _session_at(port: int) -> tuple[str, str]:
    origin = f"http://127.0.0.1:{port}"
    async with httpx2.AsyncClient(base_url=origin, trust_env=False) as its:
        csrf = await signed_in(its)
        return its.cookies[PLAIN_NAME], csrf


async def routes_of(home: Path, *, unsafe: bool) -> list[tuple[str, str]]:
    """Return method and address of each route: of those that take something, or that only show."""
    async with running(home) as transport:
        app = transport.app
        assert isinstance(app, Starlette)
        pages = [
            (method, route.path)
            for route in app.routes
            if isinstance(route, Route)
            for method in sorted(route.methods or ())
        ]
    found = [*pages, *((own.method, own.path) for own in OPERATIONS)]
    named = {
        (method, re.sub(r"{\w+(:\w+)?}", "x", path))
        for method, path in found
        if (method not in {"GET", "HEAD"}) is unsafe
    }
    return sorted(named)


def status_of(answer: bytes) -> int:
    """Return the status of an answer."""
    return int(answer.split(b" ", 2)[1])
