"""The system user that the embedded server runs as: PostgreSQL refuses to run as root.

Root starts it as `postgres` if that account exists, else as `nobody`; no account is made.
"""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = 0
ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class ServerUser:
    """A user and group by number; `is_other` when it is not the user of this process."""

    uid: int
    gid: int
    is_other: bool

    @property
    def credentials(self) -> dict[str, Any]:
        """Return the arguments that let `subprocess` become this user, empty for our own."""
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": ()}

    def own(self, folder: Path) -> None:
        """Give `folder` to this user alone."""
        if self.is_other:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(stat.S_IRWXU)

    def kept_out_by(self, folder: Path) -> Path | None:
        """Return the first of `folder` and those above it that this user may not enter, if any."""
        if not self.is_other:
            return None
        return next((step for step in (folder, *folder.parents) if not self._may_enter(step)), None)

    def _may_enter(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        belongs = found.st_gid == self.gid
        return bool(found.st_mode & (stat.S_IXGRP if belongs else stat.S_IXOTH))


def server_user_for(data: Path) -> ServerUser:
    """Return the user that runs the server on `data`: its owner, if it exists and we may choose."""
    uid, gid = os.geteuid(), os.getegid()
    if uid != ROOT:
        return ServerUser(uid, gid, is_other=False)
    if data.exists() and data.stat().st_uid != ROOT:
        return ServerUser(data.stat().st_uid, data.stat().st_gid, is_other=True)
    account = _account()
    return ServerUser(account.pw_uid, account.pw_gid, is_other=True)


def is_server_of(data: Path, pid: int) -> bool:
    """Return whether the process `pid` exists and is the server on `data`; in doubt, True."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # It exists, under another user.
    try:
        # A server stays in its data folder.
        return Path(f"/proc/{pid}/cwd").readlink() == data
    except OSError:
        name = _asked_ps(pid)
        return name is None or "postgres" in name


def _asked_ps(pid: int) -> str | None:
    try:
        asked = ("ps", "-p", str(pid), "-o", "comm=")
        return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=5).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None


def _account() -> pwd.struct_passwd:
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise OSError("run as root, the server needs an account called postgres or nobody")
