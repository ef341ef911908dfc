"""What a service tells systemd: that it is ready, that it lives, that it ends (sd_notify).

It says that it lives only from the running event loop, and only while what it is there for goes on:
a process that merely exists is restarted. Without systemd nothing is sent. The protocol is one
datagram; the packages for it block the loop, know no STOPPING, or ask the wall clock when to send.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from config import logs

IsWell = Callable[[], Awaitable[bool]]
"""Whether what the service is there for goes on; bounded in time, and never raising."""

LONGEST_TURN: Final = timedelta(minutes=10)
"""An executor that has not come round for so long hangs: its own waits are all shorter."""
PROBE: Final = timedelta(seconds=10)
"""How long a server may take to answer itself."""
_FEEDS_A_SPAN: Final = 4
_FIRST_LOOKS: Final = 100
_FIRST_PAUSE: Final = timedelta(milliseconds=200)


@dataclass(frozen=True, slots=True)
class Systemd:
    """The service manager, if there is one; `watches_every` is the longest time without a sign."""

    address: str = ""
    watches_every: timedelta | None = None

    @classmethod
    def of_process(cls, environ: Mapping[str, str] | None = None) -> "Systemd":
        """Return what this process's environment names; WATCHDOG_PID may be that of a parent."""
        variables = os.environ if environ is None else environ
        usec = variables.get("WATCHDOG_USEC", "")
        every = timedelta(microseconds=int(usec)) if usec.isdigit() and int(usec) else None
        return cls(variables.get("NOTIFY_SOCKET", ""), every)

    def tell(self, state: str) -> None:
        """Send one state, such as READY=1; what cannot be sent at once is left out."""
        if not self.address:
            return
        # An address that begins with @ lies in the kernel's own namespace.
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            channel.sendto(state.encode(), address)


class Turns:
    """When something that must come round did so last."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._made_at: float | None = None

    def made(self) -> None:
        """Note a turn."""
        self._made_at = self._now()

    async def are_made(self) -> bool:
        """Return whether the last turn is recent; before the first one nothing is expected."""
        if self._made_at is None:
            return True
        return self._now() - self._made_at < LONGEST_TURN.total_seconds()


@asynccontextmanager
async def watched(systemd: Systemd, *signs: IsWell) -> AsyncIterator[None]:
    """Tell `systemd` that we are ready once all `signs` are good, and that we live while they are.

    At the end it hears that we stop.
    """
    if not systemd.address:
        yield
        return
    feeding = asyncio.create_task(_feed(systemd, signs), name="watchdog")
    try:
        yield
    finally:
        systemd.tell("STOPPING=1")
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


async def _feed(systemd: Systemd, signs: tuple[IsWell, ...]) -> None:
    log = logs.logger("watchdog")
    for _ in range(_FIRST_LOOKS):
        if await _all_good(signs):
            break
        await asyncio.sleep(_FIRST_PAUSE.total_seconds())
    else:
        # Without READY the start takes too long for systemd, which tries anew.
        log.error("watchdog.never_ready")
        return
    systemd.tell("READY=1")
    while systemd.watches_every is not None:
        if await _all_good(signs):
            systemd.tell("WATCHDOG=1")
        else:
            log.error("watchdog.not_well", restart_within=str(systemd.watches_every))
        await asyncio.sleep(systemd.watches_every.total_seconds() / _FEEDS_A_SPAN)


async def _all_good(signs: tuple[IsWell, ...]) -> bool:
    return all([await sign() for sign in signs])


def answers_at(origin: str, *, within: timedelta = PROBE) -> IsWell:
    """Return whether the web server at `origin` answers its own process, whatever it answers."""
    parts = urlsplit(origin)
    question = f"GET /health HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"

    async def asked() -> bool:
        try:
            async with asyncio.timeout(within.total_seconds()):
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                try:
                    writer.write(question.encode())
                    return (await reader.readline()).startswith(b"HTTP/")
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False

    return asked
