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
        options.update(timeout=self._timeout_seconds, allow_redirects=False)
        response = super().request(method, url, **options)
        if response.status_code in _REDIRECTS:
            # The SDK takes an empty redirect for success.
            raise requests.HTTPError(f"redirected ({response.status_code})", response=response)
        return response
