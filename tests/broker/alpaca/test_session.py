"""What the session leaves out of requests' way of sending does not make it less careful."""

import contextlib
import gzip
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest
import requests
from urllib3.util.wait import wait_for_read

from broker.alpaca.connection import as_requests_would
from broker.alpaca.session import GuardedSession

TIMEOUT = (1.0, 1.0)
_PATIENCE_SECONDS = 2
LOWER_ERRORS = (
    *(OSError, ConnectionResetError, BrokenPipeError, TimeoutError, socket.gaierror, ValueError),
    *(ssl.SSLError, ssl.SSLCertVerificationError, http.client.HTTPException),
    *(http.client.BadStatusLine, http.client.IncompleteRead, http.client.CannotSendRequest),
    *(http.client.RemoteDisconnected, http.client.InvalidURL, UnicodeError),
)

Served = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[tuple[Served, list[bytes]]]:
    """Give each connection's first request the next answer and hang up; at None the client does."""
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as left:
        listener.settimeout(_PATIENCE_SECONDS)
        received: list[bytes] = []

        def answer_with(*connections: bytes | None) -> None:
            for answer in connections:
                line, _ = listener.accept()
                with line:
                    line.settimeout(_PATIENCE_SECONDS)
                    received.append(line.recv(65_536))
                    line.sendall(line.recv(1) if answer is None else answer)

        def started(*connections: bytes | None) -> str:
            thread = threading.Thread(target=answer_with, args=connections)
            thread.start()
            left.callback(thread.join)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield started, received


def whole(content: bytes, *lines: str) -> bytes:
    head = "\r\n".join(("HTTP/1.1 200 OK", f"Content-Length: {len(content)}", *lines, "", ""))
    return head.encode() + content


def test_the_server_has_to_prove_who_it_is() -> None:
    session = GuardedSession("https://paper-api.alpaca.markets", TIMEOUT)

    line = session._connection._line

    assert isinstance(line, http.client.HTTPSConnection)
    assert (line.host, line.port) == ("paper-api.alpaca.markets", 443)
    context: ssl.SSLContext = vars(line)["_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.get_ca_certs()


@pytest.mark.parametrize("error", LOWER_ERRORS, ids=lambda error: error.__name__)
def test_every_error_below_is_one_that_requests_would_raise(error: type[Exception]) -> None:
    raised = error.__new__(error, "text")

    assert isinstance(as_requests_would(raised), requests.RequestException)


def test_a_wrong_certificate_is_told_from_a_lost_connection() -> None:
    assert isinstance(as_requests_would(ssl.SSLError()), requests.exceptions.SSLError)


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
            GuardedSession(origin, (1.0, 0.01)).request("POST", f"{origin}/v2/orders", json={})


def test_a_connection_that_the_server_has_closed_is_opened_again(
    serve: tuple[Served, list[bytes]],
) -> None:
    start, received = serve
    origin = start(whole(b"1"), whole(b"2"))
    session = GuardedSession(origin, TIMEOUT)

    first = session.request("GET", f"{origin}/v2/clock").text
    assert wait_for_read(session._connection._line.sock, timeout=_PATIENCE_SECONDS)
    second = session.request("GET", f"{origin}/v2/clock").text

    session.close()
    assert (first, second) == ("1", "2")
    assert len(received) == 2


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


def test_a_header_cannot_smuggle_a_second_request(serve: tuple[Served, list[bytes]]) -> None:
    start, received = serve
    origin = start(b"")
    session = GuardedSession(origin, TIMEOUT)
    headers = {"APCA-API-KEY-ID": "x\r\n\r\nDELETE /v2/positions HTTP/1.1"}

    with pytest.raises(requests.exceptions.InvalidHeader):
        session.request("GET", f"{origin}/v2/clock", headers=headers)

    assert not any(received)
