"""Small files that belong to their owner alone: changed by one process at a time, in one step."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.errors import ConfigError


@contextmanager
def alone_with(path: Path) -> Iterator[None]:
    """Let one process at a time read and write `path`; the lock ends with the process at latest.

    Raises:
        ConfigError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(f"{path.parent} cannot be written: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def write_privately(path: Path, content: str | bytes) -> None:
    """Replace the file in one step: a reader sees the old one or the new one, never half.

    Raises:
        ConfigError: it cannot be written; the old one is as it was.
    """
    fresh: Path | None = None
    try:
        # mkstemp gives the file to its owner alone before anything is in it.
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        fresh = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        if fresh is not None:
            fresh.unlink(missing_ok=True)
