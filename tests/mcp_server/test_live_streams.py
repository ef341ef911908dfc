"""How a page's stream lives and ends: beats, its bounds, its door, and the end of the server."""

import asyncio
import time
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from starlette.types import Message

from mcp_server.host import Host
from mcp_server.web import live
from mcp_server.web.event_stream import EventStream, Patience
from mcp_server.web.live import Pace
from mcp_server.web.live_news import KINDS, Reader, Recent, Told
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.live_stream import listening_to
from tests.mcp_server.test_news import listeners_become
from tests.mcp_server.test_serve_streams import ending
from tests.mcp_server.web import bearer, browser, listening, made_token, nothing, running

PATIENCE = 10
AT_ONCE = 2.0
SOON = timedelta(milliseconds=20)
ALWAYS = timedelta(hours=1)


async def test_the_end_of_the_server_ends_every_stream_at_once_and_cleanly(
    open_app: OpenApp, tmp_path: Path, database_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    ended = asyncio.Event()
    async with (
        ending(tmp_path, Host(open_app, nothing), ended) as port,
        listening_to(port) as first,
        listening_to(port) as second,
    ):
        await first.message()
        await second.message()
        ended.set()
        told_at = time.monotonic()
        # A body that was cut, not completed, raises here.
        rest = [await first.rest(), await second.rest()]
        took = time.monotonic() - told_at

    assert rest == [[], []]
    assert took < AT_ONCE
    assert await listeners_become(database_dsn, 0)
    assert "Exception in ASGI application" not in caplog.text


async def test_a_page_that_nothing_is_told_of_hears_that_the_line_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "USUAL_PACE", Pace(beat=SOON, patience=Patience(longest=SOON * 50)))

    async with (
        asyncio.timeout(PATIENCE),
        listening(tmp_path) as port,
        listening_to(port) as listener,
    ):
        told = await listener.rest()

    assert told == []
    assert listener.beats > 1
    assert listener.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert listener.answer.headers["cache-control"] == "no-store"


async def test_one_page_too_many_is_asked_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_READERS", 2)

    async with (
        listening(tmp_path) as port,
        listening_to(port) as first,
        listening_to(port),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as one_more,
    ):
        refused = await one_more.get("/live")
        await first.answer.aclose()
        async with asyncio.timeout(PATIENCE):
            while (await one_more.head("/live")).status_code == 503:
                pass

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")


async def test_the_stream_is_open_to_those_who_may_see_the_pages(tmp_path: Path) -> None:
    token = made_token(tmp_path, "read")
    proxied = {"X-Forwarded-For": "192.0.2.1"}

    async with running(tmp_path) as transport, browser(transport) as its:
        statuses = [
            (await its.head("/live", headers=headers)).status_code
            for headers in (
                {},
                proxied,
                proxied | bearer(token),
                bearer("wrong"),
                {"Origin": "https://evil.example"},
                {"Host": "evil.example"},
            )
        ]
        posted = await its.post("/live")

    assert statuses == [200, 401, 200, 401, 403, 421]
    assert posted.status_code == 405


class Ended:
    """Parts without end, and whether they were closed."""

    closed = False

    async def parts(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"part"
                await asyncio.sleep(0)
        finally:
            self.closed = True


async def never() -> Message:
    return await asyncio.Event().wait()  # type: ignore[return-value] # it never returns


async def test_a_reader_that_takes_nothing_is_dropped() -> None:
    own, sent = Ended(), list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) > 3:
            await asyncio.Event().wait()

    stream = EventStream(own.parts, Patience(longest=ALWAYS, sending=SOON))
    async with asyncio.timeout(PATIENCE):
        await stream({"type": "http", "method": "GET"}, never, send)

    assert own.closed
    assert [message.get("body") for message in sent] == [None, b"part", b"part", b"part", b""]


async def test_a_stream_ends_when_its_reader_goes_away_or_its_time_is_over() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        await asyncio.sleep(0)

    for receive, longest in ((gone, ALWAYS), (never, SOON)):
        own = Ended()
        async with asyncio.timeout(PATIENCE):
            await EventStream(own.parts, Patience(longest=longest))(
                {"type": "http", "method": "GET"}, receive, send
            )
        assert own.closed


async def test_a_slow_reader_is_told_once_of_all_that_it_missed() -> None:
    reader = Reader(3)
    recent = Recent(3)
    for position, kind in ((4, "costs"), (7, "trades")):
        recent.add(position, frozenset({kind}))
        reader.tell(Told(position, recent.since(reader.position), waiting=1))

    message = await reader.message()

    assert message == b'id: 7\ndata: {"after": 3, "kinds": ["costs", "trades"], "waiting": 1}\n\n'


def test_what_was_forgotten_may_be_anything() -> None:
    recent = Recent(10, most=2)
    for position, kind in ((11, "costs"), (12, "trades"), (13, "week")):
        recent.add(position, frozenset({kind}))

    assert recent.since(13) == recent.since(None) == recent.since(99) == frozenset()
    assert recent.since(12) == {"week"}
    assert recent.since(11) == {"trades", "week"}
    assert recent.since(10) == recent.since(0) == KINDS
