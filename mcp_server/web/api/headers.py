"""The headers of every answer: who may keep it, and that no page of a browser may show or load it.

An answer to a reading carries a strong ETag, the digest of its very bytes; whoever shows that again
is told that nothing has changed, and gets no body.
"""

import hashlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

_CLOSED: Final[Mapping[str, str]] = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "vary": "Accept, Authorization, Cookie",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
NOT_KEPT: Final[Mapping[str, str]] = {**_CLOSED, "cache-control": "no-store"}
ASKED_AGAIN: Final[Mapping[str, str]] = {**_CLOSED, "cache-control": "private, no-cache"}
"""A client may keep the answer for itself, and asks each time whether it still holds."""
_JSON: Final = "application/json"
_ACCEPTED: Final = frozenset({_JSON, "application/problem+json", "application/*", "*/*"})
_MOST_TAGS: Final = 100


def reading_answer(request: Request, body: bytes, *, following: str | None) -> Response:
    """Return `body` with its ETag, or 304 where the client has it; `following` is the next cursor.

    Of an answer to HEAD the web server sends the headers alone.
    """
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**ASKED_AGAIN, "etag": tag, **_link(request, following)}
    if _has(request.headers.getlist("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=_JSON)


def deciding_answer(body: bytes) -> Response:
    """Return `body` so that nobody keeps it."""
    return Response(body, headers=NOT_KEPT, media_type=_JSON)


def accepts_json(request: Request) -> bool:
    """Return whether the client takes JSON; one that does not say takes everything."""
    named = ",".join(request.headers.getlist("accept"))
    return not named.strip() or any(_takes(part) for part in named.split(","))


def _takes(part: str) -> bool:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    never = {"q=0", "q=0.", "q=0.0", "q=0.00", "q=0.000"}
    return kind in _ACCEPTED and not never.intersection(parameters)


def _has(lines: list[str], tag: str) -> bool:
    shown = [text.strip() for text in ",".join(lines).split(",", _MOST_TAGS)]
    return "*" in shown or tag in {text.removeprefix("W/") for text in shown}


def _link(request: Request, following: str | None) -> dict[str, str]:
    """Return the address of the next page (RFC 8288)."""
    if following is None:
        return {}
    others = [(name, value) for name, value in request.query_params.items() if name != "cursor"]
    query = urlencode([*others, ("cursor", following)])
    return {"link": f'<{request.url.path}?{query}>; rel="next"'}
