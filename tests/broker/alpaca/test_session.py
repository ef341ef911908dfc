"""What the session leaves out of requests' way of sending does not make it less careful."""

import contextlib
import gc
import gzip
import select
import socket
import threading
from collections.abc import Callable, Iterator
from weakref import ref

import pycurl
import pytest
import requests

from broker.alpaca.connection import as_requests_would
from broker.alpaca.session import GuardedSession

TIMEOUT = (1.0, 1.0)
_PATIENCE_SECONDS = 2
LOWER_ERRORS = sorted(name for name in dir(pycurl) if name.startswith("E_"))

Served = Callable[..., str]
Kept = tuple[bytes, ...]


@pytest.fixture
def serve() -> Iterator[tuple[Served, list[bytes]]]:
    """Give each connection's first request the next answer and hang up; at None the client does.

    A tuple of answers is for as many requests of one connection.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as left:
        listener.settimeout(_PATIENCE_SECONDS)
        received: list[bytes] = []

        def answer_with(*connections: bytes | Kept | None) -> None:
            for answers in connections:
                line, _ = listener.accept()
                with line:
                    line.settimeout(_PATIENCE_SECONDS)
                    for answer in answers if isinstance(answers, tuple) else (answers,):
                        received.append(line.recv(65_536))
                        line.sendall(line.recv(1) if answer is None else answer)

        def started(*connections: bytes | Kept | None) -> str:
            thread = threading.Thread(target=answer_with, args=connections)
            thread.start()
            left.callback(thread.join)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield started, received


def whole(content: bytes, *lines: str) -> bytes:
    head = "\r\n".join(("HTTP/1.1 200 OK", f"Content-Length: {len(content)}", *lines, "", ""))
    return head.encode() + content


@pytest.mark.parametrize("name", LOWER_ERRORS)
@pytest.mark.parametrize("is_sent", [False, True])
def test_every_error_below_is_one_that_requests_would_raise(name: str, is_sent: bool) -> None:
    error = pycurl.error(getattr(pycurl, name), "text")

    assert isinstance(as_requests_would(error, is_sent=is_sent), requests.RequestException)


def test_a_time_that_ran_out_says_whether_the_request_may_have_left() -> None:
    error = pycurl.error(pycurl.E_OPERATION_TIMEDOUT, "text")

    assert isinstance(as_requests_would(error, is_sent=False), requests.ConnectTimeout)
    assert isinstance(as_requests_would(error, is_sent=True), requests.ReadTimeout)


def test_nobody_at_the_address_is_a_connection_error() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"

    with pytest.raises(requests.ConnectionError):
        GuardedSession(origin, TIMEOUT).request("GET", f"{origin}/v2/account")


def test_a_server_that_says_nothing_is_a_read_timeout() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"

        with pytest.raises(requests.ReadTimeout):
            GuardedSession(origin, (1.0, 0.1)).request("POST", f"{origin}/v2/orders", json={})


def test_a_connection_that_the_server_has_closed_is_opened_again(
    serve: tuple[Served, list[bytes]],
) -> None:
    start, received = serve
    origin = start(whole(b"1"), whole(b"2"))
    session = GuardedSession(origin, TIMEOUT)

    first = session.request("GET", f"{origin}/v2/clock").text
    line = session._connection._line
    assert line is not None
    assert select.select([line.getinfo(pycurl.ACTIVESOCKET)], [], [], _PATIENCE_SECONDS)[0]
    second = session.request("GET", f"{origin}/v2/clock").text

    session.close()
    assert (first, second) == ("1", "2")
    assert len(received) == 2


def test_a_request_whose_kept_connection_dies_is_not_sent_again(
    serve: tuple[Served, list[bytes]],
) -> None:
    start, received = serve
    origin = start((whole(b"1"), b""), b"")
    session = GuardedSession(origin, TIMEOUT)

    first = session.request("GET", f"{origin}/v2/clock").text
    with pytest.raises(requests.ConnectionError):
        session.request("POST", f"{origin}/v2/orders", json={})

    session.close()
    assert first == "1"
    assert [request.split(b" ")[0] for request in received if request] == [b"GET", b"POST"]


def test_an_answer_that_trickles_is_a_read_timeout(serve: tuple[Served, list[bytes]]) -> None:
    start, _ = serve
    begun = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,"
    origin = start((begun, b""))
    session = GuardedSession(origin, (1.0, 0.1))

    with pytest.raises(requests.ReadTimeout):
        session.request("GET", f"{origin}/v2/orders")


def test_a_secret_is_kept_no_longer_than_its_connection() -> None:
    class Secret(str):
        pass

    secret = Secret("s3cret")
    session = GuardedSession("http://127.0.0.1:1", TIMEOUT)
    with pytest.raises(requests.ConnectionError) as refused:
        session.request("GET", "http://127.0.0.1:1/v2/clock", headers={"Key": secret})
    kept = ref(secret)

    del secret, session, refused
    gc.collect()

    assert kept() is None


def test_a_redirect_is_not_followed(serve: tuple[Served, list[bytes]]) -> None:
    start, received = serve
    origin = start(b"HTTP/1.1 307 Later\r\nLocation: /v2/x\r\nContent-Length: 0\r\n\r\n")
    session = GuardedSession(origin, TIMEOUT)

    with pytest.raises(requests.HTTPError, match="307"):
        session.request("POST", f"{origin}/v2/orders", json={})

    session.close()
    assert len(received) == 1


@pytest.mark.parametrize(
    "lost", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,", b"nonsense\r\n\r\n"]
)
def test_a_lost_answer_is_an_error_and_never_asked_for_again(
    lost: bytes, serve: tuple[Served, list[bytes]]
) -> None:
    start, received = serve
    origin = start(lost, whole(b"after"))
    session = GuardedSession(origin, TIMEOUT)

    with pytest.raises(requests.ConnectionError):
        session.request("DELETE", f"{origin}/v2/orders")

    assert len(received) == 1
    assert session.request("GET", f"{origin}/v2/orders").text == "after"
    session.close()


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(
    serve: tuple[Served, list[bytes]],
) -> None:
    start, _ = serve
    origin = start(None, whole(b"after"))
    session = GuardedSession(origin, (1.0, 0.2))

    with pytest.raises(requests.ReadTimeout):
        session.request("DELETE", f"{origin}/v2/orders")

    assert session.request("GET", f"{origin}/v2/orders").text == "after"
    session.close()


def test_a_compressed_answer_is_read_and_a_broken_one_is_an_error(
    serve: tuple[Served, list[bytes]],
) -> None:
    start, received = serve
    packed, kind = gzip.compress(b"[1]"), "Connection: close\r\nContent-Encoding: gzip"
    unknown = whole(b"?", "Connection: close\r\nContent-Encoding: br")
    origin = start(whole(packed, kind), whole(packed[:-9], kind), whole(b"?", kind), unknown)
    session = GuardedSession(origin, TIMEOUT)

    answer = session.request("GET", f"{origin}/v2/clock")

    assert answer.json() == [1]
    assert b"Accept-Encoding: gzip\r\n" in received[0]
    for _ in range(3):
        with pytest.raises(requests.exceptions.ContentDecodingError):
            session.request("GET", f"{origin}/v2/clock")
    session.close()


def test_a_query_is_spelled_as_requests_would(serve: tuple[Served, list[bytes]]) -> None:
    start, received = serve
    origin = start(whole(b"1"))
    session = GuardedSession(origin, TIMEOUT)
    query: dict[str, str | int | None]
    query = {"symbols": "SPY,ü~", "after": "2026-01-07T09:30:00+00:00", "limit": 5, "side": None}

    answer = session.request("GET", f"{origin}/v2/orders", params=query)

    session.close()
    asked = requests.Request("GET", f"{origin}/v2/orders", params=query).prepare()
    assert answer.url == asked.url
    assert received[0].split(b" ")[1].decode() == asked.path_url


def test_a_header_cannot_smuggle_a_second_request() -> None:
    session = GuardedSession("http://127.0.0.1:9", TIMEOUT)
    headers = {"APCA-API-KEY-ID": "x\r\n\r\nDELETE /v2/positions HTTP/1.1"}

    with pytest.raises(requests.exceptions.InvalidHeader):
        session.request("GET", "http://127.0.0.1:9/v2/clock", headers=headers)


def test_a_header_beyond_ascii_is_refused() -> None:
    session = GuardedSession("http://127.0.0.1:9", TIMEOUT)

    with pytest.raises(requests.exceptions.InvalidHeader):
        session.request("GET", "http://127.0.0.1:9/v2/clock", headers={"APCA-API-KEY-ID": "ü"})
