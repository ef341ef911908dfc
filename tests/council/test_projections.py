import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest

from config.ids import meaning_id
from council import projections
from council.alert_facts import ALERT_FACTS
from council.ask_facts import ASK_FACTS
from council.codec import to_event
from council.events import (
    FACTS,
    AnsweringModeFound,
    CheckpointAbstained,
    ModelCalled,
    NoTicket,
    ReviewAbstained,
)
from council.fact import Fact
from council.measure_facts import MEASURE_FACTS
from council.projections import READ_TABLES, ROWLESS, project
from council.research_facts import (
    ResearchAbandoned,
    ResearchIntended,
    ResearchReported,
    ResearchSubmitted,
)
from council.result_facts import PricesMarked
from council.run_facts import RUN_FACTS
from council.slot_facts import SLOT_FACTS
from council.trade_facts import (
    AccountObserved,
    ApprovalVoided,
    CancelRequested,
    DriftAccepted,
    DriftDetected,
    ExecutionStarted,
    SubmitAttempted,
    SubmitUnknown,
    TradeApproved,
    TradeCompleted,
    TradeProposed,
    TradingHalted,
    TradingResumed,
)
from council.upkeep_facts import UPKEEP_FACTS
from store.event_store import PostgresEventStore
from store.memory import MemoryEventStore
from store.migrate import MIGRATIONS, read_table_names
from store.pool import open_pool
from store.ports import EventStore
from store.projector import rebuild
from store.row_batches import RowBatch, TextRows
from store.row_writing import RowWriter
from tests.builders import NOW, WEEK_ID, make_ticket
from tests.council.fact_examples import TRADE_ID, every_fact, trading_facts

SILENT = {
    AnsweringModeFound,
    CancelRequested,
    CheckpointAbstained,
    DriftDetected,
    ExecutionStarted,
    ModelCalled,
    NoTicket,
    ResearchAbandoned,
    ResearchIntended,
    ResearchReported,
    ResearchSubmitted,
    ReviewAbstained,
    PricesMarked,
    SubmitAttempted,
    SubmitUnknown,
    TradingHalted,
    TradingResumed,
    *ALERT_FACTS,
    *SLOT_FACTS,
    *UPKEEP_FACTS,
    *ASK_FACTS,
    *RUN_FACTS,
    *MEASURE_FACTS,
}
"""Facts that stand in the log only."""


async def stored(store: EventStore, facts: Iterable[Fact]) -> None:
    for fact in facts:
        await store.append(fact.stream, [to_event(fact, at=NOW)])


async def trade_after(*facts: Fact, trade_id: UUID = TRADE_ID) -> dict[str, Any]:
    store = MemoryEventStore(project)
    await stored(store, facts)
    rows = await store.rows("trades", where={"trade_id": trade_id})
    return rows[0]


def example(kind: type[Fact]) -> Fact:
    return next(fact for fact in every_fact() if type(fact) is kind)


def columns_in_sql(table: str) -> set[str]:
    sql = "\n".join(path.read_text() for path in sorted(MIGRATIONS.glob("*.sql")))
    body = re.search(rf"CREATE TABLE {table} \((.*?)\n\);", sql, re.DOTALL)
    assert body is not None
    return set(re.findall(r"^    ([a-z_]+) ", body[1], re.MULTILINE))


def test_every_fact_leaves_rows_or_is_known_to_leave_none() -> None:
    assert set(projections._ROWS) | SILENT == set(FACTS)
    assert not set(projections._ROWS) & SILENT


def test_the_read_tables_are_those_of_the_migration() -> None:
    assert set(READ_TABLES) == set(read_table_names())


async def test_every_column_stands_in_the_migration() -> None:
    store = MemoryEventStore(project)
    await stored(store, every_fact())

    for event in store._log:
        for change in project(event):
            assert {*change.key, *change.values} <= columns_in_sql(change.table)


async def test_every_read_table_gets_a_row_from_some_fact() -> None:
    store = MemoryEventStore(project)

    await stored(store, every_fact())

    for table in READ_TABLES:
        assert await store.rows(table), table


STATUS_AFTER = (
    ("TradeProposed", "pending"),
    ("TradeApproved", "approved"),
    ("TradeRejected", "rejected"),
    ("TradeExpired", "expired"),
    ("ApprovalVoided", "expired"),
    ("ApprovalRevoked", "pending"),
    ("OrderAccepted", "executed"),
    ("TradeCompleted", "open"),
    ("TradeIncomplete", "failed"),
)


