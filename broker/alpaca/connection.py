"""One HTTP connection to one origin, kept open between requests, by libcurl.

The way of requests and urllib3 there takes ten times as long; their errors and certificates are
used all the same. Imports requests; load it together with alpaca-py.
"""

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import pycurl
from requests import RequestException, exceptions
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH, check_header_validity
from urllib3.util.wait import wait_for_read

_MILLISECONDS: Final = 1000
_KINDS_OF_HEADERS: Final = 2
"""A request has content or has none."""
_CERTIFICATE_ERRORS: Final = {
    pycurl.E_PEER_FAILED_VERIFICATION,
    pycurl.E_SSL_CACERT_BADFILE,
    pycurl.E_SSL_CERTPROBLEM,
    pycurl.E_SSL_CIPHER,
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_SSL_ISSUER_ERROR,
}
_FIXED: Final[Mapping[int, Any]] = {
    pycurl.NOSIGNAL: 1,  # signals belong to the program, and to its main thread
    pycurl.NOPROXY: "*",  # no proxy from the environment, not even for loopback
    pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
    pycurl.FOLLOWLOCATION: 0,
    pycurl.PATH_AS_IS: 1,
    pycurl.SSL_VERIFYPEER: 1,
    pycurl.SSL_VERIFYHOST: 2,
    pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
}


_Options = tuple[tuple[int, Any], ...]


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
        """Connect to nobody yet; the timeouts are for the connection and for a whole answer.

        The second one counts from the beginning, so that it bounds a request in all.
        """
        self._origin = origin
        self._timeout_seconds = timeout_seconds
        self._line: pycurl.Curl | None = None
        self._is_sent = False
        # They hold the secret, so they are kept no longer than the connection.
        self._header_lines = lru_cache(_KINDS_OF_HEADERS)(_header_lines)

    def exchanged(
        self, method: str, target: str, *, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """Send a request once, and read its answer to the end.

        Raises:
            requests.RequestException: no whole answer; the connection is closed.
        """
        lines = self._header_lines(*headers.items(), ("Accept-Encoding", "gzip"))
        try:
            return self._answer(_request(method, self._origin + target, body=body, headers=lines))
        except pycurl.error as error:
            self.close()
            raise as_requests_would(error, is_sent=self._is_sent) from error
        except ValueError as error:  # a header may be of ASCII only
            raise exceptions.InvalidHeader(error) from error

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _answer(self, request: _Options) -> Answer:
        """Send `request` over the line that is open, or over a new one where that was lost."""
        if self._line is None or _is_lost(self._line):
            self.close()
            self._line = self._new_line()
        lines: list[bytes] = []
        content: list[bytes] = []
        taking = ((pycurl.HEADERFUNCTION, lines.append), (pycurl.WRITEFUNCTION, content.append))
        for option, value in (*request, *taking):
            self._line.setopt(option, value)
        self._is_sent = False
        self._line.perform()
        reason, told = _head(lines)
        status = self._line.getinfo(pycurl.RESPONSE_CODE)
        return Answer(status, reason, told, _plain(b"".join(content), told))

    def _new_line(self) -> pycurl.Curl:
        """Return a line on which nothing has been sent."""
        connect, answer = self._timeout_seconds
        own = {
            pycurl.CAINFO: DEFAULT_CA_BUNDLE_PATH,
            pycurl.CONNECTTIMEOUT_MS: round(connect * _MILLISECONDS),
            pycurl.TIMEOUT_MS: round(answer * _MILLISECONDS),
            pycurl.PREREQFUNCTION: self._let_out_once,
        }
        line = pycurl.Curl()
        for option, value in {**_FIXED, **own}.items():
            line.setopt(option, value)
        return line

    def _let_out_once(self, *_addresses: object) -> int:
        """Stop a request that was out before: libcurl sends it anew where an old line just died."""
        was_sent, self._is_sent = self._is_sent, True
        return pycurl.PREREQFUNC_ABORT if was_sent else pycurl.PREREQFUNC_OK


def _header_lines(*headers: tuple[str, str]) -> tuple[str, ...]:
    """Return checked lines; whoever uses a connection says the same ones with each request."""
    for header in headers:
        check_header_validity(header)
    return tuple(f"{name}: {value}" for name, value in headers)


def _request(
    method: str, address: str, *, body: bytes | None, headers: tuple[str, ...]
) -> _Options:
    """Return what makes a request; nothing of the one before is left."""
    content = () if body is None else ((pycurl.POSTFIELDS, body),)
    return (
        (pycurl.URL, address),
        (pycurl.HTTPHEADER, headers),
        (pycurl.HTTPGET, 1),
        *content,
        (pycurl.CUSTOMREQUEST, method),
    )


def _is_lost(line: pycurl.Curl) -> bool:
    """Return whether the server has closed the line meanwhile: then there is something to read."""
    socket = line.getinfo(pycurl.ACTIVESOCKET)
    return socket >= 0 and wait_for_read(socket, timeout=0)  # the number of a file serves as well


def as_requests_would(error: pycurl.error, *, is_sent: bool) -> RequestException:
    """Return the error that the SDK's callers know for one of libcurl.

    `is_sent` says whether the request may have left already.
    """
    code = error.args[0]
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return (exceptions.ReadTimeout if is_sent else exceptions.ConnectTimeout)(error)
    if code == pycurl.E_URL_MALFORMAT:
        return exceptions.InvalidURL(error)
    if code in _CERTIFICATE_ERRORS:
        return exceptions.SSLError(error)
    return exceptions.ConnectionError(error)


def _head(lines: list[bytes]) -> "tuple[str, CaseInsensitiveDict[str]]":
    """Return the reason and the headers of the last answer in `lines`: 1xx may stand before it."""
    texts = [line.decode("latin-1").strip() for line in lines]
    first = max(at for at, text in enumerate(texts) if text.startswith("HTTP/"))
    named = (text.partition(":") for text in texts[first + 1 :] if text)
    told = CaseInsensitiveDict({name: value.strip() for name, _, value in named})
    return texts[first].partition(" ")[2].partition(" ")[2], told


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
