"""The person's secret for the terminal and the page, kept as a hash in `$COUNCIL_HOME`.

It keeps out whoever can run commands or reach the page but does not know it, such as a model with a
shell. It cannot keep out a program that may change the files of this home.
"""

import hashlib
import hmac
import os
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from config.clock import Clock
from config.errors import ConfigError, RefusedError, UsageError
from mcp_server.private_files import alone_with, write_privately

TRIES: Final = 5
"""So many wrong tries in a row lock the passphrase, whatever processes they came from."""
LOCKED_FOR: Final = timedelta(minutes=15)
SHORTEST: Final = 8
LONGEST: Final = 1024

_FILE: Final = "passphrase.json"
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32
_MOST_MEMORY_BYTES: Final = 256 * 1024 * 1024


class WrongPassphrase(RefusedError):
    """The passphrase is not the one that was set."""


class PassphraseLocked(RefusedError):
    """Too many wrong tries; the message says until when."""


@dataclass(frozen=True, slots=True)
class Cost:
    """How much work one try is: the parameters of scrypt, `n` by its power of two."""

    log2_n: int
    r: int
    p: int


COST: Final = Cost(log2_n=15, r=8, p=3)
"""What OWASP recommends where 32 MiB may be used; about a fifth of a second."""


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{32,128}$")]
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    log2_n: Annotated[int, Field(ge=1, le=17)]
    r: Annotated[int, Field(ge=1, le=8)]
    p: Annotated[int, Field(ge=1, le=8)]
    wrong_tries: Annotated[int, Field(ge=0)] = 0
    locked_until_at: AwareDatetime | None = None

    def tried_at(self, now: datetime) -> "_Kept":
        """Return this with one more try, which may be the one that locks it."""
        tries = self.wrong_tries + 1
        if tries < TRIES:
            return self.model_copy(update={"wrong_tries": tries, "locked_until_at": None})
        return self.model_copy(update={"wrong_tries": 0, "locked_until_at": now + LOCKED_FOR})

    def untried(self) -> "_Kept":
        return self.model_copy(update={"wrong_tries": 0, "locked_until_at": None})

    def is_of(self, text: str) -> bool:
        """Compare in a time that says nothing about where the two differ."""
        cost = Cost(self.log2_n, self.r, self.p)
        return hmac.compare_digest(_hashed(text, bytes.fromhex(self.salt), cost), self.hash)


def is_set(home: Path) -> bool:
    """Return whether a passphrase is set; a file that cannot be read counts as one."""
    return os.path.lexists(home / _FILE)


def mark_of(home: Path) -> str:
    """Return what changes whenever the passphrase is set anew, and says nothing of it.

    Raises:
        ConfigError: none is set, or the file cannot be read.
    """
    return hashlib.sha256(bytes.fromhex(_read(home / _FILE).salt)).hexdigest()


def set_passphrase(home: Path, text: str, *, only_first: bool = False, cost: Cost = COST) -> None:
    """Set the passphrase, in place of an earlier one: whoever calls has asked for that one.

    With `only_first` an earlier one stays, even one that was set a moment ago.

    Raises:
        UsageError: it is shorter than 8 characters or longer than 1024.
        RefusedError: there is one already.
        ConfigError: the file cannot be written.
    """
    if not SHORTEST <= len(text) <= LONGEST or not text.strip():
        raise UsageError(f"Choose a passphrase of {SHORTEST} to {LONGEST} characters.")
    salt = os.urandom(_SALT_BYTES)
    hashed = _hashed(text, salt, cost)
    kept = _Kept(salt=salt.hex(), hash=hashed, log2_n=cost.log2_n, r=cost.r, p=cost.p)
    with alone_with(home / _FILE):
        if only_first and is_set(home):
            raise RefusedError("A passphrase was set meanwhile, and stays: start again.")
        write_privately(home / _FILE, kept.model_dump_json(indent=2) + "\n")


def verify(home: Path, text: str, *, clock: Clock) -> None:
    """Return if `text` is the passphrase.

    Raises:
        WrongPassphrase: it is another one; that counts, across processes.
        PassphraseLocked: there were too many wrong tries a while ago; nothing was compared.
        ConfigError: none is set, or the file cannot be read or written.
    """
    path = home / _FILE
    with alone_with(path):
        kept, now = _read(path), clock.now()
        if kept.locked_until_at is not None and now < kept.locked_until_at:
            raise PassphraseLocked(_locked_until(kept.locked_until_at))
        # The try counts before it is looked at: who is killed in the middle has used it up.
        tried = kept.tried_at(now)
        write_privately(path, tried.model_dump_json(indent=2) + "\n")
        if not kept.is_of(text[: LONGEST + 1]):
            raise _wrong(tried)
        write_privately(path, kept.untried().model_dump_json(indent=2) + "\n")


def _read(path: Path) -> _Kept:
    try:
        return _Kept.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ConfigError("No passphrase is set: set one with `council passphrase`.") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise ConfigError(
            f"{path} is damaged: restore it, or delete it and set a passphrase anew."
        ) from error


def _hashed(text: str, salt: bytes, cost: Cost) -> str:
    # The same keys give other code points on other systems; the form makes them one.
    plain = unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(
        plain,
        salt=salt,
        n=2**cost.log2_n,
        r=cost.r,
        p=cost.p,
        maxmem=_MOST_MEMORY_BYTES,
        dklen=_HASH_BYTES,
    ).hex()


def _wrong(tried: _Kept) -> RefusedError:
    if tried.locked_until_at is not None:
        return PassphraseLocked(f"Wrong passphrase. {_locked_until(tried.locked_until_at)}")
    left = TRIES - tried.wrong_tries
    return WrongPassphrase(
        f"Wrong passphrase, nothing was changed; {left} {'try' if left == 1 else 'tries'} left "
        "before it is locked."
    )


def _locked_until(until: datetime) -> str:
    return (
        f"Nothing was changed: after {TRIES} wrong tries the passphrase is locked until "
        f"{until:%H:%M} UTC."
    )
