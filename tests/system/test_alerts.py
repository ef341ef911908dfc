"""Alerts from real processes to real servers: once each, wherever a process dies."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.clock import SystemClock
from config.weeks import week_id_at
from council.codec import to_event
from council.projections import project
from council.trade_facts import TradingHalted
from store.event_store import PostgresEventStore
from store.events import StreamWrite
from store.pool import open_pool
from tests.builders import MANAGERS
from tests.council.alerts.scenes import proposal
from tests.mcp_server.alert_servers import MailServer, Webhook, mail_server, webhook
from tests.system.command import council, started

POINTS = (
    "alerts.before_gathered",
    "alerts.after_gathered",
    "alerts.after_begun",
    "alerts.after_sent",
    "alerts.after_recorded",
)
WAITS = f"Council, SIMULATED: {len(MANAGERS)} trades wait"
HALTED = "Council, SIMULATED: trading halted"
MOST_LOOKS = 1_200


@dataclass
class Ground:
    """One database, a webhook, a mail server, and processes that tell."""

    environment: dict[str, str]
    store: PostgresEventStore
    hook: Webhook
    mails: MailServer
    stack: AsyncExitStack

    async def teller(self, point: str = "", speed: float = 1) -> asyncio.subprocess.Process:
        """Start one; it dies at `point`, and its time runs `speed` times as fast."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.system.alert_teller", point, str(speed)),
            env={"PATH": os.environ["PATH"], **self.environment},
        )
        self.stack.push_async_callback(ended, process)
        return process

    async def executor(self) -> asyncio.subprocess.Process:
        """Start `council executor`."""
        process = await started("executor", environment=self.environment)
        self.stack.push_async_callback(ended, process)
        return process

    async def propose(self) -> None:
        """Let trades wait since a while."""
        now = SystemClock().now()
        facts = [proposal(name, expires_at=now + timedelta(days=3)) for name in MANAGERS]
        at = now - timedelta(minutes=2)
        writes = [StreamWrite(fact.stream, (to_event(fact, at=at),)) for fact in facts]
        await self.store.append_many(writes)

    async def halt(self, number: int = 1) -> None:
        """Halt an account, a while ago."""
        now = SystemClock().now()
        fact = TradingHalted(
            week_id=week_id_at(now),
            account="BOARD",
            number=number,
            reason="enough",
            by="ann",
            channel="cli",
        )
        await self.store.append(fact.stream, [to_event(fact, at=now - timedelta(minutes=2))])

    async def stored(self) -> Counter[str]:
        """Count the facts about telling, by kind."""
        return Counter(event.event_type for event in await self.store.read_stream("alerts"))

    async def until(self, condition: Callable[[Counter[str]], bool]) -> None:
        """Wait until the facts about telling fulfil `condition`."""
        for _ in range(MOST_LOOKS):
            if condition(await self.stored()):
                return
            await asyncio.sleep(0.05)
        raise TimeoutError(f"{await self.stored()}, {self.hook.titles}, {self.mails.titles}")


async def ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.communicate()


@contextmanager
def servers() -> Iterator[tuple[Webhook, MailServer]]:
    with webhook() as hook, mail_server() as mails:
        yield hook, mails


@asynccontextmanager
async def ground(dsn: str, home: Path, hook: Webhook, mails: MailServer) -> AsyncIterator[Ground]:
    environment = {
        "HOME": str(home),
        "COUNCIL_HOME": str(home / "council"),
        "DATABASE_URL": dsn,
        "COUNCIL_ALERT_URLS": f"{hook.url},{mails.url}",
        "PYTHONPATH": os.getcwd(),
    }
    pool = await open_pool(dsn, min_size=1, max_size=4, command_timeout_seconds=10)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(pool.close)
        yield Ground(environment, PostgresEventStore(pool, project), hook, mails, stack)


def named(hook: Webhook, title: str) -> int:
    """Count the messages that say that `title` may not have arrived at the webhook."""
    line = f"“{title}” of"
    texts = [text for one in hook.got for text in one["message"].splitlines()]
    return sum(line in text and "to json://" in text for text in texts)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
async def test_a_process_killed_at_any_point_tells_nobody_twice(
    point: str, database_dsn: str, tmp_path: Path
) -> None:
    with servers() as (hook, mails):
        async with ground(database_dsn, tmp_path, hook, mails) as here:
            dying = await here.teller(point)
            await here.until(lambda facts: facts["AlertsBegan"] == 1)
            await here.propose()
            killed = await dying.wait()
            survivor = await here.teller()
            await here.until(lambda facts: facts["AlertSent"] + facts["AlertDoubted"] == 2)
            await here.halt()
            await here.until(lambda facts: facts["AlertSent"] + facts["AlertDoubted"] == 4)
            facts = await here.stored()
            alive = survivor.returncode

    assert (killed, alive) == (-9, None)
    assert hook.titles.count(WAITS) <= 1
    assert mails.titles.count(WAITS) <= 1
    assert hook.titles.count(HALTED) == mails.titles.count(HALTED) == 1
    # Who did not surely get it is told so in the next message, once; who did may be told too.
    assert hook.titles.count(WAITS) + named(hook, WAITS) >= 1
    assert named(hook, WAITS) <= 1
    if point in POINTS[:2]:
        assert facts["AlertDoubted"] == 0
        assert hook.titles == mails.titles == [WAITS, HALTED]


@pytest.mark.slow
async def test_two_executors_on_one_database_tell_once(database_dsn: str, tmp_path: Path) -> None:
    with servers() as (hook, mails):
        async with ground(database_dsn, tmp_path, hook, mails) as here:
            first, second = await here.executor(), await here.executor()
            await here.until(lambda facts: facts["AlertsBegan"] == 1)
            await here.propose()
            await here.until(lambda facts: facts["AlertSent"] == 2)
            first.kill()
            await here.halt()
            await here.until(lambda facts: facts["AlertSent"] == 4)
            second.kill()
            await asyncio.gather(first.communicate(), second.communicate())
            await here.executor()
            await here.halt(2)
            await here.until(lambda facts: facts["AlertSent"] == 6)

    assert hook.titles == mails.titles == [WAITS, HALTED, HALTED]


@pytest.mark.slow
async def test_a_server_that_was_away_gets_it_once_it_is_back(
    database_dsn: str, tmp_path: Path
) -> None:
    away = Webhook()
    with webhook(known=away):
        pass  # its port is known now, and nobody listens there
    with mail_server() as mails:
        async with ground(database_dsn, tmp_path, away, mails) as here:
            await here.teller(speed=3)  # the first rest takes ten seconds instead of thirty
            await here.until(lambda facts: facts["AlertsBegan"] == 1)
            await here.propose()
            await here.until(lambda facts: facts["AlertFailed"] == 1 and facts["AlertSent"] == 1)
            status = await council("status", "--json", environment=here.environment)
            with webhook(known=away):
                await here.until(lambda facts: facts["AlertSent"] == 2)
            facts = await here.stored()

    degraded: list[Any] = status.document()["degraded"]
    assert any(sentence.startswith("Alerts do not reach json://") for sentence in degraded)
    assert away.titles == mails.titles == [WAITS]
    assert facts["AlertFailed"] == 1
    assert "s3cret-pass" not in status.stdout + status.stderr
