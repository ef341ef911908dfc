"""One OpenAI-compatible gateway behind the openai SDK: one request, one `Reply`, no exception.

The SDK's own retries, its typed bodies and what it takes from the environment are all switched off:
every attempt is ours to count, and only the headers listed here leave the machine.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from config.errors import ConfigError
from config.masking import MASK
from config.model_schema import GatewayConfig
from council.llm.catalog import GatewayCatalog, read_catalog
from council.llm.replies import (
    BROKEN_OFF,
    Reply,
    failed_reply,
    reply_from_body,
    reply_from_status,
)

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

CONNECT_SECONDS = 5.0
CONNECTIONS = 100
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SENT_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
        "x-stainless-raw-response",  # the SDK reads it back from the request
    }
)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """The body of one chat completion; `options` is whatever stands beside the messages."""

    model: str
    messages: tuple[dict[str, str], ...]
    options: dict[str, Any]


class Gateway:
    """A shared client; any number of requests may be under way at once.

    Requests and the catalogue speak of models by our ids; `dialect` has the gateway's own.
    """

    def __init__(self, client: "AsyncOpenAI", dialect: GatewayConfig) -> None:
        self._client = client
        self._dialect = dialect
        # Taken here, as the SDK loads it at the first touch: no question should wait for that.
        self._chat = client.chat.completions.with_raw_response

    @property
    def name(self) -> str:
        """Return the gateway's host, with its port where it is not the usual one."""
        return str(self._client.base_url.netloc, "ascii")

    async def send(self, request: ChatRequest, *, timeout_seconds: float) -> Reply:
        """Send `request` once and wait for the whole answer at most `timeout_seconds`."""
        return self._masked(await self._sent(request, timeout_seconds))

    def _masked(self, reply: Reply) -> Reply:
        """Hide our key where an error repeats it; what a model answered stays as it came."""
        text = reply.text
        if reply.outcome == "garbled" and text:
            text = self._without_key(text)
        return replace(reply, reason=self._without_key(reply.reason or "") or None, text=text)

    def _without_key(self, text: str) -> str:
        return text.replace(str(self._client.api_key), MASK)

    async def _sent(self, request: ChatRequest, timeout_seconds: float) -> Reply:
        # Loading the SDK takes half a second; most commands ask no model.
        import httpx2  # noqa: PLC0415
        import openai  # noqa: PLC0415

        try:
            async with asyncio.timeout(timeout_seconds):
                return reply_from_body(await self._post(request))
        except (TimeoutError, openai.APITimeoutError):
            return failed_reply("timed_out", f"no answer within {timeout_seconds:.0f} s")
        except openai.APIStatusError as error:
            return reply_from_status(error)
        except openai.APIConnectionError as error:
            cause = type(error.__cause__ or error).__name__
            made = not isinstance(error.__cause__, httpx2.ConnectError)
            told = BROKEN_OFF if made else "the gateway did not answer"
            return failed_reply("unreachable", f"{told} ({cause})")
        except openai.OpenAIError as error:
            return failed_reply("garbled", f"the gateway's answer does not read ({error})")

    async def catalog(self, *, timeout_seconds: float) -> GatewayCatalog | str:
        """Ask once which models are served; where that fails, return why, as one clause."""
        import openai  # noqa: PLC0415 as above

        try:
            async with asyncio.timeout(timeout_seconds):
                listing = await self._client.models.with_raw_response.list()
        except (TimeoutError, openai.APITimeoutError):
            return f"no answer within {timeout_seconds:.0f} s"
        except openai.APIStatusError as error:
            return self._without_key(reply_from_status(error).reason or "an error")
        except openai.OpenAIError as error:
            return f"it did not answer ({type(error.__cause__ or error).__name__})"
        found = read_catalog(listing.content, gateway=self.name, ids=self._dialect.ids)
        return found if found.models else "its answer lists none"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _post(self, request: ChatRequest) -> bytes:
        # In extra_body, as the SDK would go through messages and schema part by part, which takes
        # as long as the call; and of the provider's option it knows nothing.
        body = {"messages": request.messages, **request.options}
        if self._dialect.require_parameters and "response_format" in body:
            body["provider"] = {"require_parameters": True}
        raw = await self._chat.create(
            model=self._dialect.ids.get(request.model, request.model),
            messages=[],  # the SDK wants some; those of the body take their place
            extra_body=body,
        )
        return raw.content


def open_gateway(
    base_url: str,
    api_key: str,
    *,
    call_timeout_seconds: float,
    dialects: Mapping[str, GatewayConfig] | None = None,
    transport: "httpx2.AsyncBaseTransport | None" = None,
) -> Gateway:
    """Build the client; nothing is sent yet. `transport` replaces the network, for stand-ins.

    `dialects` holds, by host, what gateways do otherwise.

    Raises:
        ConfigError: the address is not https, and not http on this machine, or the key is empty.
    """
    # As above: only who asks a model pays for the SDK.
    import httpx2  # noqa: PLC0415
    from openai import AsyncOpenAI  # noqa: PLC0415

    address, key = checked_base_url(base_url), api_key.strip()
    if not key:
        raise ConfigError("REQUESTY_API_KEY is empty: set it, or unset it to use rehearsal models.")
    timeout = httpx2.Timeout(call_timeout_seconds, connect=CONNECT_SECONDS)
    client = AsyncOpenAI(
        base_url=address,
        api_key=key,
        max_retries=0,
        timeout=timeout,
        http_client=httpx2.AsyncClient(
            transport=transport,
            timeout=timeout,
            limits=httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=20),
            trust_env=transport is None and not _is_loopback(address),  # proxies only outwards
            event_hooks={"request": [_closed_headers(key)]},
        ),
    )
    return Gateway(client, (dialects or {}).get(_host(address), GatewayConfig()))


def checked_base_url(base_url: str) -> str:
    """Return `base_url` if a key may be sent there.

    Raises:
        ConfigError: the address is not https, and not http on this machine.
    """
    if not _may_carry_a_key(base_url.strip()):
        raise ConfigError(
            "REQUESTY_BASE_URL must be an https address, or http on this machine, such as "
            "https://router.requesty.ai/v1."
        )
    return base_url.strip()


def _may_carry_a_key(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    return plain and secure and bool(parts.hostname)


def _is_loopback(base_url: str) -> bool:
    return _host(base_url) in _LOOPBACK


def _host(address: str) -> str:
    return urlsplit(address).hostname or ""


def _closed_headers(api_key: str) -> Callable[["httpx2.Request"], Awaitable[None]]:
    """Let only known headers out: OPENAI_CUSTOM_HEADERS and the like must not reach a router."""

    async def close(request: "httpx2.Request") -> None:
        for name in set(request.headers) - _SENT_HEADERS:
            del request.headers[name]
        request.headers["authorization"] = f"Bearer {api_key}"

    return close
