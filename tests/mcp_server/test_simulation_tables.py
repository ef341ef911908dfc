"""The tables of a simulation hold what the record holds, in its order."""

import json
from pathlib import Path
from typing import Any

from pyarrow import parquet

from council.week_results import read_results
from mcp_server.simulation_tables import FILES, keep_tables
from mcp_server.wiring import opened_store
from tests.mcp_server.conftest import settings_for


async def test_the_tables_hold_the_record_and_what_follows_from_it(
    week_dsn: str, tmp_path: Path
) -> None:
    async with opened_store(settings_for(week_dsn, tmp_path)) as app:
        await keep_tables(tmp_path / "sim", app.deps, await read_results(app.deps))
        events = [event async for event in app.deps.store.read_all()]
        trades = await app.deps.store.rows("trades")

    facts = read(tmp_path / "sim" / "facts.parquet")
    assert [fact["position"] for fact in facts] == [event.position for event in events]
    assert [json.loads(fact["payload"]) for fact in facts] == [event.payload for event in events]
    assert [fact["event_id"] for fact in facts] == [str(event.event_id) for event in events]
    kept = {row["trade_id"]: row for row in read(tmp_path / "sim" / "trades.parquet")}
    assert set(kept) == {str(row["trade_id"]) for row in trades}
    for row in trades:
        same = kept[str(row["trade_id"])]
        assert same["conviction"] == float(row["conviction"])
        assert same["proposed_at"] == row["proposed_at"]
        assert json.loads(same["ticket"]) == row["ticket"]
    assert sorted(path.name for path in (tmp_path / "sim").iterdir()) == sorted(FILES)


def read(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return rows
