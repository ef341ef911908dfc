"""One watcher of the journal for all who listen: a look every moment, however many they are.

A look finds whom to wake by one query. Nobody is woken for nothing: only where the journal has
something newer than was told, or where an order is due to be advanced.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from broker.exchange.book import ACKNOWLEDGED_AFTER
from broker.models import OrderStatus
from config.clock import Clock

LOOK_EVERY_SECONDS = 0.05
"""Of real time: an update is told within a tenth of a second."""
_WAITING = [OrderStatus.PENDING_NEW.value, OrderStatus.ACCEPTED.value]
_UNCHANGING = [
    *(status.value for status in OrderStatus if status.is_terminal),
    OrderStatus.PENDING_CANCEL.value,
]
_STIRRED = """
SELECT place FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY
    AS heard (account_number, told, place)
WHERE EXISTS (
    SELECT FROM exchange.trade_updates AS news
    WHERE news.account_number = heard.account_number AND news.sequence > heard.told
) OR EXISTS (
    SELECT FROM exchange.orders AS due
    WHERE due.account_number = heard.account_number AND due.status <> ALL ($3)
      AND (due.next_test_at <= $4 OR due.expires_at <= $4
           OR (due.status = ANY ($5) AND due.live_at + $6 <= $4))
)
"""


@dataclass(frozen=True, slots=True, eq=False)
class _Listener:
    """Somebody who waits for what comes after the update `told`."""

    account_number: str
    told: int
    woken: asyncio.Future[None]


class JournalWatch:
    """Looks at the journal in real time, and only while somebody waits."""

    def __init__(self, pool: Any, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._listeners: list[_Listener] = []
        self._looking: asyncio.Task[None] | None = None

    async def stirred(self, account_number: str, told: int) -> None:
        """Return when the account may have updates after `told`, but not before the next look."""
        woken = asyncio.get_running_loop().create_future()
        listener = _Listener(account_number, told, woken)
        self._listeners.append(listener)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(self._ended)
        try:
            await woken
        finally:
            self._listeners.remove(listener)
            if not self._listeners and self._looking:
                self._looking.cancel()
                self._looking = None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            listeners = tuple(self._listeners)
            for place in await self._stirred(listeners):
                woken = listeners[place - 1].woken
                if not woken.done():
                    woken.set_result(None)

    def _ended(self, looking: "asyncio.Task[None]") -> None:
        """Let a failed look be the failure of all who waited for it."""
        error = None if looking.cancelled() else looking.exception()
        if error is None:
            return
        self._looking = None
        for listener in self._listeners:
            if not listener.woken.done():
                listener.woken.set_exception(error)

    async def _stirred(self, listeners: tuple[_Listener, ...]) -> tuple[int, ...]:
        rows = await self._pool.fetch(
            _STIRRED,
            [listener.account_number for listener in listeners],
            [listener.told for listener in listeners],
            _UNCHANGING,
            self._clock.now(),
            _WAITING,
            ACKNOWLEDGED_AFTER,
        )
        return tuple(row["place"] for row in rows)
