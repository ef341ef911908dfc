"""The verdict on a run that has come to rest: I1 to I8, by the venue's orders and the log."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from broker.alpaca.wire import order_from
from broker.models import Order
from council.ports import Deps, Desk
from council.projections import READ_TABLES, project
from council.trading.checks import whole_positions
from council.trading.executor import execute_once
from store.event_store import PostgresEventStore
from store.pool import StorePool
from store.projector import rebuild, verify
from tests.council.trading.invariants import AccountRecord, told_in, violations
from tests.system.faults.scenario import Scenario

SETTLED_AFTER: Final = timedelta(minutes=1)
"""Late requests are in by then, and what they ordered has filled."""


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a run, and how its trades ended."""

    violations: tuple[str, ...]
    endings: Counter[str]


async def verdict_on(scenario: Scenario, deps: Deps) -> Verdict:
    """Judge a run whose executors are gone."""
    await deps.clock.sleep(SETTLED_AFTER)
    found: list[str] = []
    endings: Counter[str] = Counter()
    for account in scenario.scripts:
        record = await _record_of(account, scenario, deps)
        found += violations(record)
        endings.update(type(told[-1].fact).__name__ for told in record.trades.values())
    found += await writes_nothing_more(deps)
    found += await reads_the_same_again(deps)
    return Verdict(tuple(found), endings)


async def _record_of(account: str, scenario: Scenario, deps: Deps) -> AccountRecord:
    desk = deps.desks[account]
    trades = [step.trade_id for step in scenario.scripts[account]]
    told = {trade_id: await told_in(deps, f"trade-{trade_id}") for trade_id in trades}
    return AccountRecord(
        account=account,
        orders=await _all_orders(desk),
        positions=whole_positions(await desk.venue.positions()),
        told=await told_in(deps, f"account-{account}"),
        trades={trade_id: facts for trade_id, facts in told.items() if facts},
    )


async def _all_orders(desk: Desk) -> tuple[Order, ...]:
    """Ask the exchange for every order that it ever took, past the venue's own filters."""
    worker: Any = desk.venue._worker  # type: ignore[attr-defined]  # the desk sits at an AlpacaVenue
    query = {"status": "all", "limit": 500, "direction": "asc"}
    rows = await worker.call(lambda client: client.get("/orders", query))
    return tuple(order_from(row) for row in rows)


async def writes_nothing_more(deps: Deps) -> list[str]:
    """I7: two more turns of all accounts add no event."""
    before = await _head(deps)
    await execute_once(deps)
    await execute_once(deps)
    after = await _head(deps)
    return [f"I7: two turns at rest wrote {after - before} events"] if after != before else []


async def reads_the_same_again(deps: Deps) -> list[str]:
    """I8: the read tables built from zero are those built step by step, and the chain is whole."""
    pool = _pool(deps)
    before = {table: await _rows(pool, table) for table in READ_TABLES}
    await rebuild(pool, project, READ_TABLES)
    after = {table: await _rows(pool, table) for table in READ_TABLES}
    chain = await verify(pool)
    changed = [table for table in READ_TABLES if before[table] != after[table]]
    return [
        *(f"I8: rebuilding changed {table}" for table in changed),
        *([] if chain.is_intact else [f"I8: event {chain.first_bad_position} {chain.reason}"]),
    ]


async def _head(deps: Deps) -> int:
    return int(await _pool(deps).fetchval("SELECT coalesce(max(position), 0) FROM events"))


async def _rows(pool: StorePool, table: str) -> list[str]:
    # Only the program's own tables are named here.
    rows = await pool.fetch(f"SELECT row_to_json(t)::text AS row FROM {table} AS t")  # noqa: S608
    return sorted(row["row"] for row in rows)


def _pool(deps: Deps) -> StorePool:
    store = deps.store
    assert isinstance(store, PostgresEventStore)
    return store._pool
