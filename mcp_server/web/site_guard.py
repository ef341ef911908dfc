"""What a request that changes something must show before any route sees it.

A page of ours must have sent it, in a session, as a form or JSON of sensible size.

Whatever a browser says of a request's origin must be right, and it must say something. The token of
the session's own forms is asked for besides, so neither guard depends on the other.
"""

import asyncio
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal
from urllib.parse import parse_qsl

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.errors import RefusedError
from mcp_server.web.sessions import session_of

MOST_FORM_BYTES: Final = 64 * 1024
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"
_MOST_FIELDS: Final = 100
_READING: Final = timedelta(seconds=10)
"""How long a body of that size may take to come."""
_SAFE: Final = frozenset({"GET", "HEAD"})
_FORM: Final = "council.form"
_TYPES: Final = {"form": "application/x-www-form-urlencoded", "json": "application/json"}

Content = Literal["form", "json"]
Needs = Literal["nothing", "session", "session or token"]


class RequestRefused(RefusedError):
    """The request is answered with `status` and this sentence, and did nothing."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a route takes a request that changes something.

    `origins` are those of our own pages. With `reads_only` no request is taken at all.
    """

    origins: frozenset[str]
    content: Content = "form"
    needs: Needs = "session"
    reads_only: bool = False


class SiteGuard:
    """Stands before one route; a request that only reads passes it unseen."""

    def __init__(self, app: ASGIApp, terms: Terms) -> None:
        self._app = app
        self._terms = terms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through whose form or JSON may be acted upon.

        Raises:
            RequestRefused: what was wrong with it; nothing was done.
        """
        if scope["method"] in _SAFE:
            await self._app(scope, receive, send)
            return
        request, terms = Request(scope, receive), self._terms
        if terms.reads_only:
            raise RequestRefused(403, "Nothing was changed: this server only reads.")
        shows_token = isinstance(scope.get("user"), AuthenticatedUser)
        is_browser = terms.needs != "session or token" or not shows_token
        if is_browser:
            _check_origin(request.headers, terms.origins)
        _check_type(request.headers, terms.content)
        body = await _body_of(request)
        form = _form_in(body) if terms.content == "form" else FormData()
        if is_browser and terms.needs != "nothing":
            _check_session(request, form)
        scope[_FORM] = form
        await self._app(scope, _again(body, receive), send)


async def checked_form(request: Request) -> FormData:
    """Return the form of a request that the guard has let through.

    Raises:
        RequestRefused: no guard has looked at it, so nobody knows who sent it.
    """
    form = request.scope.get(_FORM)
    if not isinstance(form, FormData):
        raise RequestRefused(403, "Nothing was changed: nobody has looked at where this came from.")
    return form


def _check_origin(headers: Headers, origins: frozenset[str]) -> None:
    """Refuse what another site had a browser send, and what does not say where it comes from."""
    named, sites = headers.getlist("origin"), headers.getlist("sec-fetch-site")
    if any(origin.lower() not in origins for origin in named) or len(named) > 1:
        raise RequestRefused(403, "Nothing was changed: pages of other sites may not ask here.")
    if any(site != "same-origin" for site in sites):
        raise RequestRefused(403, "Nothing was changed: another site had this sent.")
    if not named and not sites:
        raise RequestRefused(
            403,
            "Nothing was changed: the request says neither Origin nor Sec-Fetch-Site, as every "
            "browser does.",
        )


def _check_type(headers: Headers, content: Content) -> None:
    """Refuse other types: a foreign form can send several, but never JSON."""
    named = headers.getlist("content-type")
    if len(named) != 1 or named[0].partition(";")[0].strip().lower() != _TYPES[content]:
        raise RequestRefused(415, f"Nothing was changed: send this as {_TYPES[content]}.")


async def _body_of(request: Request) -> bytes:
    """Return the body, of which no more is read than may come."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:20]) > MOST_FORM_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(_READING.total_seconds()):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_FORM_BYTES:
                    raise _too_large()
    except TimeoutError as error:
        raise RequestRefused(408, "Nothing was changed: the form came too slowly.") from error
    except ClientDisconnect as error:
        raise RequestRefused(400, "Nothing was changed: the form came in part only.") from error
    return bytes(body)


def _too_large() -> RequestRefused:
    most = MOST_FORM_BYTES // 1024
    return RequestRefused(413, f"Nothing was changed: a form may have {most} kilobytes at most.")


def _form_in(body: bytes) -> FormData:
    try:
        fields: list[tuple[str, str | UploadFile]] = []
        fields += parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise RequestRefused(
            400, "Nothing was changed: the form is damaged or has too many fields."
        ) from error
    return FormData(fields)


def _check_session(request: Request, form: FormData) -> None:
    """Refuse whoever has not signed in, and a form that another session's page has sent."""
    session = session_of(request)
    if session is None:
        raise RequestRefused(
            403, "Nothing was changed: nobody is signed in, or the session is over. Sign in first."
        )
    shown = [*form.getlist(CSRF_FIELD), *request.headers.getlist(CSRF_HEADER)]
    if not shown or not _all_match(shown, session.csrf):
        raise RequestRefused(
            403,
            "Nothing was changed: the form is not one of this session. Load its page again and "
            "send it from there.",
        )


def _all_match(shown: Iterable[object], csrf: str) -> bool:
    # What is given twice must not hide one that is wrong.
    return all(hmac.compare_digest(str(text).encode(), csrf.encode()) for text in shown)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives the body once more to the route, and then whatever else comes."""
    is_given = False

    async def received() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return received
