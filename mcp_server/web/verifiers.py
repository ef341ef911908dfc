"""Who holds a bearer token: looked up in our own file, or signed by the operator's own authority.

Either way the answer names our scopes, each with those that it holds, and never the token itself.
"""

import asyncio
import hmac
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from mcp.server.auth.provider import AccessToken, TokenVerifier

from config.clock import Clock
from config.errors import ConfigError
from mcp_server.scopes import full_name, held_by, with_narrower
from mcp_server.web.token_file import StoredToken, TokenFile, digest_of

if TYPE_CHECKING:
    from jwt import PyJWKClient

_ALGORITHMS: Final = ("RS256", "RS512", "PS256", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures alone: with a shared secret, whoever checks a token could also make one."""
_LEEWAY_SECONDS: Final = 30
_KEYS_TIMEOUT_SECONDS: Final = 10
_MOST_CHARACTERS: Final = 100
"""Of a subject: it is recorded with every decision that the token makes."""

_Signature = tuple[int, int, int] | None


class FileVerifier:
    """Knows the tokens of a `TokenFile`, which it reads again whenever the file has changed."""

    def __init__(self, file: TokenFile, clock: Clock, *, resource: str) -> None:
        self._file = file
        self._clock = clock
        self._resource = resource
        self._seen: _Signature = None
        self._tokens: tuple[StoredToken, ...] = ()
        self._is_damaged = False

    def load(self) -> None:
        """Read the file; raises ConfigError where it cannot be used."""
        self._seen, self._tokens = _signature(self._file.path), self._file.read()

    @property
    def has_tokens(self) -> bool:
        """Whether the file holds any token, expired ones too; a damaged file counts as if it did.

        An expired token must not open to everybody what it was to open to one.
        """
        self._refresh()
        return self._is_damaged or bool(self._tokens)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return whose token it is and what it may do; None for a stranger's or an expired one."""
        self._refresh()
        digest, now = digest_of(token), self._clock.now()
        for kept in self._tokens:
            if hmac.compare_digest(kept.sha256, digest) and not kept.is_expired(now):
                return AccessToken(
                    token=digest,
                    client_id=kept.name,
                    scopes=[full_name(scope) for scope in with_narrower(kept.scope)],
                    resource=self._resource,
                )
        return None

    def _refresh(self) -> None:
        """Read the file anew if it has changed; while it cannot be read, nobody is known."""
        if _signature(self._file.path) == self._seen and not self._is_damaged:
            return
        try:
            self.load()
            self._is_damaged = False
        except ConfigError as error:
            self._tokens, self._is_damaged = (), True
            structlog.get_logger("auth").error("tokens.unreadable", reason=str(error))


class JwtVerifier:
    """Takes JSON Web Tokens of one issuer for one audience, signed with a key that it publishes."""

    def __init__(self, issuer: str, audience: str, keys: "PyJWKClient", *, resource: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._resource = resource

    @classmethod
    def by_address(
        cls, issuer: str, audience: str, keys_url: str, *, resource: str
    ) -> "JwtVerifier":
        """Return a verifier that fetches the keys from `keys_url` and keeps them a while."""
        from jwt import PyJWKClient  # noqa: PLC0415 - few servers need it and its cryptography

        keys = PyJWKClient(keys_url, timeout=_KEYS_TIMEOUT_SECONDS)
        return cls(issuer, audience, keys, resource=resource)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return the token's subject and scopes; None unless everything about it is right."""
        import jwt  # noqa: PLC0415 - as above

        try:
            # Keys come by a call that blocks.
            claims = await asyncio.to_thread(self._checked, token)
        except jwt.PyJWTError as error:
            structlog.get_logger("auth").warning("token.refused", reason=str(error))
            return None
        return self._access(claims)

    def _checked(self, token: str) -> dict[str, Any]:
        import jwt  # noqa: PLC0415 - as above

        return jwt.decode(
            token,
            self._keys.get_signing_key_from_jwt(token).key,
            algorithms=_ALGORITHMS,
            audience=self._audience,
            issuer=self._issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )

    def _access(self, claims: Mapping[str, Any]) -> AccessToken | None:
        held, subject = held_by(_scopes_in(claims)), str(claims["sub"])
        if len(subject) > _MOST_CHARACTERS or not subject.isprintable():
            return None
        return AccessToken(
            token="",
            client_id=str(claims.get("client_id") or claims.get("azp") or subject),
            scopes=[full_name(scope) for scope in with_narrower(held)] if held else [],
            expires_at=int(claims["exp"]) + _LEEWAY_SECONDS,
            resource=self._resource,
            subject=subject,
            claims={"iss": self._issuer},
        )


class FirstOf:
    """Asks one verifier after the other; the first that knows the token answers."""

    def __init__(self, verifiers: Sequence[TokenVerifier]) -> None:
        self._verifiers = tuple(verifiers)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what the first says that knows it, or None."""
        for verifier in self._verifiers:
            if (access := await verifier.verify_token(token)) is not None:
                return access
        return None


def _scopes_in(claims: Mapping[str, Any]) -> list[str]:
    """Return the scopes of a token: a text with spaces, or under `scp` as Microsoft sends them."""
    found = claims.get("scope") or claims.get("scp") or ""
    return [str(name) for name in (found if isinstance(found, list) else str(found).split())]


def _signature(path: Path) -> _Signature:
    """Return what changes whenever a file is replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
