"""One HTTP connection to one origin, kept open between requests, by the standard library alone.

The way of requests and urllib3 there takes three times as long as the exchange itself; their errors
and certificates are used all the same. Imports requests; load it together with alpaca-py.
"""

import gzip
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from requests import RequestException, exceptions
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.wait import wait_for_read

_LOWER: Final = (OSError, HTTPException, ValueError)
"""What the standard library raises for a connection, an answer, or a request that is none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its whole content, no longer compressed."""

    status: int
    reason: str
    headers: "CaseInsensitiveDict[str]"
    content: bytes


class Connection:
    """Sends one request after another; opened by the first, and again where it was lost."""

    def __init__(self, origin: str, timeout_seconds: tuple[float, float]) -> None:
        """Connect to nobody yet; the timeouts are for the connection and for each read."""
        connect, self._read_seconds = timeout_seconds
        self._line = _line_to(origin, connect)

    def exchanged(
        self, method: str, target: str, *, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """Send a request once, and read its answer to the end.

        Raises:
            requests.RequestException: no whole answer; the connection is closed.
        """
        try:
            self._connect()
            self._line.request(method, target, body, {**headers, "Accept-Encoding": "gzip"})
            answer = self._line.getresponse()
            told = CaseInsensitiveDict(answer.getheaders())
            return Answer(answer.status, answer.reason, told, _plain(answer.read(), told))
        except _LOWER as error:
            self.close()
            raise as_requests_would(error) from error

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._line.close()

    def _connect(self) -> None:
        """Connect unless that is done: a line that the server has closed meanwhile is readable."""
        line = self._line.sock
        if line is not None and not wait_for_read(line, timeout=0):
            return
        self.close()
        try:
            self._line.connect()
        except TimeoutError as error:
            raise exceptions.ConnectTimeout(error) from error
        self._line.sock.settimeout(self._read_seconds)


def as_requests_would(error: Exception) -> RequestException:
    """Return the error that the SDK's callers know for one of the standard library."""
    if isinstance(error, RequestException):
        return error
    meant = (
        (ssl.SSLError, exceptions.SSLError),
        (TimeoutError, exceptions.ReadTimeout),
        ((OSError, HTTPException), exceptions.ConnectionError),
    )
    found = (ours for theirs, ours in meant if isinstance(error, theirs))
    return next(found, exceptions.InvalidHeader)(error)


def _line_to(origin: str, connect_seconds: float) -> HTTPConnection:
    """Return the connection to `origin`, whose certificate is checked where it has to have one."""
    place = urlsplit(origin)
    if place.scheme == "http":
        return HTTPConnection(place.hostname or "", place.port, timeout=connect_seconds)
    trusted = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    return HTTPSConnection(
        place.hostname or "", place.port, timeout=connect_seconds, context=trusted
    )


def _plain(content: bytes, headers: "CaseInsensitiveDict[str]") -> bytes:
    """Return the content as it was before the server compressed it."""
    encoding = headers.get("Content-Encoding", "identity").lower()
    if encoding == "identity":
        return content
    try:
        return _UNPACKED[encoding](content)
    except (KeyError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise exceptions.ContentDecodingError(f"an answer in {encoding}") from error


_UNPACKED: Final = {"gzip": gzip.decompress, "x-gzip": gzip.decompress}
