"""An embedded PostgreSQL server that is killed like a process that lost its machine, and restarted.

The postmaster dies first and all its backends at once after it: nobody flushes or says goodbye.
"""

import os
import random
import select
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from store.cluster import Cluster, ServerUse
from store.server_user import is_server_of

LONGEST_DEATH_SECONDS = 10


class KilledServer:
    """A server in a folder of its own; `kills` counts its deaths."""

    def __init__(self, folder: Path) -> None:
        self.home = folder.parent
        self._data = folder / "data"
        self._cluster = Cluster(folder)
        self._uses: list[ServerUse] = [self._cluster.enter()]
        self.dsn = self._uses[0].dsn
        self.kills = 0

    def kill(self) -> None:
        """Kill the postmaster and all that it started."""
        pid = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        if not is_server_of(self._data, pid):
            raise RuntimeError(f"{pid} is not the server in {self._data}")
        # The postmaster first: it would tidy up after its children.
        for victim in (pid, *_children(pid)):
            _kill(victim)
        self.kills += 1

    def start(self) -> None:
        """Start it again and wait until it answers."""
        self._uses.append(self._cluster.enter())

    def leave(self) -> None:
        """Stop it for good."""
        while self._uses:
            self._uses.pop().leave()


@contextmanager
def killed_server() -> Iterator[KilledServer]:
    """Run one in a temporary folder."""
    # Not under pytest's own folder: pytest closes that to other users, and root's server is one.
    home = Path(tempfile.mkdtemp(prefix="council-killed-"))
    home.chmod(0o711)
    server = KilledServer(home / "postgres")
    try:
        yield server
    finally:
        server.leave()
        shutil.rmtree(home, ignore_errors=True)


class Killer:
    """A thread that kills and restarts a server after pauses of chance, or sooner when told.

    It lets the server live once that has died `most_kills` times.
    """

    def __init__(
        self,
        server: KilledServer,
        *,
        seed: int,
        pause_seconds: tuple[float, float],
        most_kills: int = 10_000,
    ) -> None:
        self._server = server
        self._most_kills = most_kills
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._pause_seconds = pause_seconds
        self._wake = threading.Event()
        self._is_over = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def now(self) -> None:
        """Do not wait for the end of the pause."""
        self._wake.set()

    def __enter__(self) -> "Killer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._wake.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._is_over and self._server.kills < self._most_kills:
                self._wake.wait(self._chance.uniform(*self._pause_seconds))
                self._wake.clear()
                if not self._is_over:
                    self._server.kill()
                    self._server.start()
        except Exception as error:  # noqa: BLE001 - the entry point of the thread: __exit__ raises it
            self._failure = error


def _kill(pid: int) -> None:
    """Kill one process and wait until it is gone: till then its socket still takes callers."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            select.select([descriptor], [], [], LONGEST_DEATH_SECONDS)
        finally:
            os.close(descriptor)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []
