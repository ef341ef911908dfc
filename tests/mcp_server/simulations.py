"""Simulations for tests: played in this process, or in one that is killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import date
from typing import Any

import asyncpg

from config.loader import load_config
from config.settings import Settings
from council.simulate import SimulationPlan, hash_of
from mcp_server.simulating import SimulationDone, database_of, simulate
from mcp_server.simulation_run import WeekDone
from store.addresses import with_database

FIRST_WEEK = date(2022, 2, 2)
"""With the synthetic prices of seed 7 an account loses too much on the Thursday of the next one."""

_EVENTS = "SELECT * FROM events ORDER BY position"


def make_plan(name: str, **changes: Any) -> SimulationPlan:
    """Return a plan of one week on the configuration in force."""
    fields = {"first_week": FIRST_WEEK, "weeks": 1, "config_hash": hash_of(load_config())}
    return SimulationPlan(**{"name": name, **fields, **changes})


def hear_nothing(_told: WeekDone) -> None:
    """Drop the news."""


async def played(plan: SimulationPlan, settings: Settings) -> SimulationDone:
    """Play all that is left of the plan."""
    return await simulate(plan, settings, tell=hear_nothing)


async def fetched(name: str, settings: Settings, query: str = _EVENTS) -> list[dict[str, Any]]:
    """Return rows of the database of the simulation `name`, without what differs by its nature."""
    dsn = settings.database_dsn
    assert dsn is not None
    connection = await asyncpg.connect(with_database(dsn, database_of(name)))
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def play_and_die(plan: SimulationPlan, *, appends: int) -> int:
    """Play in a process of its own that is killed before one of its `appends`; its exit code."""
    program = f"import {__name__} as own; own.die({plan!r}, {appends})"
    program = f"from decimal import Decimal; import datetime; {program}".replace(
        "SimulationPlan(", "own.SimulationPlan("
    )
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    return await child.wait()


def die(plan: SimulationPlan, appends: int) -> None:
    """Play until the log was appended to so often, then die without a word."""
    from config.settings import load_settings
    from store.event_store import PostgresEventStore

    store: Any = PostgresEventStore
    store.append_many = _counted(store.append_many, appends)
    asyncio.run(played(plan, load_settings()))


def _counted(append_many: Callable[..., Any], most: int) -> Callable[..., Any]:
    left = most

    async def counted(*arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return await append_many(*arguments)

    return counted
