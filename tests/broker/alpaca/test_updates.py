"""The stream of trade updates: it wakes whoever waits, changes nothing else and never raises."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from broker.accounts import checked_stream_url
from broker.alpaca.updates import LONGEST_PAUSE_SECONDS, TradeUpdates, content_of, pause_seconds
from broker.alpaca.venue import AlpacaVenue
from broker.errors import NotPaperHost
from config.clock import SystemClock, VirtualClock
from tests.broker.alpaca.conftest import CREDENTIALS
from tests.broker.alpaca.samples import order

LONG = timedelta(seconds=20)
NONE = timedelta()
FILL = {"stream": "trade_updates", "data": {"event": "fill", "order": order()}}
AUTHORIZED = {"stream": "authorization", "data": {"status": "authorized"}}
LISTENING = {"stream": "listening", "data": {"streams": ["trade_updates"]}}
Talk = Callable[["Speaker"], Awaitable[None]]


class Speaker:
    """The venue's end: answers the handshake, then says what the test wants, then hangs up."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.says: list[str | bytes] = []
        self.stays = True
        self.connections = 0
        self.status = "authorized"

    async def __call__(self, socket: ServerConnection) -> None:
        self.connections += 1
        self.heard.append(json.loads(await socket.recv()))
        status = {"stream": "authorization", "data": {"status": self.status}}
        await socket.send(json.dumps(status).encode())
        self.heard.append(json.loads(await socket.recv()))
        await socket.send(json.dumps(LISTENING))
        for message in self.says:
            await socket.send(message)
        if self.stays:
            await socket.wait_closed()


@asynccontextmanager
async def speaking(speaker: Any, **options: Any) -> AsyncIterator[str]:
    async with serve(speaker, "127.0.0.1", 0, close_timeout=0.1, **options) as server:
        yield address(server)


def address(server: Server) -> str:
    return f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[TradeUpdates]:
    updates = TradeUpdates(
        nickname="CLAUDE",
        credentials=CREDENTIALS,
        trading_url=url,
        clock=SystemClock(),
        jitter=lambda: 0.0,
    )
    yield updates
    await updates.aclose()


async def test_every_new_connection_wakes_once_because_nothing_is_replayed() -> None:
    speaker = Speaker()
    async with speaking(speaker) as url, listening(url) as updates:
        first, second = await updates.wait(LONG), await updates.wait(NONE)

    assert (first, second) == (True, False)
    assert speaker.heard == [
        {"action": "authenticate", "data": {"key_id": "PKTEST", "secret_key": "shh"}},
        {"action": "listen", "data": {"streams": ["trade_updates"]}},
    ]


@pytest.mark.parametrize("frame", [json.dumps(FILL), json.dumps(FILL).encode()])
async def test_an_update_in_a_text_or_a_binary_frame_wakes(frame: str | bytes) -> None:
    socket: asyncio.Future[ServerConnection] = asyncio.Future()

    async def speak(connection: ServerConnection) -> None:
        for answer in (AUTHORIZED, LISTENING):
            await connection.recv()
            await connection.send(json.dumps(answer))
        socket.set_result(connection)
        await connection.wait_closed()

    async with speaking(speak) as url, listening(url) as updates:
        await updates.wait(LONG)
        await (await socket).send(frame)
        hinted = await updates.wait(LONG)

    assert hinted


async def test_a_hint_between_two_waits_is_not_lost() -> None:
    speaker = Speaker()
    speaker.says = [json.dumps(FILL)]
    async with speaking(speaker) as url, listening(url) as updates:
        await updates.wait(NONE)
        await updates._hint.wait()
        hinted = await updates.wait(NONE)

    assert hinted


async def test_a_stream_that_breaks_off_is_taken_up_again_and_wakes_again() -> None:
    speaker = Speaker()
    speaker.stays = False
    async with speaking(speaker) as url, listening(url) as updates:
        hints = [await updates.wait(LONG) for _ in range(5)]

    assert hints == [True] * 5
    assert speaker.connections >= 5


