"""PostgreSQL dies every few seconds: nothing acknowledged is lost and no order is doubled."""

from datetime import date

import pytest

from tests.system.database_chaos import SEED, chaos
from tests.system.killed_server import Killer, killed_server

WEDNESDAYS = [
    date(2026, 3, 4),  # New York sets its clocks forward inside
    date(2026, 7, 1),  # Independence Day
    date(2026, 10, 28),  # clocks back
    date(2026, 11, 25),  # Thanksgiving and the half day after it
    date(2026, 12, 30),  # ISO week 53, and New Year
]
KILLS = 15


@pytest.mark.slow
async def test_weeks_on_a_dying_database_lose_nothing_and_order_nothing_twice() -> None:
    with killed_server() as server:
        killer = Killer(server, seed=SEED, pause_seconds=(1.0, 3.0), most_kills=KILLS)
        counts = await chaos(WEDNESDAYS, server, killer)

    assert counts["weeks"] == len(WEDNESDAYS)
    assert counts["kills"] >= KILLS // 2
    assert counts["completed trades"] >= len(WEDNESDAYS)
    assert counts["orders"] >= counts["completed trades"]
