"""The HTTP session under alpaca-py: one allowed origin, timeouts, no redirects, no proxies.

Imports requests; load it together with alpaca-py, that is lazily.
"""

import json
from typing import Any, Final

import requests
from requests import exceptions
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPConnectionPool, Timeout
from urllib3 import exceptions as lower

from broker.errors import NotPaperHost

_REDIRECTS = range(300, 400)
_MEANINGS: Final = (
    (lower.SSLError, exceptions.SSLError),
    (lower.ReadTimeoutError, exceptions.ReadTimeout),
    (lower.NewConnectionError, exceptions.ConnectionError),
    (lower.ConnectTimeoutError, exceptions.ConnectTimeout),
    (lower.DecodeError, exceptions.ContentDecodingError),
)
"""What requests would raise for an error of urllib3; for all others a ConnectionError."""


class GuardedSession(requests.Session):
    """Sends requests to one origin only and gives each a connect and a read timeout in seconds.

    Every request passes here with its final address, whatever the SDK put together before.
    """

    def __init__(self, origin: str, timeout_seconds: tuple[float, float]) -> None:
        super().__init__()
        self.trust_env = False  # no proxy from the environment, not even for loopback; no netrc
        self._origin = origin
        connect, read = timeout_seconds
        self._timeout = Timeout(connect=connect, read=read)
        self._plain_headers = {name: str(value) for name, value in self.headers.items()}
        self._adapter = HTTPAdapter()
        self.mount(origin, self._adapter)
        self._pool: HTTPConnectionPool | None = None

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

        They cost more than the exchange itself. The connections, their checks of certificates and
        the number of tries (one) are those of the session's adapter. The answer is read to its end
        here, within the caller's deadline.
        """
        content = options.get("json")
        body = None if content is None else json.dumps(content, allow_nan=False).encode()
        said = {} if body is None else {"Content-Type": "application/json"}
        headers = {**self._plain_headers, **options.get("headers", {}), **said}
        address = _with_query(url, options.get("params"))
        try:
            answer = self._connections().urlopen(
                method.upper(),
                address.removeprefix(self._origin),
                body=body,
                headers=headers,
                timeout=self._timeout,
                retries=self._adapter.max_retries,
                redirect=False,
                assert_same_host=False,
            )
        except lower.HTTPError as error:
            raise _as_requests_would(error) from error
        response = requests.Response()
        response.status_code, response.url = answer.status, address
        response.reason = answer.reason or ""
        response.headers = CaseInsensitiveDict(answer.headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response._content = answer.data
        return response

    def _connections(self) -> HTTPConnectionPool:
        """Return the connections to the origin, as the session's adapter makes and checks them."""
        if self._pool is None:
            asked = requests.PreparedRequest()
            asked.prepare(method="GET", url=self._origin)
            pool = self._adapter.get_connection_with_tls_context(asked, verify=True)
            self._adapter.cert_verify(pool, self._origin, verify=True, cert=None)
            self._pool = pool
        return self._pool


def _with_query(url: str, params: Any) -> str:
    """Return `url` with `params`, spelled as requests would."""
    if not params:
        return url
    asked = requests.PreparedRequest()
    asked.prepare_url(url, params)
    return str(asked.url)


def _as_requests_would(error: lower.HTTPError) -> requests.RequestException:
    """Return the error that the SDK's callers know for one of urllib3."""
    reason = getattr(error, "reason", None) or error
    meant = (ours for theirs, ours in _MEANINGS if isinstance(reason, theirs))
    return next(meant, exceptions.ConnectionError)(error)
