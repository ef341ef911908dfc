"""How fast one event is appended, beside a bare INSERT and beside a library for event stores."""

import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from tests.bench.contenders import Append, bare_insert, eventsourcing, new_events, our_store
from tests.bench.frame import Measurement, Options
from tests.bench.servers import migrated, own_server

ROUNDS, EVENTS = 60, 100
QUICK_ROUNDS, QUICK_EVENTS = 3, 10
LEAST_OF_INSERT = 0.5
LEAST_OF_LIBRARY = 1.0
_CONTENDERS = {"store": our_store, "insert": bare_insert, "eventsourcing": eventsourcing}
_WHAT = "append one event: durable, lock, version, chain, NOTIFY"


async def append(options: Options) -> Sequence[Measurement]:
    """Let the contenders append in turns and compare the medians of their rates."""
    rounds, events = (QUICK_ROUNDS, QUICK_EVENTS) if options.is_quick else (ROUNDS, EVENTS)
    async with own_server() as server, AsyncExitStack() as stack:
        contenders = {
            name: await stack.enter_async_context(make(await migrated(server, name)))
            for name, make in _CONTENDERS.items()
        }
        rates = await _in_turns(contenders, rounds, events)
    return (
        _row("insert", rates, "bare asyncpg INSERT of the same bytes", LEAST_OF_INSERT),
        _row("eventsourcing", rates, "eventsourcing with database functions", LEAST_OF_LIBRARY),
    )


async def _in_turns(
    contenders: Mapping[str, Append], rounds: int, events: int
) -> dict[str, list[float]]:
    """Return how many events a second each appended in each round; who begins changes."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders)
    for _ in range(rounds + 1):
        for name in order:
            given = new_events(events)
            began = time.perf_counter()
            await contenders[name](given)
            rates[name].append(events / (time.perf_counter() - began))
        order.append(order.pop(0))
    # The first round prepares statements and warms caches.
    return {name: found[1:] for name, found in rates.items()}


def _row(
    name: str, rates: Mapping[str, Sequence[float]], reference: str, bound: float
) -> Measurement:
    return Measurement(
        f"append/{name}",
        _WHAT,
        statistics.median(rates["store"]),
        "events/s",
        reference=reference,
        reference_value=statistics.median(rates[name]),
        sense=">=",
        bound=bound,
        note="one connection each, in turns, medians",
    )