@pytest.mark.parametrize(("kind", "status"), STATUS_AFTER)
async def test_the_status_of_a_trade_follows_its_last_fact(kind: str, status: str) -> None:
    last = next(fact for fact in every_fact() if type(fact).__name__ == kind)

    row = await trade_after(example(TradeProposed), last)

    assert row["status"] == status


async def test_a_trade_without_a_position_is_closed_when_it_completes() -> None:
    done = TradeCompleted(week_id=WEEK_ID, account="ALPHA", trade_id=TRADE_ID, position_quantity=0)

    row = await trade_after(example(TradeProposed), done)

    assert row["status"] == "closed"


async def test_a_new_round_forgets_the_voided_approval() -> None:
    again = TradeProposed(
        week_id=WEEK_ID,
        account="ALPHA",
        trade_id=TRADE_ID,
        model="vendor/m",
        source_id=None,
        ticket=make_ticket("ALPHA", target_quantity=400),
        round=2,
    )

    row = await trade_after(
        example(TradeProposed), example(TradeApproved), example(ApprovalVoided), again
    )

    assert row["status"] == "pending"
    assert row["approver"] is None
    assert row["approval_timestamp"] is None
    assert row["rejection_reason"] is None
    assert row["ticket"]["target_quantity"] == 400


@pytest.mark.parametrize(("left", "status"), [(0, "closed"), (250, "updated")])
async def test_the_trade_of_a_checkpoint_changes_the_weeks_trade_when_it_completes(
    left: int, status: str
) -> None:
    exit_id = meaning_id("trade", WEEK_ID, "ALPHA", "checkpoint")
    proposed = TradeProposed(
        week_id=WEEK_ID,
        account="ALPHA",
        trade_id=exit_id,
        model="vendor/m",
        source_id=meaning_id("checkpoint"),
        ticket=make_ticket("ALPHA", trade_id=exit_id, target_quantity=left),
    )
    done = TradeCompleted(
        week_id=WEEK_ID, account="ALPHA", trade_id=exit_id, position_quantity=left
    )
    opened = (example(TradeProposed), example(TradeCompleted))

    assert (await trade_after(*opened, proposed))["status"] == "open"
    assert (await trade_after(*opened, proposed, done))["status"] == status


async def test_positions_follow_the_fills() -> None:
    store = MemoryEventStore(project)

    await stored(store, (*trading_facts(), example(AccountObserved)))

    rows = await store.rows("positions", order_by=["symbol"])
    held = {row["symbol"]: row["quantity"] for row in rows if row["account_id"] == "ALPHA"}
    assert held == {"GLD": 12, "SPY": 500, "TLT": -30}


async def test_an_accepted_drift_is_the_position() -> None:
    store = MemoryEventStore(project)

    await stored(store, (*trading_facts(), example(DriftDetected), example(DriftAccepted)))

    (row,) = await store.rows("positions")
    assert row["quantity"] == 480


async def test_folding_the_log_again_gives_the_same_rows() -> None:
    first, again = MemoryEventStore(project), MemoryEventStore(project)
    await stored(first, every_fact())

    again._tables = again._folded([event async for event in first.read_all()])

    assert again._tables == first._tables


async def test_a_real_database_takes_every_row_and_rebuilds_the_same(database_dsn: str) -> None:
    pool = await open_pool(database_dsn, min_size=1, max_size=2, command_timeout_seconds=10)
    store = PostgresEventStore(pool, project)
    await stored(store, every_fact())
    before = {table: await _rows(store, table) for table in READ_TABLES}

    events = await rebuild(pool, project, READ_TABLES, rowless=ROWLESS)

    assert events == len(every_fact())
    assert {table: await _rows(store, table) for table in READ_TABLES} == before
    assert all(before.values())
    await pool.close()


async def test_whatever_is_a_whole_row_is_copied_as_text(database_dsn: str) -> None:
    memory = MemoryEventStore(project)
    await stored(memory, every_fact())
    pool = await open_pool(database_dsn, min_size=1, max_size=1, command_timeout_seconds=10)
    async with pool, pool.acquire() as connection:
        tables = await RowWriter(connection, READ_TABLES).tables()
    batch = RowBatch()

    for event in memory._log:
        batch.add(project(event))
    leavings = list(batch.leavings(tables))

    assert {each.shape.table for each in leavings} == set(READ_TABLES)
    assert [each for each in leavings if not isinstance(each, TextRows)] == []


async def _rows(store: EventStore, table: str) -> list[str]:
    return sorted(repr(row) for row in await store.rows(table))
