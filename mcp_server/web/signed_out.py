"""The sessions that were ended before their time, in a file that every server of the home reads.

A session is sealed in its browser's cookie, so whoever copied the cookie could go on with it: here
stands, by its hash, which one must not. Each stays until its time would have been over anyway.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from config.errors import ConfigError
from mcp_server.private_files import alone_with, write_privately

_FILE: Final = "signed-out.json"


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    ends: dict[str, AwareDatetime] = {}
    """By the SHA-256 of a session's id: when it would have been over."""


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The ended sessions of one home; several processes may read and add to them."""

    path: Path

    @classmethod
    def in_home(cls, home: Path) -> "SignedOut":
        """Return the file of a home folder, whether it exists or not."""
        return cls(home / _FILE)

    def has(self, identity: str) -> bool:
        """Return whether the session of that id was ended.

        Raises:
            ConfigError: the file cannot be read, so nobody can say.
        """
        return _hashed(identity) in self._read().ends

    def add(self, identity: str, ends_at: datetime, *, now: datetime) -> None:
        """Note the session as ended, and forget those that are over by `now`.

        Raises:
            ConfigError: the file cannot be read or written.
        """
        with alone_with(self.path):
            lasting = {key: at for key, at in self._read().ends.items() if at > now}
            kept = _Kept(ends={**lasting, _hashed(identity): ends_at})
            write_privately(self.path, kept.model_dump_json(indent=2) + "\n")

    def _read(self) -> _Kept:
        try:
            return _Kept.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return _Kept()
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be read: {error.strerror}.") from error
        except ValidationError as error:
            raise ConfigError(f"{self.path} is damaged: delete it, and sign in anew.") from error


def _hashed(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()
