"""Replaces a file in one step after copying it aside: setting up never leaves half a file."""

import os
import tempfile
from datetime import datetime
from pathlib import Path

from config.errors import ConfigError


def write_with_backup(path: Path, text: str, now: datetime, *, mode: int | None = None) -> str:
    """Replace the file in one step after copying it aside; the copy's path, or "" for a new file.

    A link is followed, and the file keeps its permissions unless `mode` says otherwise.

    Raises:
        ConfigError: the file or its folder cannot be written; nothing was changed.
    """
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        permissions = _permissions(target) if mode is None else mode
        backup = copied_aside(target, now)
        replace_file(target, text, permissions)
    except OSError as error:
        raise ConfigError(
            f"{target} cannot be written ({error.strerror}), nothing was changed in it: "
            "see to its permissions."
        ) from error
    return str(backup or "")


def _permissions(target: Path) -> int:
    return target.stat().st_mode & 0o777 if target.exists() else 0o600


def copied_aside(target: Path, now: datetime) -> Path | None:
    """Copy the file beside itself, named by the local time, readable by its owner alone.

    The copy's path is returned, or None where there is no file.
    """
    if not target.exists():
        return None
    stamp = f"{now.astimezone():%Y%m%d-%H%M%S}"
    backup = target.with_name(f"{target.name}.bak-{stamp}")
    number = 1
    while backup.exists():
        number += 1
        backup = target.with_name(f"{target.name}.bak-{stamp}-{number}")
    descriptor = os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(target.read_bytes())
    return backup


def replace_file(target: Path, text: str, mode: int) -> None:
    """Replace or make the file in one step, with the permissions `mode`; or leave it as it was."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(mode)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
