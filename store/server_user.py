"""The system user that the embedded server runs as: PostgreSQL refuses to run as root.

Root starts it as `postgres` if that account exists, else as `nobody`; no account is made. Folders
on the way to its files get the permission to pass that it needs, not the one to list them.
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


def server_user_for(data: Path) -> ServerUser:
    """Return the user that runs the server on `data`: its owner, if it exists and we may choose."""
    uid, gid = os.geteuid(), os.getegid()
    if uid != ROOT:
        return ServerUser(uid, gid, is_other=False)
    if data.exists() and data.stat().st_uid != ROOT:
        return ServerUser(data.stat().st_uid, data.stat().st_gid, is_other=True)
    account = _account()
    return ServerUser(account.pw_uid, account.pw_gid, is_other=True)


def make_passable(folder: Path) -> None:
    """Let every user pass through `folder` and the folders above it, without listing them."""
    for step in (folder, *folder.parents):
        mode = step.stat().st_mode
        if not mode & stat.S_IXOTH:
            step.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def make_readable(folder: Path) -> None:
    """Let every user read and run what is in `folder`, unless that is so already."""
    if (
        folder.stat().st_mode & stat.S_IROTH
        and (folder / "bin/postgres").stat().st_mode & stat.S_IXOTH
    ):
        return
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            runs = stat.S_IXGRP | stat.S_IXOTH if mode & stat.S_IXUSR else 0
            path.chmod(mode | stat.S_IRGRP | stat.S_IROTH | runs)


def is_postgres(pid: int) -> bool:
    """Return whether the process `pid` exists and is a PostgreSQL server; in doubt, True."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # It exists, under another user.
    name = _program_name(pid)
    return name is None or "postgres" in name


def _program_name(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return _asked_ps(pid)


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
