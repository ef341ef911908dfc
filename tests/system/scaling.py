"""How the executor's time grows with the number of accounts, on an exchange that takes its time.

    uv run python -m tests.system.scaling 6 60 600

One line for each number: opening, approving, executing until all is filled, closing; the requests;
and the most that one key made in a rolling minute, which must stay below 200. `--profile` prints
where the time of the executing went, `--latency-ms` sets the wait of each request (20).
"""

import argparse
import asyncio
import cProfile
import json
import pstats
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from time import perf_counter
from urllib.request import urlopen

import yaml

from broker.exchange.prices import SyntheticPrices
from config.settings import load_settings
from council.ports import Deps
from council.trading.executor import run_until_settled
from mcp_server.wiring import App, Terms, assembled
from store.databases import ensure_database
from store.embedded import embedded_database
from tests.council.trading.scenes import approved
from tests.system.slow_exchange import MEASURED, SECRET, ShiftedClock, account_of

TRADING_AT = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
"""Wednesday 10:30 in New York, in the week of the builders."""
ALLOWED_A_MINUTE = 200
LONGEST_RUN = timedelta(minutes=20)
APPROVALS_AT_ONCE = 16
CONFIG = Path(__file__).parents[2] / "config"
REHEARSAL = {"model": "vendor/none", "rehearsal": "rehearsal/momentum"}


@dataclass(frozen=True)
class Measured:
    """One line; times in seconds."""

    accounts: int
    open: float
    approve: float
    execute: float
    close: float
    requests: int
    most_in_a_minute: int
    filled: int


async def measure(count: int, dsn: str, home: Path, *, latency_ms: float) -> Measured:
    """Let `count` accounts trade once each, on databases of their own."""
    shift = TRADING_AT - datetime.now(UTC)
    exchange_dsn = await ensure_database(dsn, f"exchange_{count}")
    council_dsn = await ensure_database(dsn, f"council_{count}")
    async with exchange_process(exchange_dsn, count, latency_ms, shift=shift) as url:
        settings = load_settings(environment_of(count, url, home), directory=home)
        terms = Terms(
            clock=ShiftedClock(shift), dsn=council_dsn, pooled=True, models=False,
            prices=SyntheticPrices(7),
        )  # fmt: skip
        started = perf_counter()
        async with assembled(settings, terms) as app:
            opened = perf_counter()
            await _approve_all(app.deps)
            approving_done = perf_counter()
            filled = await _execute(app)
            executed = perf_counter()
        closed = perf_counter()
        told = json.loads(await asyncio.to_thread(_read, url + MEASURED))
    return Measured(
        accounts=count,
        open=opened - started,
        approve=approving_done - opened,
        execute=executed - approving_done,
        close=closed - executed,
        filled=filled,
        **told,
    )


@asynccontextmanager
async def exchange_process(
    dsn: str, count: int, latency_ms: float, *, shift: timedelta
) -> AsyncIterator[str]:
    """Run the slow exchange as a process; yields its address."""
    arguments = (dsn, str(count), str(latency_ms), str(shift.total_seconds()))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.system.slow_exchange", *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def _approve_all(deps: Deps) -> None:
    places = asyncio.Semaphore(APPROVALS_AT_ONCE)

    async def one(account: str) -> None:
        async with places:
            await approved(deps, account=account)

    await asyncio.gather(*(one(account) for account in deps.desks))


async def _execute(app: App) -> int:
    """Run the executor until nothing moves; return how many trades are open as approved."""
    reports = await run_until_settled(app.deps, timeout=LONGEST_RUN)
    trades = await app.deps.store.rows("trades")
    filled = [trade["status"] for trade in trades].count("open")
    if filled < len(trades):
        print(Counter((r.outcome, *r.notes[:1]) for r in reports).most_common(5))  # noqa: T201 - a report
    return filled


def environment_of(count: int, url: str, home: Path) -> dict[str, str]:
    """Write a configuration of `count` accounts and return the variables that lead to it."""
    folder = home / f"config-{count}"
    folder.mkdir()
    for name in ("assets.yaml", "schedule.yaml", "risk.yaml"):
        copy(CONFIG / name, folder / name)
    exchange_accounts = [account_of(number) for number in range(1, count + 1)]
    names = [f"A{number:04}" for number in range(1, count + 1)]
    roles = ["chairman", *["portfolio_manager"] * (count - 1)]
    accounts = [
        {"nickname": name, "account_number": account.account_number, "role": role}
        for name, account, role in zip(names, exchange_accounts, roles, strict=True)
    ]
    models = yaml.safe_load((CONFIG / "models.yaml").read_text())
    models["accounts"] = dict.fromkeys(names, REHEARSAL)
    (folder / "accounts.yaml").write_text(yaml.safe_dump({"accounts": accounts}))
    (folder / "models.yaml").write_text(yaml.safe_dump(models))
    keys = {
        f"ALPACA_{name}_{half}": value
        for name, account in zip(names, exchange_accounts, strict=True)
        for half, value in (("KEY_ID", account.key_id), ("SECRET_KEY", SECRET))
    }
    here = {"COUNCIL_HOME": str(home), "COUNCIL_CONFIG": str(folder), "ALPACA_TRADING_URL": url}
    return {**keys, **here}


def _read(url: str) -> bytes:
    with urlopen(url) as answer:  # noqa: S310 - our own process on loopback
        content: bytes = answer.read()
    return content


def _line(measured: Measured) -> str:
    told = asdict(measured)
    shown = {
        key: f"{value:.2f}" if isinstance(value, float) else value for key, value in told.items()
    }
    return "  ".join(f"{key} {value}" for key, value in shown.items())


async def main(counts: list[int], home: Path, *, latency_ms: float) -> None:
    """Measure every number of accounts and print it; fail where a promise is broken."""
    async with embedded_database(home, "scaling") as dsn:
        for count in counts:
            measured = await measure(count, dsn, home, latency_ms=latency_ms)
            print(_line(measured), flush=True)  # noqa: T201 - the purpose of the program
            assert measured.filled == count, "not every trade was filled"
            assert measured.most_in_a_minute < ALLOWED_A_MINUTE, "a key asked too often"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", type=int, nargs="+")
    parser.add_argument("--latency-ms", type=float, default=20.0)
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory(prefix="council-scaling-") as folder:
        Path(folder).chmod(0o711)  # where root runs this, the database's own user must get in
        if given.profile:
            profile.enable()
        asyncio.run(main(given.counts, Path(folder), latency_ms=given.latency_ms))
        profile.disable()
    if given.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
