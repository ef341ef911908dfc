"""Who sent a request is looked up when somebody asks, once, and not for whom nobody asks."""

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from config.clock import FixedClock
from mcp_server.web.sessions import Session, Sessions, Visiting, session_of
from mcp_server.web.visitors import NOBODY, visitor_of
from tests.mcp_server.web import NOW


class Known(Sessions):
    """Sessions in which everybody has signed in; counts the looks."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, lambda: (bytes(32),), FixedClock(NOW), web_url="http://127.0.0.1:1")
        self.looks = 0

    def of(self, _: Request) -> Session:
        self.looks += 1
        return Session(f"the {self.looks}th", NOW, "mark")


async def asked(sessions: Sessions, times: int) -> list[tuple[bool, str]]:
    """Return what an app behind the middleware learns that asks so many times."""
    learned: list[tuple[bool, str]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(times):
            visitor, session = visitor_of(Request(scope)), session_of(Request(scope))
            assert session is not None
            assert visitor_of(Request(scope)) is visitor
            learned.append((visitor.has_signed_in, session.id))

    async def nothing(*_: object) -> Any:
        raise AssertionError

    scope: Scope = {"type": "http", "headers": [], "path": "/"}
    await Visiting(app, sessions)(scope, nothing, nothing)
    return learned


async def test_who_asks_twice_is_told_the_same_after_one_look(tmp_path: Path) -> None:
    sessions = Known(tmp_path)

    assert await asked(sessions, 3) == [(True, "the 1th")] * 3
    assert sessions.looks == 1


async def test_nobody_looks_where_nobody_asks(tmp_path: Path) -> None:
    sessions = Known(tmp_path)

    await asked(sessions, 0)

    assert sessions.looks == 0


def test_without_the_middleware_it_is_nobody() -> None:
    request = Request({"type": "http", "headers": []})

    assert (visitor_of(request), session_of(request)) == (NOBODY, None)