messages = st.one_of(
    st.just(json.dumps(FILL)),
    st.just(json.dumps(FILL).encode()),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.sampled_from(["[" * 5_000, "null", "{}", '{"stream": ["trade_updates"]}', "NaN", "[]"]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(messages, max_size=8), st.randoms(use_true_random=False))
async def test_doubled_shuffled_and_senseless_messages_do_nothing_but_wake(
    said: list[str | bytes], chance: Any
) -> None:
    speaker = Speaker()
    speaker.says = [*said, *said]
    chance.shuffle(speaker.says)
    speaker.stays = False
    async with speaking(speaker) as url, listening(url) as updates:
        for _ in range(3):
            await updates.wait(LONG)
        still_following = updates._following is not None and not updates._following.done()

    assert still_following
    assert speaker.connections >= 1


async def test_a_refused_key_and_an_absent_stream_are_just_a_wait() -> None:
    refusing = Speaker()
    refusing.status = "unauthorized"
    waits = []
    async with speaking(refusing) as url, listening(url) as updates, asyncio.timeout(10):
        while refusing.connections < 2:  # then the first one is over
            waits.append(await updates.wait(timedelta(milliseconds=10)))
    async with listening("http://127.0.0.1:9") as updates:
        waits.append(await updates.wait(timedelta(milliseconds=10)))

    assert not any(waits)
    assert {message["action"] for message in refusing.heard} == {"authenticate"}


async def test_a_redirect_is_not_followed_and_the_secret_goes_nowhere_else() -> None:
    elsewhere = Speaker()
    async with speaking(elsewhere) as other:
        moved = Headers({"Location": other.replace("http", "ws"), "Content-Length": "0"})

        def redirect(_: ServerConnection, __: Request) -> Response:
            return Response(302, "Found", moved)

        async with speaking(Speaker(), process_request=redirect) as url, listening(url) as updates:
            hinted = await updates.wait(timedelta(milliseconds=50))

    assert not hinted
    assert elsewhere.connections == 0


async def test_neither_the_log_nor_the_text_of_the_stream_shows_the_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    speaker = Speaker()
    speaker.stays = False
    with caplog.at_level(logging.DEBUG):
        async with speaking(speaker) as url, listening(url) as updates:
            await updates.wait(LONG)
            await updates.wait(LONG)
            shown = f"{updates!r} {vars(updates)!r}"

    client_lines = [r.getMessage() for r in caplog.records if "server" not in r.name]
    assert "shh" not in shown + "".join(client_lines)


async def test_closing_ends_the_stream_and_a_later_wait_only_waits() -> None:
    speaker = Speaker()
    async with speaking(speaker) as url, listening(url) as updates:
        await updates.wait(LONG)
        await updates.aclose()
        await updates.aclose()
        hinted = await updates.wait(NONE)

    assert not hinted
    assert speaker.connections == 1


def test_the_pause_between_two_tries_doubles_up_to_a_minute() -> None:
    pauses = [pause_seconds(failures) for failures in (1, 2, 3, 7, 5_000)]

    assert pauses == [1, 2, 4, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS]


def test_the_stream_is_at_the_paper_host_or_on_loopback_and_nowhere_else() -> None:
    assert checked_stream_url("https://paper-api.alpaca.markets") == (
        "wss://paper-api.alpaca.markets/stream"
    )
    assert checked_stream_url("http://127.0.0.1:8000") == "ws://127.0.0.1:8000/stream"
    with pytest.raises(NotPaperHost), asyncio.Runner() as runner:
        runner.run(_opened("https://evil.example"))


@given(st.one_of(st.text(), st.binary()))
@example("[" * 100_000)
def test_any_frame_has_some_content_or_none(frame: str | bytes) -> None:
    assert isinstance(content_of(frame), dict)


async def test_a_venue_without_a_stream_lets_its_own_clock_pass(
    make_venue: Callable[..., AlpacaVenue],
) -> None:
    clock = VirtualClock(datetime(2026, 11, 20, 15, 30, tzinfo=UTC))
    venue = make_venue(clock=clock)

    hinted = await venue.changed(timedelta(hours=1))

    assert not hinted
    assert clock.now() == datetime(2026, 11, 20, 16, 30, tzinfo=UTC)


async def _opened(url: str) -> None:
    async with listening(url):
        pass
