"""By which names the server answers, over raw sockets: other sites' pages reach nothing."""

import re
from pathlib import Path
from typing import cast

import pytest
from starlette.types import Message, Receive

from config.errors import UsageError
from mcp_server.web.addresses import Addresses, ExactAddresses
from mcp_server.web.serving import Asked
from tests.mcp_server.web import access, listening, made_token, raw

PATHS = ("/", "/mcp", "/health", "/ready", "/approvals", "/approvals/x", "/nowhere")
METADATA = "/.well-known/oauth-protected-resource/mcp"
FOREIGN_HOSTS = (
    "evil.example",
    "evil.example:{port}",
    "localhost:evil.example",
    "localhost:{port}.evil.example",
    "127.0.0.1:{port}@evil.example",
    "127.0.0.1.evil.example:{port}",
    "localhost",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.1:{port}",
    "localhost.:{port}",
    "0.0.0.0:{port}",
    "[::]:{port}",
    "",
)
FOREIGN_ORIGINS = (
    "http://evil.example",
    "https://evil.example:{port}",
    "http://localhost:{port}.evil.example",
    "http://localhost.evil.example:{port}",
    "http://127.0.0.1:1",
    "http://localhost",
    "file://",
    "null",
    "",
)


def status_of(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (\d+)", answer)
    assert found, answer[:200]
    return int(found[1])


async def asked(port: int, path: str, *headers: str, method: str = "GET") -> int:
    lines = (f"{method} {path} HTTP/1.1", *headers, "Connection: close", "Content-Length: 0")
    return status_of(await raw(port, "\r\n".join(lines) + "\r\n\r\n"))


@pytest.mark.parametrize(
    ("bind", "further", "is_nameless"),
    [
        ("0.0.0.0", ("127.0.0.1",), True),  # noqa: S104 - what an operator may give
        ("::", (), True),
        ("0.0.0.0", ("127.0.0.1", "box.lan"), False),  # noqa: S104 - likewise
        ("192.168.0.7", (), False),
        ("127.0.0.1", (), False),
    ],
)
def test_an_open_address_without_a_name_is_known_to_answer_no_other_machine(
    bind: str, further: tuple[str, ...], is_nameless: bool
) -> None:
    assert Addresses(bind, 8931, further).is_nameless is is_nameless


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
async def test_every_route_answers_to_its_exact_names_alone(tmp_path: Path, method: str) -> None:
    async with listening(tmp_path) as port:
        answers = {
            (path, host): await asked(port, path, f"Host: {host.format(port=port)}", method=method)
            for path in (*PATHS, METADATA)
            for host in FOREIGN_HOSTS
        }

    assert {key for key, status in answers.items() if status not in (400, 421)} == set()


async def test_a_request_with_no_host_or_two_reaches_nothing(tmp_path: Path) -> None:
    async with listening(tmp_path) as port:
        own, other = f"Host: 127.0.0.1:{port}", "Host: evil.example"
        answers = [
            await asked(port, "/health", *hosts)
            for hosts in ((), (own, other), (other, own), (own, own))
        ]

    assert set(answers) <= {400, 421}


@pytest.mark.parametrize(
    "hosts", [[], [b"127.0.0.1:8931", b"evil.example"], [b"evil.example", b"127.0.0.1:8931"]]
)
async def test_one_right_host_alone_is_let_through_whatever_the_parser_takes(
    hosts: list[bytes],
) -> None:
    sent: list[Message] = []

    async def app(*_: object) -> None:
        raise AssertionError("It was let through.")

    async def send(message: Message) -> None:
        sent.append(message)

    guard = ExactAddresses(app, Addresses("127.0.0.1", 8931))
    scope = {"type": "http", "headers": [(b"host", host) for host in hosts]}
    await guard(scope, cast("Receive", None), send)

    assert sent[0]["status"] == 421


async def test_every_route_refuses_pages_of_other_sites(tmp_path: Path) -> None:
    async with listening(tmp_path) as port:
        own = f"Host: 127.0.0.1:{port}"
        answers = {
            (path, origin): await asked(port, path, own, f"Origin: {origin.format(port=port)}")
            for path in (*PATHS, METADATA)
            for origin in FOREIGN_ORIGINS
        }

    assert set(answers.values()) == {403}


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
async def test_its_own_names_and_pages_are_answered(tmp_path: Path, name: str) -> None:
    async with listening(tmp_path) as port:
        host = f"Host: {name}:{port}"
        plain = await asked(port, "/health", host)
        from_its_page = await asked(port, "/health", host, f"Origin: http://{name}:{port}")

    assert (plain, from_its_page) == (200, 200)


@pytest.mark.parametrize(
    ("addresses", "host", "is_answered"),
    [
        (Addresses("127.0.0.1", 8931, ("council.example",)), "council.example", True),
        (Addresses("127.0.0.1", 8931, ("council.example",)), "council.example:8931", True),
        (Addresses("127.0.0.1", 8931, ("council.example",)), "council.example:8932", False),
        (Addresses("127.0.0.1", 8931, ("council.example:8443",)), "council.example", False),
        (Addresses("127.0.0.1", 8931, ("Council.Example:8443",)), "council.example:8443", True),
        (Addresses("0.0.0.0", 8931), "0.0.0.0:8931", False),  # noqa: S104 - nothing is bound
        (Addresses("192.0.2.7", 8931), "192.0.2.7:8931", True),
        (Addresses("192.0.2.7", 80), "192.0.2.7", True),
        (Addresses("2001:db8::7", 8931), "[2001:db8::7]:8931", True),
    ],
)
def test_which_hosts_a_binding_means(addresses: Addresses, host: str, is_answered: bool) -> None:
    assert (host in addresses.hosts) == is_answered


@pytest.mark.parametrize(
    ("addresses", "is_local"),
    [
        (Addresses("127.0.0.1", 8931), True),
        (Addresses("::1", 8931, ("localhost:9000",)), True),
        (Addresses("127.0.0.1", 8931, ("localhost.evil.example",)), False),
        (Addresses("0.0.0.0", 8931), False),  # noqa: S104 - nothing is bound
        (Addresses("", 8931), False),
    ],
)
def test_what_only_this_machine_can_reach(addresses: Addresses, is_local: bool) -> None:
    assert addresses.is_local == is_local


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x:abc",
        "[::1",
        "a b",
        "https://council.example",
        "council.example/mcp",
        "x:0",
        "x:70000",
    ],
)
def test_what_is_no_name_is_told_before_anything_is_served(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a server"):
        access(tmp_path, Asked(further_names=(name,)))


@pytest.mark.parametrize("name", ["Council.example", "council.example:8443", "[2001:db8::7]:443"])
def test_a_name_counts_however_it_is_written(tmp_path: Path, name: str) -> None:
    made_token(tmp_path, "read")

    assert name.lower() in access(tmp_path, Asked(further_names=(name,))).addresses.hosts
