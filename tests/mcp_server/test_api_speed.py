"""Ten thousand trades are stored: how long the server takes for each reading and for each page."""

import os
import statistics
import time
from pathlib import Path

import httpx2
import pytest

from mcp_server.host import Host
from tests.mcp_server.api import READS
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.many_trades import TRADES_A_WEEK, WEEKS, store_many_trades
from tests.mcp_server.web import browser, nothing, running

MOST_MILLISECONDS = 100
TIMES = 11
PAGES = ("/approvals", "/weeks", "/leaderboard", "/costs", "/events", "/status")
FIGURES = "TEST_FIGURES"
"""Names a file for the figures, for whoever wants to see them."""


@pytest.mark.slow
async def test_with_ten_thousand_trades_everything_is_shown_within_a_tenth_of_a_second(
    open_app: OpenApp, tmp_path: Path
) -> None:
    host = Host(open_app, nothing)
    async with running(tmp_path, host=host) as transport, browser(transport) as its:
        app = await host.app()
        trade_ids = await store_many_trades(app)
        statuses = await app.deps.store.count_rows_by("trades", ("status",))
        assert sum(statuses.values()) == WEEKS * TRADES_A_WEEK + len(trade_ids)
        assert statuses["pending",] == len(trade_ids)
        week_id = (await its.get("/api/weeks?limit=2")).json()["weeks"][-1]["week_id"]
        paths = (
            *READS,
            "/api/trades?status=open&limit=100",
            f"/api/trades/{trade_ids[0]}",
            f"/api/weeks/{week_id}",
            *PAGES,
            f"/approvals/{trade_ids[0]}",
            f"/weeks/{week_id}",
        )
        figures = {path: await milliseconds(its, path) for path in paths}

    lines = [f"{median:8.1f} {first:8.1f}  {path}" for path, (median, first) in figures.items()]
    report = noted("\n".join(["  median    first  (milliseconds)", *lines, ""]))
    assert not [path for path, (median, _) in figures.items() if median > MOST_MILLISECONDS], report


def noted(report: str) -> str:
    """Write the report where it is asked for; returns it."""
    if FIGURES in os.environ:
        Path(os.environ[FIGURES]).write_text(report)
    return report


async def milliseconds(its: httpx2.AsyncClient, path: str) -> tuple[float, float]:
    """Return how long an answer takes at the median, and how long the first one took."""
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        answer = await its.get(path)
        taken.append(1_000 * (time.perf_counter() - began))
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
    return statistics.median(taken), taken[0]
