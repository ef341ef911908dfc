"""What a simulation's database says of the simulation itself: its plan, how far it is, its result.

It stands beside the events, in a schema of its own, and is copied with them when they are set
aside. `is_playing` tells that a week was begun and not ended: such a database is not gone on with.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from council.simulate import SimulationPlan
from store.pool import connect

_CREATE = """
CREATE SCHEMA IF NOT EXISTS simulation;
CREATE TABLE IF NOT EXISTS simulation.record (
    is_only    boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    parameters jsonb NOT NULL,
    weeks_done integer NOT NULL DEFAULT 0,
    is_playing boolean NOT NULL DEFAULT false,
    seconds    double precision NOT NULL DEFAULT 0,
    result     jsonb
)
"""
_INSERT = "INSERT INTO simulation.record (parameters) VALUES ($1) ON CONFLICT DO NOTHING"
_SELECT = "SELECT parameters, weeks_done, is_playing, seconds, result FROM simulation.record"
_BEGIN = "UPDATE simulation.record SET is_playing = true"
_END = "UPDATE simulation.record SET is_playing = false, weeks_done = $1, seconds = $2"
_FINISH = "UPDATE simulation.record SET result = $1"


@dataclass(frozen=True, slots=True)
class SimulationRecord:
    """How far a simulation is; `seconds` were spent on the weeks that count as done."""

    parameters: Mapping[str, str]
    weeks_done: int
    is_playing: bool
    seconds: float
    result: Mapping[str, Any] | None


async def begin_record(dsn: str, plan: SimulationPlan) -> SimulationRecord:
    """Write down what a new database is for, and return that; what is written stands."""
    connection = await connect(dsn)
    try:
        await connection.execute(_CREATE)
        await connection.execute(_INSERT, plan.parameters)
        return SimulationRecord(**await connection.fetchrow(_SELECT))
    finally:
        await connection.close()


async def read_record(dsn: str) -> SimulationRecord | None:
    """Return what the database says of itself; None where it was made a moment before a kill."""
    connection = await connect(dsn)
    try:
        row = await connection.fetchrow(_SELECT)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return None
    finally:
        await connection.close()
    return SimulationRecord(**row) if row else None


async def week_begins(pool: asyncpg.Pool) -> None:
    """Write down that what follows is half a week until it is a whole one."""
    await pool.execute(_BEGIN)


async def week_ends(pool: asyncpg.Pool, weeks_done: int, seconds: float) -> None:
    """Write down how many weeks stand whole."""
    await pool.execute(_END, weeks_done, seconds)


async def keep_result(pool: asyncpg.Pool, result: str) -> None:
    """Write down the result, a JSON object: from here on nothing is left to play."""
    await pool.execute(_FINISH, json.loads(result))
