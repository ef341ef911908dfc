"""Signing in by the passphrase and out again, and where whoever may not read yet is sent."""

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote, urlsplit

import structlog
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from config.errors import ConfigError, RefusedError
from mcp_server.passphrase import PassphraseLocked
from mcp_server.web.addresses import is_loopback
from mcp_server.web.sessions import Sessions, session_of
from mcp_server.web.showing import bare_page, sent_to
from mcp_server.web.site_guard import checked_form

SIGN_IN: Final = "/sign-in"
SIGN_OUT: Final = "/sign-out"
_START: Final = "/approvals"
_LOCAL: Final = re.compile(r"(/[A-Za-z0-9._~%+@:-]+)+/?(\?[A-Za-z0-9._~%+@:=&,/-]*)?|/")
_LONGEST: Final = 500


class SignIn:
    """The pages by which a person shows to know the passphrase."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def form(self, request: Request) -> Response:
        """Show the form, or how to set a passphrase."""
        return self._form(request, local_address(request.query_params.get("next", "")))

    async def sign_in(self, request: Request) -> Response:
        """Begin a session for the right passphrase, never one that the browser brought along."""
        form = await checked_form(request)
        address, log = local_address(str(form.get("next", ""))), structlog.get_logger("auth")
        try:
            session = await self._sessions.begin(
                str(form.get("passphrase", "")), instead_of=session_of(request)
            )
        except (RefusedError, ConfigError) as error:
            log.warning("session.refused", reason=str(error))
            status = 429 if isinstance(error, PassphraseLocked) else 403
            return self._form(request, address, status=status, refusal=str(error))
        log.info("session.began", until=session.ends_at.isoformat())
        answer = sent_to(address)
        self._sessions.give(session, request, answer)
        return answer

    async def sign_out(self, request: Request) -> Response:
        """End the session, here and wherever a copy of its cookie may lie."""
        await checked_form(request)
        if (session := session_of(request)) is not None:
            await self._sessions.end(session)
        answer = sent_to(SIGN_IN)
        self._sessions.take(request, answer)
        return answer

    def _form(
        self, request: Request, address: str, *, status: int = 200, refusal: str = ""
    ) -> Response:
        host = request.headers.get("host", "")
        return bare_page(
            "sign_in",
            request,
            status=status,
            next=address,
            refusal=refusal,
            is_readable=not (self._sessions.is_encrypted(request.scope) or is_loopback(host)),
        )


def sign_in_address(address: str) -> str:
    """Return where to sign in so as to come back to `address`."""
    return f"{SIGN_IN}?next={quote(local_address(address), safe='/')}"


def local_address(text: str) -> str:
    """Return the address if it is a page of this server's own, or the first page.

    Only plain characters count: browsers read a backslash as a slash, leave out line ends, and take
    two slashes for another host.
    """
    if len(text) > _LONGEST or not _LOCAL.fullmatch(text):
        return _START
    return _START if urlsplit(text).path.rstrip("/") in {SIGN_IN, SIGN_OUT, ""} else text


class ToSignIn:
    """Sends a person who may not read yet to sign in; programs are answered by what comes next."""

    def __init__(self, app: ASGIApp, admits: Callable[[Scope], bool]) -> None:
        self._app = app
        self._admits = admits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on unless it is a person's who must show who he is."""
        headers: Mapping[str, str] = Headers(scope=scope)
        shows_token = "authorization" in headers or isinstance(scope.get("user"), AuthenticatedUser)
        wants_page = "text/html" in headers.get("accept", "")
        if shows_token or not wants_page or self._admits(scope):
            await self._app(scope, receive, send)
            return
        url = Request(scope).url
        asked = f"{url.path}?{url.query}" if url.query else url.path
        await sent_to(sign_in_address(asked))(scope, receive, send)
