"""A service manager for the tests: the socket to which a service of systemd tells its states."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Notified:
    """What was told, by arrival."""

    def __init__(self, channel: socket.socket, address: str) -> None:
        self._channel = channel
        self.address = address

    def next(self, seconds: float = 30.0) -> str:
        """Return the next state that is told; "" when none is within `seconds`."""
        self._channel.settimeout(seconds)
        try:
            return self._channel.recv(4096).decode()
        except TimeoutError:
            return ""

    def skip_to(self, state: str) -> None:
        """Read on until `state` is told."""
        while (told := self.next()) != state:
            assert told, f"{state} was never told"

    def drain(self) -> None:
        """Forget what was told so far."""
        self._channel.setblocking(False)
        try:
            while self._channel.recv(4096):
                pass
        except BlockingIOError:
            pass


@contextmanager
def notified(folder: Path) -> Iterator[Notified]:
    """Listen on a socket in `folder`, whose path must be short."""
    address = str(folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(address)
        yield Notified(channel, address)
