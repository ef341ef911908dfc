"""`council simulate`: many weeks on a virtual clock, in a database that is kept and gone on with.

The same stages, executor and exchange as in a real week, all on the simulated exchange; only the
clock is set forward, and the owner is a script whose verdicts are recorded as the simulation's own.
A run that was killed goes on from a copy of the database as it stood after a whole week, so that it
ends with the very facts of a run that was not.
"""

from contextlib import aclosing
from dataclasses import dataclass

from config.errors import CredentialsError, RefusedError
from config.loader import load_config
from config.settings import Settings
from council.simulate import SimulationPlan, check_plan, hash_of
from mcp_server.collecting import collecting_after
from mcp_server.simulation_prices import simulated_prices
from mcp_server.simulation_record import SimulationRecord, begin_record, read_record
from mcp_server.simulation_run import (
    YOUNG_OBJECTS,
    SimulationRun,
    Tell,
    WeekDone,
    copy_of,
    database_of,
)
from mcp_server.simulation_shapes import SimulationShape
from mcp_server.wiring import opened_database
from store.addresses import with_database
from store.copies import database_exists, drop_databases, put_back, without_waiting
from store.databases import recreate_database
from store.locks import PostgresLocks

__all__ = [
    "SimulationBusy",
    "SimulationDone",
    "SimulationPlan",
    "SimulationsDiffer",
    "WeekDone",
    "database_of",
    "simulate",
    "simulated_settings",
]


class SimulationBusy(RefusedError):
    """Another process plays the simulation of this name."""


class SimulationsDiffer(RefusedError):
    """There is a simulation of this name with other parameters, or the configuration changed."""


@dataclass(frozen=True, slots=True)
class SimulationDone:
    """What came of it; `was_done` where nothing was left to play."""

    plan: SimulationPlan
    summary: SimulationShape
    was_done: bool


async def simulate(plan: SimulationPlan, settings: Settings, *, tell: Tell) -> SimulationDone:
    """Play what is not yet played of the plan and return what came of all of it.

    Raises:
        SimulationBusy: another process plays the same simulation.
        SimulationsDiffer: the name belongs to another plan.
        UsageError: the prices do not reach all weeks.
        CouncilError: of a part that cannot be opened, or of a week.
    """
    check_plan(plan)
    own = simulated_settings(settings, plan)
    config = load_config(own.council_config)
    if hash_of(config) != plan.config_hash:
        raise SimulationsDiffer("The configuration has changed since this simulation was planned.")
    async with (
        opened_database(own) as dsn,
        aclosing(PostgresLocks(dsn)) as locks,
        locks.exclusive(f"simulate-{plan.name}") as free,
    ):
        if not free:
            raise SimulationBusy(f"Another process plays the simulation {plan.name}: wait for it.")
        record = await _opened_record(plan, dsn)
        if record.result is not None:
            summary = SimulationShape.model_validate(record.result)
            return SimulationDone(plan, summary, was_done=True)
        prices, notices = await simulated_prices(plan, settings, config)
        run = SimulationRun(plan, own, dsn, config, tell=tell, prices=prices, notices=notices)
        with collecting_after(YOUNG_OBJECTS):
            summary = await run.play(record)
        await drop_databases(dsn, copy_of(plan.name))
        return SimulationDone(plan, summary, was_done=False)


def simulated_settings(settings: Settings, plan: SimulationPlan) -> Settings:
    """Return the settings that a simulation is played with: nothing of them reaches a real account.

    Research services know what came of the weeks, so they are left out of live ones too.
    """
    forgotten: dict[str, object] = {
        "perplexity_api_key": None,
        "gemini_api_key": None,
        "alpaca_key_ids": (),
        "alpaca_secret_keys": (),
        "council_alert_urls": None,
        "council_exchange_hours": "xnys",
    }
    if not plan.live:
        forgotten |= {"requesty_api_key": None, "council_mode": "rehearsal"}
    elif settings.is_rehearsal:
        raise CredentialsError(
            "Live models were asked for, and there are none: set REQUESTY_API_KEY and leave "
            "COUNCIL_MODE out, or simulate with the rehearsal models."
        )
    return settings.model_copy(update=forgotten)


async def _opened_record(plan: SimulationPlan, dsn: str) -> SimulationRecord:
    """Return the record of a database that stands at the end of a whole week, or before all."""
    name = database_of(plan.name)
    address = with_database(dsn, name)
    record = await read_record(address) if await database_exists(dsn, name) else None
    _check_same(plan, record)
    if record is None or record.is_playing:
        if not await put_back(dsn, name, copy=copy_of(plan.name)):
            await recreate_database(dsn, name)
        await without_waiting(dsn, name)
        record = await begin_record(address, plan)
        _check_same(plan, record)
    return record


def _check_same(plan: SimulationPlan, record: SimulationRecord | None) -> None:
    if record is None:
        return
    theirs = dict(record.parameters)
    other = [name for name, value in plan.parameters.items() if theirs.get(name) != value]
    if other:
        differences = ", ".join(
            f"{name} {theirs.get(name, 'unknown')}, now {plan.parameters[name]}" for name in other
        )
        raise SimulationsDiffer(
            f"The simulation {plan.name} was begun with other parameters ({differences}): give "
            "this one another --name."
        )
