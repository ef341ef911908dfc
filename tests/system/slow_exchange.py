"""An exchange in a process of its own that takes its time and counts what each key asks of it.

Arguments: database address, number of accounts, latency in milliseconds, seconds by which its time
differs from the machine's. It says its address, then runs until its standard input ends.
"""

import asyncio
import sys
from bisect import bisect_left
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import monotonic

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.exchange.app import ExchangeAccount, create_exchange
from broker.exchange.prices import SyntheticPrices
from broker.exchange.server import running_exchange
from config.clock import SystemClock
from store.pool import open_pool

SECRET = "secret"
MEASURED = "/measured"
_DATA = "/v2/stocks"
_MINUTE_SECONDS = 60.0
_POOL_SIZE = 16


class ShiftedClock(SystemClock):
    """The machine's clock in another week: it runs at the usual pace."""

    def __init__(self, shift: timedelta) -> None:
        self._shift = shift

    def now(self) -> datetime:
        return datetime.now(UTC) + self._shift


class Delayed:
    """Lets every request wait before it is served, and tells how many there were."""

    def __init__(self, app: ASGIApp, latency_seconds: float) -> None:
        self._app = app
        self._latency_seconds = latency_seconds
        self._asked: dict[tuple[str, bool], list[float]] = defaultdict(list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] == MEASURED:
            await JSONResponse(self._measured())(scope, receive, send)
        else:
            key_id = Headers(scope=scope).get("apca-api-key-id", "")
            self._asked[key_id, scope["path"].startswith(_DATA)].append(monotonic())
            await asyncio.sleep(self._latency_seconds)
            await self._app(scope, receive, send)

    def _measured(self) -> dict[str, int]:
        trading = [times for (_, is_data), times in self._asked.items() if not is_data]
        return {
            "requests": sum(len(times) for times in self._asked.values()),
            "most_in_a_minute": max((_most_in_a_minute(times) for times in trading), default=0),
        }


def _most_in_a_minute(times: list[float]) -> int:
    return max(bisect_left(times, at + _MINUTE_SECONDS) - first for first, at in enumerate(times))


def account_of(number: int) -> ExchangeAccount:
    """Return the account of the given number, from 1, as council and exchange agree on it."""
    return ExchangeAccount(f"SIM{number:04}", SECRET, f"PA{number:08}", Decimal(100_000))


async def main(dsn: str, accounts: int, latency_ms: float, *, shift: timedelta) -> None:
    pool = await open_pool(dsn, min_size=0, max_size=_POOL_SIZE, command_timeout_seconds=60)
    exchange = create_exchange(
        pool=pool,
        prices=SyntheticPrices(7),
        clock=ShiftedClock(shift),
        accounts=[account_of(number) for number in range(1, accounts + 1)],
        hours="always",
    )
    delayed = Delayed(exchange, latency_ms / 1000)
    async with running_exchange(delayed) as url:  # type: ignore[arg-type]  # any ASGI app will do
        print(url, flush=True)  # noqa: T201 - the other process reads it
        await asyncio.to_thread(sys.stdin.read)
    await pool.close()


if __name__ == "__main__":
    dsn, accounts, latency_ms, shift = sys.argv[1:]
    asyncio.run(main(dsn, int(accounts), float(latency_ms), shift=timedelta(seconds=float(shift))))
