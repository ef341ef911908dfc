"""What services tell systemd: ready once they answer, alive only while they are of use."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE, Popen

import asyncpg
import pytest

from config.ids import random_id
from mcp_server.watchdog import LONGEST_TURN, Systemd, Turns, answers_at, watched
from store.addresses import with_login
from store.embedded import answers
from tests.mcp_server.notified import Notified, notified
from tests.mcp_server.test_processes import COUNCIL, near_empty

QUICK = timedelta(milliseconds=40)
WATCHDOG_USEC = "2000000"
_SILENCE = 2.0
"""Four signs of life would come in so many seconds."""


class Sign:
    """A sign of life that the test turns on and off; how often it was `asked` for."""

    def __init__(self, *, is_good: bool = True) -> None:
        self.is_good = is_good
        self.asked = 0

    async def __call__(self) -> bool:
        self.asked += 1
        return self.is_good


@pytest.fixture
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notified]:
    with notified(tmp_path_factory.mktemp("n")) as listening:
        yield listening


async def told(manager: Notified, seconds: float = 5.0) -> str:
    return await asyncio.to_thread(manager.next, seconds)


async def test_a_service_is_ready_once_its_signs_are_good_and_says_when_it_ends(
    manager: Notified,
) -> None:
    sign = Sign(is_good=False)

    async with watched(Systemd(manager.address, QUICK), sign):
        before = await told(manager, 0.05)
        sign.is_good = True
        states = [await told(manager) for _ in range(3)]

    assert before == ""
    assert states == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
    manager.skip_to("STOPPING=1")


async def test_nothing_feeds_the_watchdog_while_a_sign_is_bad(manager: Notified) -> None:
    sign = Sign()

    async with watched(Systemd(manager.address, QUICK), Sign(), sign):
        await told(manager)
        await told(manager)
        sign.is_good = False
        await asyncio.sleep(0)
        manager.drain()
        silence = await told(manager, 0.1)
        sign.is_good = True
        again = await told(manager)

    assert silence == ""
    assert again == "WATCHDOG=1"


async def test_a_blocked_event_loop_feeds_nothing(manager: Notified) -> None:
    async with watched(Systemd(manager.address, QUICK), Sign()):
        await told(manager)
        await told(manager)
        manager.drain()

        blocked = manager.next(0.1)

    assert blocked == ""


async def test_without_systemd_no_sign_is_asked_for() -> None:
    sign = Sign()

    async with watched(Systemd.of_process({}), sign):
        await asyncio.sleep(0)

    assert sign.asked == 0


async def test_a_manager_that_is_gone_harms_nobody(tmp_path: Path) -> None:
    signs = iter([True, True])
    outlived = asyncio.Event()

    async def sign() -> bool:
        is_good = next(signs, False)
        if not is_good:
            outlived.set()
        return is_good

    async with watched(Systemd(str(tmp_path / "gone"), QUICK), sign):
        async with asyncio.timeout(5):
            await outlived.wait()


def test_the_watchdog_is_that_of_the_environment() -> None:
    variables = {"NOTIFY_SOCKET": "@abstract", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}

    assert Systemd.of_process(variables) == Systemd("@abstract", timedelta(seconds=2))
    assert Systemd.of_process({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "x"}) == Systemd("/n", None)
    assert Systemd.of_process({}) == Systemd()


async def test_a_loop_that_has_not_come_round_for_long_is_no_sign_of_life() -> None:
    seconds = 0.0
    turns = Turns(lambda: seconds)
    before = await turns.are_made()

    turns.made()
    fresh = await turns.are_made()
    seconds = LONGEST_TURN.total_seconds()
    stale = await turns.are_made()
    turns.made()

    assert (before, fresh, stale, await turns.are_made()) == (True, True, False, True)


async def test_a_web_server_answers_itself_or_it_does_not() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Busy\r\n\r\n")
        writer.close()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    answering = await asyncio.start_server(answer, "127.0.0.1", 0)
    hanging = await asyncio.start_server(hang, "127.0.0.1", 0)
    ports = [server.sockets[0].getsockname()[1] for server in (answering, hanging)]
    async with answering, hanging:
        heard = [
            await answers_at(f"http://127.0.0.1:{port}", within=timedelta(milliseconds=100))()
            for port in ports
        ]
    refused = await answers_at(f"http://127.0.0.1:{ports[0]}", within=timedelta(seconds=1))()

    assert heard == [True, False]
    assert not refused


async def test_a_database_that_is_full_answers_and_one_that_is_gone_does_not(
    cluster_dsn: str, tmp_path: Path
) -> None:
    name = f"full_{random_id().hex}"
    owner = await asyncpg.connect(cluster_dsn)
    await owner.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 0")

    full = await answers(with_login(cluster_dsn, name, "any"))
    gone = await answers(f"postgresql://postgres@/postgres?host={tmp_path}")

    await owner.execute(f"DROP ROLE {name}")
    await owner.close()
    assert (full, gone) == (True, False)


@contextmanager
def service(home: Path, manager: Notified, *arguments: str) -> Iterator[Popen[bytes]]:
    environment = near_empty(
        home,
        COUNCIL_HOME=str(home),
        NOTIFY_SOCKET=manager.address,
        WATCHDOG_USEC=WATCHDOG_USEC,
    )
    words = [sys.executable, "-c", COUNCIL, *arguments]
    with Popen(words, env=environment, cwd=home, stdout=PIPE, stderr=PIPE) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture
def home(council_home: Path, tmp_path: Path) -> Path:
    """Return an empty home that the embedded server's own user may enter, too."""
    own = council_home / tmp_path.name
    own.mkdir()
    own.chmod(0o755)
    return own


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("serve", "--port", "0"), ("executor",), ("db", "serve")])
def test_a_real_service_is_ready_lives_falls_silent_when_stopped_and_says_that_it_ends(
    home: Path, manager: Notified, arguments: tuple[str, ...]
) -> None:
    with service(home, manager, *arguments) as process:
        first = manager.next(60)
        alive = [manager.next() for _ in range(2)]
        os.kill(process.pid, signal.SIGSTOP)
        manager.drain()
        silence = manager.next(_SILENCE)
        os.kill(process.pid, signal.SIGCONT)
        again = manager.next()
        os.kill(process.pid, signal.SIGTERM)
        manager.skip_to("STOPPING=1")
        process.communicate(timeout=30)

    assert first == "READY=1"
    assert alive == ["WATCHDOG=1"] * 2
    assert silence == ""
    assert again == "WATCHDOG=1"
    assert process.returncode == 143
