"""Links that others wrote: which of them a page may lead to, and to which host each one leads.

A link is offered only where a browser reads in it the very host that stands beside it: by http or
https, to a public name in plain letters, without a user's name and whatever else blurs the host.
Nothing is ever fetched here.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_LONGEST: Final = 2_000
_LONGEST_HOST: Final = 253
_ADDRESS: Final = re.compile(r"https?://[!-\[\]-~]+", re.IGNORECASE)
"""Printable ASCII without spaces and backslashes, which browsers read as slashes."""
_HOST: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)
"""At least two labels, the last of them no number: no address of a machine, no local name."""
_LOCAL: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


@dataclass(frozen=True, slots=True)
class Link:
    """An address that a browser may be led to, and its host in lower case."""

    address: str
    host: str


def link_to(text: str) -> Link | None:
    """Return the link that `text` is, None where it is none or none that may be offered."""
    if len(text) > _LONGEST or not _ADDRESS.fullmatch(text):
        return None
    try:
        parts = urlsplit(text)
        # A port that is no number is found out only when it is asked for.
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    named = host if port is None else f"{host}:{port}"
    if parts.netloc.lower() != named or len(host) > _LONGEST_HOST or not _HOST.fullmatch(host):
        return None
    return None if host.endswith(_LOCAL) else Link(text, named)
