"""Who has signed in on the page: sessions of fifteen minutes, each sealed in its browser's cookie.

Every server with the same keys and the same home knows them. A session ends with its time, with
the sign-out, and with a change of the passphrase that it was begun with, whichever comes first.
"""

import asyncio
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from mcp.server.request_state import AESGCMRequestStateCodec, InvalidRequestState
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from config.clock import Clock
from config.errors import ConfigError, RefusedError
from mcp_server import passphrase
from mcp_server.sealing import StateKeys
from mcp_server.web.addresses import host_in
from mcp_server.web.door import is_proxied
from mcp_server.web.signed_out import SignedOut
from mcp_server.web.visitors import LOOK, Visitor

LIFETIME: Final = timedelta(minutes=15)
PLAIN_NAME: Final = "council-session"
SECURE_NAME: Final = f"__Host-{PLAIN_NAME}"
"""Browsers take a cookie of this prefix by https alone, and from no neighbouring host."""
_SESSIONS: Final = "council.sessions"
_SESSION: Final = "council.session"
_PURPOSE: Final = b"council page session v1"
_FORM_PURPOSE: Final = b"council page form v1"
_LONGEST_COOKIE: Final = 1_000
_ID_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in: its secret `id`, when it began, and the mark of the passphrase that began it."""

    id: str
    began_at: datetime
    mark: str

    @property
    def ends_at(self) -> datetime:
        """Return when it is over, however busy it was."""
        return self.began_at + LIFETIME

    @property
    def csrf(self) -> str:
        """Return what its forms carry; nobody finds the id from it."""
        return hmac.digest(self.id.encode(), _FORM_PURPOSE, "sha256").hex()


class Sessions:
    """Begins, recognises and ends the sessions of one home.

    `web_url` is the address by which people reach the pages, through whatever stands in front.
    """

    def __init__(self, home: Path, keys: StateKeys, clock: Clock, *, web_url: str) -> None:
        self._home = home
        self._keys = keys
        self._clock = clock
        self._web_url = web_url
        self._signed_out = SignedOut.in_home(home)

    @property
    def can_begin(self) -> bool:
        """Whether there is a passphrase by which anybody could sign in."""
        return passphrase.is_set(self._home)

    async def begin(self, text: str, *, instead_of: Session | None = None) -> Session:
        """Return a new session for whoever knows the passphrase; an earlier one ends with it.

        Raises:
            RefusedError: the passphrase is wrong, was changed meanwhile, or is locked.
            ConfigError: none is set, or a file of this home cannot be used.
        """
        # The mark comes first: what is changed while we compare makes the session void.
        mark = passphrase.mark_of(self._home)
        await asyncio.to_thread(passphrase.verify, self._home, text, clock=self._clock)
        session = Session(secrets.token_urlsafe(_ID_BYTES), self._clock.now(), mark)
        if not self._is_valid(session):
            raise RefusedError("The passphrase was changed meanwhile: sign in with the new one.")
        if instead_of is not None:
            await self.end(instead_of)
        return session

    async def end(self, session: Session) -> None:
        """Let nobody use the session again, at any server of this home.

        Raises:
            ConfigError: that cannot be written down; the session goes on.
        """
        now = self._clock.now()
        await asyncio.to_thread(self._signed_out.add, session.id, session.ends_at, now=now)

    def of(self, request: Request) -> Session | None:
        """Return the session that a request's cookie carries, if it still is one."""
        sealed = request.cookies.get(self._name(request.scope), "")
        if not 0 < len(sealed) <= _LONGEST_COOKIE:
            return None
        try:
            session = _opened(sealed, self._keys())
            return session if session is not None and self._is_valid(session) else None
        except ConfigError as error:
            structlog.get_logger("auth").error("session.unreadable", reason=str(error))
            return None

    def give(self, session: Session, request: Request, response: Response) -> None:
        """Send the session to the browser that asked."""
        content = [session.id, session.began_at.timestamp(), session.mark]
        response.set_cookie(
            self._name(request.scope),
            _codec(self._keys()).seal(json.dumps(content).encode()),
            max_age=int(LIFETIME.total_seconds()),
            secure=self.is_encrypted(request.scope),
            httponly=True,
            samesite="strict",
        )

    def take(self, request: Request, response: Response) -> None:
        """Let the browser forget its session."""
        response.delete_cookie(
            self._name(request.scope),
            secure=self.is_encrypted(request.scope),
            httponly=True,
            samesite="strict",
        )

    def _is_valid(self, session: Session) -> bool:
        return (
            session.began_at <= self._clock.now() < session.ends_at
            and passphrase.is_set(self._home)
            and hmac.compare_digest(session.mark, passphrase.mark_of(self._home))
            and not self._signed_out.has(session.id)
        )

    def is_encrypted(self, scope: Scope) -> bool:
        """Whether the browser is at the https address, as far as that can be known behind it."""
        named = Request(scope).headers.get("host", "").lower() == host_in(self._web_url)
        return self._web_url.startswith("https://") and (named or is_proxied(scope))

    def _name(self, scope: Scope) -> str:
        return SECURE_NAME if self.is_encrypted(scope) else PLAIN_NAME


class Visiting:
    """Lets every request say who sent it, to whoever asks: a middleware around the application.

    Most requests are tool calls, of which nobody asks; a look takes a twentieth of such a call.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leave in the scope who can look at the cookie, and pass the request on."""
        if scope["type"] == "http":
            scope[_SESSIONS] = self._sessions
            scope[LOOK] = self._look
        await self._app(scope, receive, send)

    def _look(self, request: Request) -> Visitor:
        session = session_of(request)
        return Visitor(
            csrf="" if session is None else session.csrf,
            ends_at=None if session is None else session.ends_at,
            can_sign_in=self._sessions.can_begin,
        )


def session_of(request: Request) -> Session | None:
    """Return the session of whoever sent the request; None where nobody has signed in.

    A request has one answer, that of the first look.
    """
    scope = request.scope
    if _SESSION not in scope and isinstance(sessions := scope.get(_SESSIONS), Sessions):
        scope[_SESSION] = sessions.of(request)
    found = scope.get(_SESSION)
    return found if isinstance(found, Session) else None


def _opened(sealed: str, keys: Iterable[bytes]) -> Session | None:
    """Return the session that was sealed; None for a cookie that we did not make."""
    try:
        identity, began_at, mark = json.loads(_codec(keys).unseal(sealed))
    except (InvalidRequestState, ValueError):
        return None
    return Session(identity, datetime.fromtimestamp(began_at, UTC), mark)


def _codec(keys: Iterable[bytes]) -> AESGCMRequestStateCodec:
    """Seal under keys of our own, so that nothing else that we sealed passes for a session."""
    return AESGCMRequestStateCodec([hmac.digest(key, _PURPOSE, "sha256") for key in keys])
