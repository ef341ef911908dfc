"""What must hold after the database died again and again: nothing lost, doubled or told apart."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import asyncpg

from config.loader import load_config
from council.codec import to_fact
from council.fact import Fact
from council.projections import READ_TABLES, project
from council.trade_facts import LegClosed, LegIntended, TradeCompleted
from store.event_store import PostgresEventStore
from store.events import StoredEvent
from store.pool import StorePool, open_pool
from store.projector import rebuild, verify

F = TypeVar("F", bound=Fact)


async def checked(dsn: str, acknowledged: Mapping[int, StoredEvent]) -> dict[str, int]:
    """Assert all of it on the database at `dsn`; what was counted.

    `acknowledged` holds, by position, every event that a writer was told to be stored.
    """
    pool = await open_pool(dsn, min_size=1, max_size=2, command_timeout_seconds=60)
    try:
        return await _checked(pool, acknowledged)
    finally:
        await pool.close()


async def _checked(pool: StorePool, acknowledged: Mapping[int, StoredEvent]) -> dict[str, int]:
    store = PostgresEventStore(pool, project)
    events = [event async for event in store.read_all()]
    facts = [to_fact(event) for event in events]
    orders = await pool.fetch("SELECT * FROM exchange.orders")

    _assert_nothing_is_lost(events, acknowledged)
    report = await verify(pool)
    assert report.is_intact, f"the chain breaks at {report.first_bad_position}: {report.reason}"
    assert report.events == len(events)
    _assert_no_order_is_double(_of(facts, LegIntended), orders)
    _assert_recorded_is_what_filled(_of(facts, LegClosed), orders)
    await _assert_positions_are_the_books(pool, _of(facts, LegClosed))
    await _assert_a_rebuild_changes_nothing(pool, store)
    kinds = Counter(event.event_type for event in events)
    surprises = {kind: kinds[kind] for kind in ("DriftDetected", "TradingHalted") if kinds[kind]}
    assert not surprises, f"the dying database looked like a stranger's trade: {surprises}"
    return {
        "acknowledged events": len(acknowledged),
        "events": len(events),
        "completed trades": kinds[TradeCompleted.__name__],
        "orders": len(orders),
        "unknown replies": kinds["SubmitUnknown"],
    }


def _of(facts: Sequence[object], kind: type[F]) -> list[F]:
    return [fact for fact in facts if isinstance(fact, kind)]


def _assert_nothing_is_lost(
    events: Sequence[StoredEvent], acknowledged: Mapping[int, StoredEvent]
) -> None:
    stored = {event.position: event for event in events}
    lost = [position for position, event in acknowledged.items() if stored.get(position) != event]
    assert not lost, f"acknowledged, but not in the log as told: {sorted(lost)}"
    assert len({event.event_id for event in events}) == len(events)


def _assert_no_order_is_double(
    intents: Sequence[LegIntended], orders: Sequence[Mapping[str, Any]]
) -> None:
    """I1 and I2: each order at the venue is the only one of an intent."""
    by_id = {intent.client_order_id: intent for intent in intents}
    lines = Counter((intent.trade_id, intent.leg, intent.attempt) for intent in intents)
    sent = Counter(order["client_order_id"] for order in orders)
    assert max(lines.values(), default=0) <= 1
    assert max(sent.values(), default=0) <= 1
    assert set(sent) <= set(by_id)
    for order in orders:
        intent = by_id[order["client_order_id"]]
        asked = (intent.symbol, intent.side.value, Decimal(intent.quantity))
        assert (order["symbol"], order["side"], order["quantity"]) == asked


def _assert_recorded_is_what_filled(
    closes: Sequence[LegClosed], orders: Sequence[Mapping[str, Any]]
) -> None:
    """I5: what the log says of an order is what the venue says of it."""
    recorded = {close.client_order_id: Decimal(close.filled_quantity) for close in closes}
    filled = {order["client_order_id"]: order["filled_quantity"] for order in orders}
    assert {key: recorded.get(key) for key in filled} == filled
    assert not any(count for key, count in recorded.items() if key not in filled)


async def _assert_positions_are_the_books(pool: StorePool, closes: Sequence[LegClosed]) -> None:
    """I3: what an account holds at the venue is what its last leg left."""
    numbers = {a.account_number: a.nickname for a in load_config().accounts}
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for fill in await pool.fetch("SELECT * FROM exchange.fills"):
        sign = 1 if fill["side"] == "buy" else -1
        held[numbers[fill["account_number"]], fill["symbol"]] += sign * fill["quantity"]
    left = {(close.account, close.symbol): Decimal(close.position_quantity) for close in closes}
    assert {key: value for key, value in left.items() if value} == {
        key: value for key, value in held.items() if value
    }


async def _assert_a_rebuild_changes_nothing(pool: StorePool, store: PostgresEventStore) -> None:
    """I8: the rows that were folded event by event are those of one fold from the beginning."""
    before = [await _rows(pool, table) for table in READ_TABLES]
    await rebuild(pool, project, READ_TABLES)
    for table, rows in zip(READ_TABLES, before, strict=True):
        assert await _rows(pool, table) == rows, f"{table} differs from its rebuild"


async def _rows(pool: asyncpg.Pool, table: str) -> list[str]:
    found = await pool.fetch(f"SELECT * FROM {table}")  # noqa: S608 - a name of our own
    return sorted(repr(dict(row)) for row in found)
