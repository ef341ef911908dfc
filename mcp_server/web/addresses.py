"""By which names the server may be asked: exact hosts and origins, checked before anything else.

A page of another site cannot name us, even where its own name has come to point at this machine.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from config.errors import UsageError

LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_LOOPBACK_BINDS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - to compare with, not to bind
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NAME: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9._-]*[a-z0-9])?)(:(?P<port>\d{1,5}))?")
_HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the server listens (`bind`, `port`), and by which further names people reach it."""

    bind: str
    port: int
    further: tuple[str, ...] = ()
    """Names with or without a port, such as "council.example:8443"."""

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can be meant to reach it."""
        return self.bind in _LOOPBACK_BINDS and all(map(is_loopback, self.further))

    @property
    def is_nameless(self) -> bool:
        """Whether it listens everywhere, yet is answered only under this machine's own names."""
        return self.bind in _ANY_ADDRESS and all(map(is_loopback, self.further))

    @property
    def origin(self) -> str:
        """Return the address that a person at this machine may open."""
        return (
            f"http://{LOOPBACK_NAMES[0] if self.bind in _ANY_ADDRESS else self._bound}:{self.port}"
        )

    @property
    def hosts(self) -> frozenset[str]:
        """Return every Host header that is answered."""
        own = LOOPBACK_NAMES if self.bind in _ANY_ADDRESS else (*LOOPBACK_NAMES, self._bound)
        with_port = {f"{name}:{self.port}" for name in own}
        if self.port in _DEFAULT_PORTS.values():
            with_port |= set(own)
        return frozenset(
            with_port | {host for name in self.further for host in self._spelled(name)}
        )

    @property
    def origins(self) -> frozenset[str]:
        """Return every Origin header that is answered; a request may also come without one."""
        return frozenset(f"{scheme}://{host}" for scheme in _DEFAULT_PORTS for host in self.hosts)

    @property
    def _bound(self) -> str:
        return f"[{self.bind}]" if ":" in self.bind else self.bind

    def _spelled(self, name: str) -> tuple[str, ...]:
        """Return a further name as it stands in headers: behind a proxy without our port."""
        plain = name.lower()
        return (plain,) if urlsplit(f"//{plain}").port else (plain, f"{plain}:{self.port}")


def host_in(url: str) -> str:
    """Return the host, and the port where one is written, of an address."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def checked_name(text: str) -> str:
    """Return a name by which a server may be reached, in lower case.

    Raises:
        UsageError: it is no name or number of a machine, with a port or without.
    """
    found = _NAME.fullmatch(text.lower())
    if found is None or not 0 < int(found["port"] or 1) <= _HIGHEST_PORT:
        raise UsageError(
            f"{text!r} is no name of a server: write it without http:// and without a path, such "
            "as council.example or council.example:8443."
        )
    return found[0]


class ExactAddresses:
    """Refuses every request for another host (421) or from another origin (403)."""

    def __init__(self, app: ASGIApp, addresses: Addresses) -> None:
        self._app = app
        self._hosts = addresses.hosts
        self._origins = addresses.origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through that names us, from nowhere else."""
        if scope["type"] != "http":
            return  # no route speaks websockets
        headers = Headers(scope=scope)
        hosts = [host.lower() for host in headers.getlist("host")]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            await _refused(421, "This server does not answer to that name.")(scope, receive, send)
        elif any(origin.lower() not in self._origins for origin in headers.getlist("origin")):
            await _refused(403, "Pages of other sites may not ask here.")(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _refused(status: int, sentence: str) -> PlainTextResponse:
    return PlainTextResponse(f"{sentence}\n", status_code=status)


def is_loopback(name: str) -> bool:
    """Return whether a name, with or without a port, is this machine's own."""
    return urlsplit(f"//{name.lower()}").hostname in _LOOPBACK_BINDS
