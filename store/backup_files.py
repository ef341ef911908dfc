"""The file of a backup: a tar archive with a manifest and the dump that it tells of.

`council.dump` inside is what PostgreSQL's own `pg_restore` reads. Behind the archive, where `tar`
does not look, stands the sha-256 of all of it: a file of which any byte changed is known before
anything is done with it. All of it blocks.
"""

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from store.chain import ChainPoint
from store.errors import BackupDamaged, StorageRefused

MANIFEST: Final = "manifest.json"
DUMP: Final = "council.dump"
MAX_MANIFEST_BYTES: Final = 100_000
_CHUNK_BYTES: Final = 1 << 20
_SEAL_BYTES: Final = 64
_PREFIX: Final = ".council-backup-"
_LEFT_OVER: Final = timedelta(days=1)
"""Nobody works so long on a backup."""


class Manifest(BaseModel):
    """What a backup holds: the log up to `position`, whose event has the hash `head`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    database: str
    position: Annotated[int, Field(ge=0)]
    head: str
    """In hexadecimal; "" without events."""
    migration: str
    """The newest one that was applied."""
    program: str
    """The council's version that made it."""
    server: str
    """The version of PostgreSQL that it was made of."""
    made_at: AwareDatetime

    @property
    def point(self) -> ChainPoint:
        """Return the end of the log that it holds."""
        return ChainPoint(self.position, self.head)


def read_manifest(file: Path) -> Manifest:
    """Return what `file` says that it holds.

    Raises:
        BackupDamaged: it cannot be read, or is no backup.
    """
    with _reading(file), tarfile.open(file, "r:") as archive:
        return _manifest(archive, file)


def pack(folder: Path, manifest: Manifest, file: Path) -> None:
    """Put `manifest` and the dump in `folder` into `file`, for its owner alone, in one step."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    fresh = folder / "backup"
    handle = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w+b") as out:
        with tarfile.open(fileobj=out, mode="w:", format=tarfile.PAX_FORMAT) as archive:
            for name in (MANIFEST, DUMP):
                archive.add(folder / name, arcname=name, filter=_anonymous)
        seal(out)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who made it: whoever unpacks it is the owner."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def seal(archive: IO[bytes]) -> None:
    """Write the sha-256 of the whole of `archive` behind it."""
    size = archive.seek(0, os.SEEK_END)
    archive.write(_digest(archive, size))


def _digest(content: IO[bytes], size: int) -> bytes:
    """Return the sha-256 of the first `size` bytes, in hexadecimal; reading goes on behind them."""
    content.seek(0)
    digest, left = hashlib.sha256(), size
    while left and (chunk := content.read(min(left, _CHUNK_BYTES))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest().encode()


def unpack(file: Path, dump: Path) -> Manifest:
    """Copy the dump out of `file` to `dump`, once the file is proved; return the manifest.

    Raises:
        BackupDamaged: the file cannot be read, or is not as it was written.
    """
    with _reading(file), file.open("rb") as content:
        _check_seal(content, file)
        content.seek(0)
        with tarfile.open(fileobj=content, mode="r:") as archive, dump.open("xb") as out:
            shutil.copyfileobj(_member(archive, DUMP, file), out, _CHUNK_BYTES)
            return _manifest(archive, file)


def _check_seal(content: IO[bytes], file: Path) -> None:
    size = content.seek(0, os.SEEK_END) - _SEAL_BYTES
    if size < 0 or _digest(content, size) != content.read(_SEAL_BYTES):
        raise _damaged(file, "its content is not what was written")


def _manifest(archive: tarfile.TarFile, file: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(
            _member(archive, MANIFEST, file).read(MAX_MANIFEST_BYTES)
        )
    except ValidationError as error:
        raise _damaged(file, "its manifest does not read") from error


def _member(archive: tarfile.TarFile, name: str, file: Path) -> IO[bytes]:
    with suppress(KeyError):
        if (found := archive.extractfile(name)) is not None:
            return found
    raise _damaged(file, f"it has no {name}")


@contextmanager
def folder_beside(file: Path) -> Iterator[Path]:
    """Make a private folder beside `file`, on its disk, and remove it in the end.

    Raises:
        StorageRefused: `file` exists.
    """
    if file.exists():
        raise StorageRefused(f"{file} exists, and no backup is written over: name another file.")
    parent = file.parent
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent) as folder:
        _clear_leftovers(Path(folder))
        yield Path(folder)


def _clear_leftovers(own: Path) -> None:
    """Remove what killed backups left beside the new folder `own`: one a day would fill a disk."""
    young = own.stat().st_mtime - _LEFT_OVER.total_seconds()
    for folder in own.parent.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):
            if folder.stat().st_mtime < young:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Translate what the disk says while `file` is written."""
    try:
        yield
    except OSError as error:
        raise StorageRefused(
            f"{file} cannot be written ({error.strerror}): nothing was kept, and nothing changed."
        ) from error


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise BackupDamaged(f"{file} cannot be read ({error.strerror}): name a backup.") from error
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(file, str(error)) from error


def _damaged(file: Path, why: str) -> BackupDamaged:
    return BackupDamaged(f"{file} is no whole backup of the council's ({why}): take another one.")
