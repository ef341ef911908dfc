"""The processes of a run: executors and an approver that die on time, and the exchange.

They are forked from a process that has imported `zygote`, so that a start costs milliseconds.
"""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.exchange import book
from broker.exchange.app import create_exchange
from broker.exchange.faults import FaultPlan
from broker.exchange.faulty_wire import FaultyWire
from broker.exchange.prices import SyntheticPrices
from broker.exchange.server import running_exchange
from config.logs import configure_logs
from council.errors import AlreadyDecided
from council.trading.approvals import approve
from council.trading.executor import executor_loop
from tests.council.trading.scenes import ANNA
from tests.system.faults.scaled_clock import ScaledClock
from tests.system.faults.scenario import APPROVAL_FAILPOINT, NOT_SHORTABLE, Doom, plan_of
from tests.system.faults.seat import Seat, exchange_accounts, seated, seed_of

INTERVAL: Final = timedelta(milliseconds=150)
SECOND_PART_AFTER: Final = timedelta(minutes=3)
FLAGS_FLIP_EVERY: Final = timedelta(minutes=10)
COUNTS_PATH: Final = "/fault-counts/"
_EXCHANGE_CONNECTIONS = 8


def run_executor(seat: Seat, doom: Doom, folder: Path) -> None:
    """Carry out what is approved until death; deaths of its own are noted in `folder`."""
    with speaking_to(folder / "executors.log"):
        asyncio.run(_execute(seat, dying(doom, folder)))


def run_approver(seat: Seat, trade_id: UUID, folder: Path) -> None:
    """Approve a trade and die before anybody is told."""
    with speaking_to(folder / "approver.log"):
        asyncio.run(_approve(seat, trade_id, folder))


def run_exchange(seeds: range, clock: ScaledClock, dsn: str, told: Connection) -> None:
    """Serve the accounts of all `seeds`: once over their faulty wires and once over a clean one.

    Sends the two origins through `told`, the faulty one first.
    """
    with speaking_to(Path(os.devnull)):
        asyncio.run(_exchange(seeds, clock, dsn, told))


async def _execute(seat: Seat, failpoint: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    driver = parent_process()
    if driver is not None:
        asyncio.get_running_loop().add_reader(driver.sentinel, stop.set)
    async with seated(seat, failpoint=failpoint) as deps:
        await executor_loop(deps, stop, INTERVAL)


async def _approve(seat: Seat, trade_id: UUID, folder: Path) -> None:
    doom = Doom(APPROVAL_FAILPOINT)
    async with seated(seat, failpoint=dying(doom, folder)) as deps:
        try:
            await approve(trade_id, deps, decider=ANNA)
        except AlreadyDecided:
            return


async def _exchange(seeds: range, clock: ScaledClock, dsn: str, told: Connection) -> None:
    # Long enough to be overtaken: at the exchange's own pace that would be a matter of luck.
    book.PARTIAL_GAP = SECOND_PART_AFTER
    async with asyncpg.create_pool(dsn, min_size=2, max_size=_EXCHANGE_CONNECTIONS) as pool:
        app = create_exchange(
            pool=pool,
            prices=SyntheticPrices(1),
            clock=clock,
            accounts=[account for seed in seeds for account in exchange_accounts(seed)],
            hours="always",
            not_shortable=[NOT_SHORTABLE],
            requests_per_minute=None,
            faults=FaultPlan(flips=FLAGS_FLIP_EVERY),
        )
        wires = _Wires({seed: FaultyWire(app, plan_of(seed), clock) for seed in seeds})
        clean = _Clean(app, wires)
        async with served(wires) as faulty_origin, served(clean) as clean_origin:
            told.send((faulty_origin, clean_origin))
            await asyncio.to_thread(until_closed, told)


def served(app: ASGIApp) -> Any:
    return running_exchange(app)  # type: ignore[arg-type]  # any ASGI application will do


def until_closed(told: Connection) -> None:
    """Wait until the parent closes its end, or dies."""
    try:
        told.recv()
    except EOFError:
        return


@dataclass(frozen=True)
class _Wires:
    """Sends each request over the wire of the seed whose key it shows."""

    by_seed: dict[int, FaultyWire]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = dict(scope["headers"]).get(b"apca-api-key-id", b"").decode()
        await self.by_seed[seed_of(key)](scope, receive, send)


@dataclass(frozen=True)
class _Clean:
    """The exchange without faults, which also tells what a seed's wire has done."""

    app: ASGIApp
    wires: _Wires

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(COUNTS_PATH):
            await self.app(scope, receive, send)
            return
        counts = self.wires.by_seed[int(scope["path"].removeprefix(COUNTS_PATH))].counts
        rows = [[method, kind, count] for (method, kind), count in counts.items()]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(rows).encode()})


def dying(doom: Doom, folder: Path) -> Callable[[str], None]:
    """Return a failpoint that notes where the process dies, and kills it."""
    passed: list[str] = []

    def failpoint(name: str) -> None:
        passed.append(name)
        is_due = passed.count(doom.failpoint) >= doom.time or len(passed) >= doom.patience
        if is_due or (name in doom.rare and name not in deaths_in(folder)):
            with (folder / "kills").open("a") as kills:
                kills.write(f"{name}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    return failpoint


def deaths_in(folder: Path) -> tuple[str, ...]:
    """Return where processes of a run have died so far."""
    path = folder / "kills"
    return tuple(path.read_text().split()) if path.exists() else ()


@contextmanager
def speaking_to(path: Path) -> Iterator[None]:
    """Send all that the process says to the end of a file."""
    with path.open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    configure_logs("INFO", [])
    yield
