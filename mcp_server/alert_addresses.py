"""Where alerts go, as Apprise reads the addresses: a name for each that opens nothing.

An address is nearly all secret, and of a chat even its host is: only what is surely the name of a
server is shown.
"""

import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase

READ_SECONDS: Final = 15.0
"""How long a server is waited for that takes its time; an address may say otherwise (rto=)."""
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]{0,15})://", re.IGNORECASE)
_HASH_COST: Final = 2**14
"""Of scrypt: whoever sees the name of an address should not be able to guess the rest of it."""


@dataclass(frozen=True, slots=True)
class Address:
    """One address: `name` stays the same and tells it from the others; `where` is for people."""

    name: str
    where: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unusable:
    """An address that Apprise cannot use: its place in the setting, and its scheme if known."""

    place: int
    scheme: str

    @property
    def sentence(self) -> str:
        """Say so without showing the address."""
        of_kind = f" ({self.scheme}://…)" if self.scheme else ""
        return (
            f"address {self.place} in COUNCIL_ALERT_URLS{of_kind} is none that Apprise can use: "
            "write it as its wiki shows, such as mailtos://user:password@example.com"
        )


def usable(read: Sequence[Address | Unusable]) -> tuple[Address, ...]:
    """Return those that can be used."""
    return tuple(one for one in read if isinstance(one, Address))


def read_addresses(urls: Sequence[str]) -> tuple[Address | Unusable, ...]:
    """Read addresses as they stand in the setting; nothing is sent."""
    return tuple(_read(place, url) for place, url in enumerate(urls, start=1))


def service_at(url: str) -> "NotifyBase | None":
    """Return what sends to an address, made to try once and to wait long enough; None: unusable."""
    from apprise import Apprise, NotifyBase, URLBase  # noqa: PLC0415 - a third of a second

    found: Any = Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
    if not isinstance(found, NotifyBase):
        return None
    service: Any = found
    if service.socket_read_timeout == URLBase.socket_read_timeout:
        service.socket_read_timeout = READ_SECONDS
    # What may have arrived is never sent again: whether to try again is decided by the facts.
    service.retry = 0
    return found


@cache
def _asset() -> "AppriseAsset":
    """Return how Apprise is to behave: it keeps no files, starts no threads, fills in nothing."""
    from apprise import AppriseAsset  # noqa: PLC0415 - as above

    quieten()
    return AppriseAsset(
        storage_mode="memory",
        async_mode=False,
        service_timeout=0,
        allow_templates=False,
        app_id="Council",
        app_desc="LLM trading council (paper)",
        app_url="",
    )


def quieten() -> None:
    """Keep Apprise's own lines out of every log: they show addresses, and we tell what matters."""
    log = logging.getLogger("apprise")
    log.propagate = False
    log.addHandler(logging.NullHandler())
    # What it would say is kept with each attempt, from which its outcome is read.
    log.setLevel(logging.DEBUG)


def _read(place: int, url: str) -> Address | Unusable:
    service = service_at(url)
    found = _SCHEME.match(url)
    scheme = found[1].lower() if found else ""
    if service is None:
        return Unusable(place, scheme if _is_known(scheme) else "")
    where = "".join((f"{scheme}://", *_server_of(service)))
    return Address(f"{where} ({_mark(url)})", where, url)


def _server_of(service: Any) -> Iterator[str]:
    """Yield the server's name where the address has one, and where it cannot be a key."""
    host = str(getattr(service, "host", "") or "")
    if "host" in service.template_tokens and "." in host:
        yield host


def _is_known(scheme: str) -> bool:
    """Whether Apprise has a service of that scheme; what it has not may be part of a key."""
    from apprise.manager_plugins import NotificationManager  # noqa: PLC0415 - as above

    manager: Any = NotificationManager
    return scheme in manager()


@cache
def _mark(url: str) -> str:
    digest = hashlib.scrypt(url.encode(), salt=b"council-alerts", n=_HASH_COST, r=8, p=1, dklen=3)
    return digest.hex()
