"""The HTTP session under alpaca-py: one allowed origin, timeouts, no redirects, no proxies.

Imports requests; load it together with alpaca-py, that is lazily.
"""

from typing import Any

import requests

from broker.errors import NotPaperHost

_REDIRECTS = range(300, 400)


class GuardedSession(requests.Session):
    """Sends requests to one origin only and gives each a connect and a read timeout in seconds.

    Every request passes here with its final address, whatever the SDK put together before.
    """

    def __init__(self, origin: str, timeout_seconds: tuple[float, float]) -> None:
        super().__init__()
        self.trust_env = False  # no proxy from the environment, not even for loopback; no netrc
        self._origin = origin
        self._timeout_seconds = timeout_seconds

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

        They cost as much as the exchange itself. The answer is read to its end here, within the
        caller's deadline.
        """
        prepared = requests.PreparedRequest()
        prepared.prepare(
            method=method.upper(),
            url=url,
            headers={**self.headers, **options.get("headers", {})},
            params=options.get("params"),
            json=options.get("json"),
        )
        response = self.get_adapter(url).send(prepared, timeout=self._timeout_seconds)
        _ = response.content
        return response
