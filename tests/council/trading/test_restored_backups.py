"""A backup restored to an older point (row D8): what the venue has, and the record lost, halts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.ids import random_id
from council.projections import READ_TABLES, project
from council.trade_facts import DriftDetected, TradingHalted
from council.trading.executor import execute_once
from store.backups import back_up, restore
from store.copies import drop_databases
from store.event_store import PostgresEventStore
from store.pool import open_pool
from tests.conftest import run_apart
from tests.council.trading.scenes import ACCOUNT, approved, facts_of, venue_of
from tests.fakes import make_deps

AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


@pytest.fixture
def restored_name(cluster_dsn: str) -> Iterator[str]:
    name = f"restored_{random_id().hex}"
    yield name
    run_apart(lambda: drop_databases(cluster_dsn, name))


async def test_an_order_that_the_restored_record_does_not_know_halts_its_account(
    database_dsn: str, restored_name: str, tmp_path: Path
) -> None:
    pool = await open_pool(database_dsn, min_size=1, max_size=4, command_timeout_seconds=10)
    async with pool:
        deps = make_deps(store=PostgresEventStore(pool, project))
        await execute_once(deps, [ACCOUNT])
        await deps.clock.sleep(timedelta(minutes=1))
        await approved(deps)
        file = tmp_path / "before the order.tar"
        await back_up(database_dsn, file, program="0.1.0", at=AT)
        await execute_once(deps, [ACCOUNT])
    sent = list(venue_of(deps).orders)

    restored = await restore(file, database_dsn, restored_name, project=project, tables=READ_TABLES)
    pool = await open_pool(restored.dsn, min_size=1, max_size=4, command_timeout_seconds=10)
    async with pool:
        # Another process: it remembers nothing of what this one folded.
        older = make_deps(
            store=PostgresEventStore(pool, project), desks=deps.desks, clock=deps.clock
        )
        (report,) = await execute_once(older, [ACCOUNT])
        facts = await facts_of(older, f"account-{ACCOUNT}")

    (halt,) = [fact for fact in facts if isinstance(fact, TradingHalted)]
    assert "does not know" in halt.reason
    assert report.outcome == "blocked"
    assert any(isinstance(fact, DriftDetected) for fact in facts)
    assert list(venue_of(deps).orders) == sent
    assert len(sent) == 1
