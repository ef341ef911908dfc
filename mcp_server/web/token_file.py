"""Bearer tokens of our own, in `$COUNCIL_HOME/tokens.json`: their names, scopes and hashes.

A token has 256 random bits, so a plain SHA-256 hides it: there is nothing to guess that a slow hash
would have to slow down, and every request is checked.
"""

import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from config.errors import ConfigError, RefusedError, UsageError
from mcp_server.private_files import alone_with, write_privately
from mcp_server.scopes import Scope

NAME_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}"
_PREFIX: Final = "council_"
"""Lets a person, and whatever looks for leaked secrets, see what it is."""
_RANDOM_BYTES: Final = 32
_WRITABLE_BY_OTHERS: Final = 0o022


class StoredToken(BaseModel):
    """One token as it is kept; the token itself is nowhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
    scope: Scope
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None

    def is_expired(self, now: datetime) -> bool:
        """Return whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: tuple[StoredToken, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenFile:
    """The tokens of one installation; several processes may read and change them."""

    path: Path

    @classmethod
    def in_home(cls, home: Path) -> "TokenFile":
        """Return the file of a home folder, whether it exists or not."""
        return cls(home / "tokens.json")

    def read(self) -> tuple[StoredToken, ...]:
        """Return every token, the oldest first; none where there is no file.

        Raises:
            ConfigError: the file cannot be read, is no such file, or others may write it.
        """
        try:
            with self.path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be read: {error.strerror}.") from error
        if mode & _WRITABLE_BY_OTHERS:
            raise ConfigError(f"Others may write {self.path}: run `chmod 600 {self.path}`.")
        try:
            return _Kept.model_validate_json(content).tokens
        except ValidationError as error:
            raise ConfigError(
                f"{self.path} is damaged: restore it, or delete it and make the tokens anew."
            ) from error

    def create(
        self, name: str, scope: Scope, *, now: datetime, lifetime: timedelta | None = None
    ) -> str:
        """Make a token, keep its hash and return it: this is the only time that it can be seen.

        Raises:
            RefusedError: there is one of that name.
            UsageError: `name` is no name.
        """
        token = f"{_PREFIX}{secrets.token_urlsafe(_RANDOM_BYTES)}"
        try:
            made = StoredToken(
                name=name,
                scope=scope,
                sha256=digest_of(token),
                created_at=now,
                expires_at=None if lifetime is None else now + lifetime,
            )
        except ValidationError as error:
            raise UsageError(
                f"{name!r} is no name of a token: use 1 to 40 letters, digits, dots, dashes or "
                "underscores, a letter or digit first."
            ) from error
        with alone_with(self.path):
            kept = self.read()
            if any(token.name == name for token in kept):
                raise RefusedError(
                    f"There is a token {name} already: revoke it first, or choose another name."
                )
            self._write((*kept, made))
        return token

    def revoke(self, name: str) -> int:
        """Forget the token `name`; servers refuse it from then on. Returns how many are left.

        Raises:
            UsageError: there is none of that name.
        """
        with alone_with(self.path):
            kept = self.read()
            left = tuple(token for token in kept if token.name != name)
            if len(left) == len(kept):
                names = ", ".join(token.name for token in kept) or "none at all"
                raise UsageError(f"There is no token {name!r}: there is {names}.")
            self._write(left)
        return len(left)

    def _write(self, tokens: tuple[StoredToken, ...]) -> None:
        write_privately(self.path, _Kept(tokens=tokens).model_dump_json(indent=2) + "\n")


def digest_of(token: str) -> str:
    """Return the SHA-256 of a token in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()
