"""The HTTP session under alpaca-py: one allowed origin, timeouts, no redirects, no proxies.

Imports requests; load it together with alpaca-py, that is lazily.
"""

import json
from typing import Any
from urllib.parse import urlencode

import requests
from requests.utils import get_encoding_from_headers

from broker.alpaca.connection import Connection
from broker.errors import NotPaperHost

_REDIRECTS = range(300, 400)


class GuardedSession(requests.Session):
    """Sends requests to one origin only, each within seconds for the connection and for all of it.

    Every request passes here with its final address, whatever the SDK put together before.
    """

    def __init__(self, origin: str, timeout_seconds: tuple[float, float]) -> None:
        super().__init__()
        self.trust_env = False  # no proxy from the environment, not even for loopback; no netrc
        self._origin = origin
        self._connection = Connection(origin, timeout_seconds)

    def request(  # type: ignore[override]  # the SDK calls it in this one way
        self, method: str, url: str, **options: Any
    ) -> requests.Response:
        """Send one request and return its answer.

        Raises:
            NotPaperHost: `url` is not below the allowed origin; nothing was sent.
            requests.RequestException: no answer, or a redirect.
        """
        if not url.startswith(f"{self._origin}/"):
            raise NotPaperHost(f'A request may not go anywhere but to "{self._origin}".')
        response = self._exchanged(method, url, **options)
        if response.status_code in _REDIRECTS:
            # The SDK takes an empty redirect for success.
            raise requests.HTTPError(f"redirected ({response.status_code})", response=response)
        return response

    def _exchanged(self, method: str, url: str, **options: Any) -> requests.Response:
        """Send the request past what a session adds and nobody uses: cookies, hooks, redirects.

        They cost more than the exchange itself. It is tried once, and the answer is read to its end
        here, within the caller's deadline.
        """
        content = options.get("json")
        body = None if content is None else json.dumps(content, allow_nan=False).encode()
        said = {} if body is None else {"Content-Type": "application/json"}
        headers = {**options.get("headers", {}), **said}
        address = _with_query(url, options.get("params"))
        target = address.removeprefix(self._origin)
        answer = self._connection.exchanged(method.upper(), target, body=body, headers=headers)
        response = requests.Response()
        response.status_code, response.url = answer.status, address
        response.reason, response.headers = answer.reason, answer.headers
        response.encoding = get_encoding_from_headers(answer.headers)
        response._content = answer.content
        return response

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        super().close()


def _with_query(url: str, params: Any) -> str:
    """Return `url` with `params`, as text or by name, in which None says nothing."""
    if not params:
        return url
    named = params if isinstance(params, str) else urlencode(_said(params), doseq=True)
    return f"{url}?{named}"


def _said(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
