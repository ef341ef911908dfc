"""HTTP to a research service: one request, one `WireAnswer`, no exception.

Bounded in time and size, without redirects; the key goes to the service's own host and nowhere
else, and is masked wherever the service repeats it.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from config.errors import ConfigError
from config.masking import Mask
from council.untrusted import clean_text

if TYPE_CHECKING:
    import httpx2

REQUEST_SECONDS = 60.0
CONNECT_SECONDS = 5.0
MOST_BYTES = 8_000_000
"""Of one answer; a report with all its sources is a tenth of it."""
REASON_CHARACTERS = 300
_OK = range(200, 300)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """What came back: `body` where the status was good, else `reason` as one clause.

    `arrived` is False only where the request surely never reached the service.
    """

    status: int | None
    body: dict[str, Any] | None = None
    reason: str = ""
    arrived: bool = True


@dataclass(frozen=True, slots=True)
class Key:
    """The header that carries the key of a service."""

    header: str
    value: str = field(repr=False)
    scheme: str = ""


class ServiceWire:
    """A client for one service; close it with `aclose`."""

    def __init__(self, client: "httpx2.AsyncClient", mask: Mask) -> None:
        self._client = client
        self._mask = mask

    async def post(self, path: str, body: dict[str, Any]) -> WireAnswer:
        """Send `body` as JSON."""
        return await self._ask("POST", path, body)

    async def get(self, path: str) -> WireAnswer:
        """Ask for what is at `path`."""
        return await self._ask("GET", path, None)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> WireAnswer:
        # Most commands ask no service; only who does loads the HTTP library.
        import httpx2  # noqa: PLC0415

        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                async with self._client.stream(method, path, json=body) as response:
                    content = await _bounded(response)
            return self._read(response.status_code, content)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            return WireAnswer(None, reason=_no_answer(error), arrived=False)
        except (httpx2.HTTPError, TimeoutError) as error:
            return WireAnswer(None, reason=_no_answer(error))

    def _read(self, status: int, content: bytes | None) -> WireAnswer:
        if content is None:
            return WireAnswer(status, reason=f"HTTP {status} with more than {MOST_BYTES} bytes")
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        if status not in _OK:
            return WireAnswer(status, reason=self._plain(f"HTTP {status}: {_message(body)}"))
        if not isinstance(body, dict):
            return WireAnswer(status, reason=f"HTTP {status} without a JSON object")
        return WireAnswer(status, body)

    def _plain(self, text: str) -> str:
        return " ".join(clean_text(self._mask.text(text[:4_000])).split())[:REASON_CHARACTERS]


def open_wire(
    address: str, key: Key, *, host: str, transport: "httpx2.AsyncBaseTransport | None" = None
) -> ServiceWire:
    """Build the client; nothing is sent yet. `transport` replaces the network, for stand-ins.

    Raises:
        ConfigError: `address` is neither https at `host` nor http on this machine, or the key
            cannot stand in a header.
    """
    import httpx2  # noqa: PLC0415 as above

    base = checked_address(address, host)
    if not key.value.isascii() or not key.value.isprintable() or not key.value.strip():
        raise ConfigError(f"The key for {host} is empty or damaged: copy it anew.")
    local = urlsplit(base).hostname in _LOOPBACK
    client = httpx2.AsyncClient(
        base_url=base,
        headers={key.header: f"{key.scheme} {key.value}".strip()},
        timeout=httpx2.Timeout(REQUEST_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx2.Limits(max_connections=10),
        follow_redirects=False,
        transport=transport,
        trust_env=transport is None and not local,  # proxies only outwards
    )
    return ServiceWire(client, Mask([key.value]))


def checked_address(address: str, host: str) -> str:
    """Return `address` if the service's key may be sent there.

    Raises:
        ConfigError: it is neither https at `host` nor http on this machine.
    """
    try:
        parts = urlsplit(address)
        plain = not (parts.username or parts.password or parts.query or parts.fragment)
        own = parts.scheme == "https" and parts.hostname == host and parts.port in {None, 443}
        local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    except ValueError:
        plain = own = local = False
    if not (plain and (own or local)):
        raise ConfigError(
            f"models.yaml sends the key of {host} to {address}: write https://{host} "
            "or an http address on this machine."
        )
    return address.rstrip("/")


async def _bounded(response: "httpx2.Response") -> bytes | None:
    """Read the body, or None where it is longer than anything that is meant."""
    content = bytearray()
    async for part in response.aiter_bytes():
        content += part
        if len(content) > MOST_BYTES:
            return None
    return bytes(content)


def _no_answer(error: Exception) -> str:
    return f"the service did not answer ({type(error).__name__})"


def _message(body: Any) -> str:
    error = body.get("error", body.get("detail", body)) if isinstance(body, dict) else body
    message = error.get("message", error) if isinstance(error, dict) else error
    return str(message) if message else "no message"
