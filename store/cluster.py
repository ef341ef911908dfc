"""One embedded PostgreSQL cluster on disk: who uses it, its start and its stop. All of it blocks.

Two file locks order the processes. `start.lock` is held while somebody starts or stops the server,
`users.lock` is shared by everybody who uses it: whoever leaves and gets it alone was the last.
"""

import fcntl
import hashlib
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import IO, Literal
from urllib.parse import quote

from store.errors import DatabaseInUse, EmbeddedOutdated, EmbeddedUnavailable
from store.server_files import MAJOR_VERSION, files_folder, programs
from store.server_user import ServerUser, is_server_of, server_user_for

PORT = 5432
START_TIMEOUT_SECONDS = 60.0
START_TRIES = 40
PATIENCE_TRIES = 2
LOCK_PAUSE_SECONDS = 0.02
RETRY_PAUSE_SECONDS = 0.25
MAX_LOG_BYTES = 1_000_000
MAX_SOCKET_PATH_BYTES = 103
"""The shortest limit of the systems we know: macOS has 104 bytes with the final NUL, Linux 108."""

INITDB_OPTIONS = (
    "--username=postgres",
    # Only the server's user may enter the socket's folder, and there is no TCP port.
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    # Sorted alike on every machine, whatever locales it has.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
_WAITING = ("-w", "-t", str(int(START_TIMEOUT_SECONDS)), "--silent")


@dataclass(frozen=True, slots=True)
class ServerUse:
    """This process's share in the running server, given back by `leave`."""

    cluster: "Cluster"
    dsn: str
    users_lock: BufferedRandom

    def leave(self) -> None:
        """Give the share back; the last one stops the server, as far as that is possible."""
        with self.users_lock, self.cluster.starting():
            if _try_lock(self.users_lock, fcntl.LOCK_EX):
                self.cluster.stop()

    def take_alone(self) -> None:
        """Let nobody else use the server from here on, until `leave`.

        Raises:
            DatabaseInUse: somebody else uses it.
        """
        if not _try_lock(self.users_lock, fcntl.LOCK_EX):
            raise _in_use(self.cluster.folder)


class Cluster:
    """The server whose files lie in `folder`, or where `folder` links to.

    `binaries` are the programs of the version `major`, where it is not the installed one.
    """

    def __init__(
        self, folder: Path, *, binaries: Path | None = None, major: int = MAJOR_VERSION
    ) -> None:
        self._folder = folder.expanduser().absolute()
        self._binaries = binaries
        self._major = major

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _complete(self) -> Path:
        """Return where files that are to become `_data` wait while that is moved away."""
        return self._folder / "data-complete"

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    @property
    def folder(self) -> Path:
        """Return where the files are: after the first `enter` the folder that a link led to."""
        return self._folder

    def made_by(self) -> str | None:
        """Return the major version that made the files, or None where there are none yet."""
        try:
            return (self._data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return None

    def enter(self) -> ServerUse:
        """Make and start the cluster where that is needed, and keep it running until `leave`.

        Raises:
            EmbeddedUnavailable: the server cannot be made or started.
        """
        try:
            self._folder = files_folder(self._folder, server_user_for(self._data))
            with self.starting():
                return self._enter_alone()
        except (OSError, subprocess.SubprocessError) as error:
            raise self._unavailable(str(error)) from error

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Let one process at a time start or stop the server."""
        with (self._folder / "start.lock").open("a+b") as lock:
            deadline = time.monotonic() + START_TIMEOUT_SECONDS
            while not _try_lock(lock, fcntl.LOCK_EX):
                if time.monotonic() > deadline:
                    raise self._unavailable("another process has been starting it for too long")
                time.sleep(LOCK_PAUSE_SECONDS)
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep everybody out of the files, without starting a server.

        Raises:
            DatabaseInUse: somebody uses them.
        """
        self._folder = files_folder(self._folder, server_user_for(self._data))
        with (self._folder / "users.lock").open("a+b") as lock:
            if not _try_lock(lock, fcntl.LOCK_EX):
                raise _in_use(self._folder)
            yield

    def put_in_place(self, fresh: "Cluster") -> Path:
        """Let the files of `fresh` be those of this cluster; return where the old ones are kept.

        Nobody may use either. A start that finds it cut short in the middle completes it.
        """
        kept = self._folder / f"data-{self.made_by()}"
        while kept.exists():
            kept = kept.with_name(f"{kept.name}-older")
        shutil.rmtree(self._complete, ignore_errors=True)
        (fresh.folder / "data").rename(self._complete)
        self._data.rename(kept)
        self._complete.rename(self._data)
        return kept

    def stop(self) -> None:
        """Stop the server; one that is already gone, or will not go, is left to the next start."""
        user = server_user_for(self._data)
        self._run("pg_ctl", "stop", "--mode=fast", *_WAITING, user=user)
        if (sockets := self._socket_folder(user)) != self._data:
            shutil.rmtree(sockets, ignore_errors=True)

    def _enter_alone(self) -> ServerUse:
        users_lock = (self._folder / "users.lock").open("a+b")
        try:
            if not _try_lock(users_lock, fcntl.LOCK_SH):
                raise self._unavailable("somebody holds users.lock alone")
            if self._complete.exists() and not self._data.exists():
                self._complete.rename(self._data)
            user = server_user_for(self._data)
            if not (self._data / "PG_VERSION").exists():
                self._create(user)
            self._check_version()
            return ServerUse(self, self._ensure_running(user), users_lock)
        except BaseException:
            users_lock.close()
            raise

    def _create(self, user: ServerUser) -> None:
        """Create beside and rename: a start that is killed leaves nothing half made in place."""
        for leftover in self._folder.glob("new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=self._folder))
        user.own(fresh)
        made = self._run("initdb", *INITDB_OPTIONS, user=user, data=fresh)
        if made.returncode:
            raise self._unavailable(_last_line(made.stderr) or "initdb failed")
        fresh.rename(self._data)

    def _check_version(self) -> None:
        found = self.made_by()
        if found != str(self._major):
            raise EmbeddedOutdated(
                f"The embedded database in {self._data} was made by PostgreSQL {found}, not "
                f"{self._major}: run `council db upgrade`, which keeps the old files."
            )

    def _ensure_running(self, user: ServerUser) -> str:
        reason = ""
        for attempt in range(START_TRIES):
            # The children of a killed server need a moment until they have noticed.
            time.sleep(RETRY_PAUSE_SECONDS if attempt else 0)
            if (sockets := self._listening()) is not None:
                return f"postgresql://postgres@/postgres?host={quote(str(sockets), safe='/')}"
            if attempt > PATIENCE_TRIES and not self._pid_file_lines():
                break  # There is nobody whose end could be waited for.
            self._remove_stale_pid_file()
            reason = self._start(user)
        raise self._unavailable(reason or _last_line(self._log.read_text(errors="replace")))

    def _start(self, user: ServerUser) -> str:
        sockets = self._socket_folder(user)
        options = f"-h '' -k {sockets} -p {PORT}"
        with self._log.open(self._log_mode()) as log:
            done = self._run("pg_ctl", "start", *_WAITING, "-o", options, user=user, output=log)
        return "" if done.returncode == 0 else _last_line(self._log.read_text(errors="replace"))

    def _log_mode(self) -> Literal["ab", "wb"]:
        is_long = self._log.exists() and self._log.stat().st_size > MAX_LOG_BYTES
        return "wb" if is_long else "ab"

    def _socket_folder(self, user: ServerUser) -> Path:
        """Return the data folder, or a short one when its path is too long or needs quoting."""
        path = str(self._data)
        plain = all(letter.isalnum() or letter in "/._-" for letter in path)
        if plain and len(f"{path}/.s.PGSQL.{PORT}".encode()) <= MAX_SOCKET_PATH_BYTES:
            return self._data
        digest = hashlib.sha256(path.encode()).hexdigest()[:16]
        # Not TMPDIR, which may differ between the processes that are to meet here, and may be long.
        folder = Path(f"/tmp/council-{digest}")  # noqa: S108 - kind and owner are checked below
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
        # A link that somebody else laid there must not lead us to a folder of ours.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), user.uid}:
            raise self._unavailable(f"{folder} belongs to somebody else: remove it")
        user.own(folder)
        return folder

    def _listening(self) -> Path | None:
        """Return the folder of the socket on which this cluster's server answers, if it does."""
        lines = self._pid_file_lines()
        if len(lines) < 8 or lines[7].strip() != "ready":  # noqa: PLR2004 - the eighth is the state
            return None
        folder = Path(lines[4])
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(folder / f".s.PGSQL.{PORT}"))
            except OSError:
                return None
        return folder

    def _remove_stale_pid_file(self) -> None:
        """Remove the pid file of a dead server whose number now belongs to another program.

        PostgreSQL notices a number of nobody's; in a restarted container it is somebody's.
        """
        lines = self._pid_file_lines()
        if not lines or not lines[0].strip().isdigit():
            return
        if not is_server_of(self._data, int(lines[0])):
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _run(
        self,
        program: str,
        *arguments: str,
        user: ServerUser,
        data: Path | None = None,
        output: IO[bytes] | int = subprocess.DEVNULL,
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the server's programs as its user, in a session that no Ctrl-C reaches.

        Errors go to a file, since a pipe would stay open as long as the server that inherits it.
        """
        folder = data or self._data
        with tempfile.TemporaryFile("w+", errors="replace") as errors:
            done = subprocess.run(  # noqa: S603 - our own program and arguments
                (str((self._binaries or programs(user)) / program), *arguments),
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors if output == subprocess.DEVNULL else subprocess.STDOUT,
                cwd=folder,
                # The folder travels in the environment: pg_ctl would hand an argument to a shell.
                env={"PGDATA": str(folder), "LC_ALL": "C", "PATH": "/usr/bin:/bin"},
                start_new_session=True,
                timeout=START_TIMEOUT_SECONDS * 2,
                **user.credentials,
            )
            errors.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, "", errors.read())

    def _unavailable(self, reason: str) -> EmbeddedUnavailable:
        return EmbeddedUnavailable(
            f"The embedded database in {self._folder} does not start ({reason}): see "
            f"{self._log.name} there, or set DATABASE_URL."
        )


def _in_use(folder: Path) -> DatabaseInUse:
    return DatabaseInUse(
        f"Other processes use the embedded database in {folder}: stop the council's server, "
        "executor and other commands, then try again."
    )


def _try_lock(file: BufferedRandom, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
