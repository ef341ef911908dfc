"""What simulations there are, by their databases and folders, and how to be rid of one."""

import asyncio
import shutil
from contextlib import aclosing
from pathlib import Path

from config.errors import ConfigError, UsageError
from config.settings import Settings
from mcp_server.simulating import SimulationBusy
from mcp_server.simulation_files import folder_of
from mcp_server.simulation_record import read_record
from mcp_server.simulation_run import copy_of, database_of
from mcp_server.simulation_shapes import KeptSimulationShape, KeptSimulationsShape
from mcp_server.wiring import opened_database
from store.addresses import with_database
from store.copies import database_names, drop_databases
from store.locks import PostgresLocks


async def kept_simulations(settings: Settings) -> KeptSimulationsShape:
    """Return all simulations that have a database or a folder here."""
    folder = folder_of(settings.council_home, "")
    files = {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}
    async with opened_database(settings) as dsn:
        databases = await database_names(dsn, database_of(""))
        names = {name.removeprefix(database_of("")) for name in databases if "$" not in name}
        found = [await _kept(name, dsn, files) for name in sorted(names)]
    alone = [_files_of(name, path) for name, path in sorted(files.items()) if name not in names]
    return KeptSimulationsShape(simulations=(*found, *alone))


async def drop_simulation(name: str, settings: Settings) -> None:
    """Drop the database, the copy on the way and the folder of the simulation `name`.

    Raises:
        UsageError: there is none of that name.
        SimulationBusy: it is being played.
        ConfigError: its files cannot be removed.
    """
    known = {one.name for one in (await kept_simulations(settings)).simulations}
    if name not in known:
        raise UsageError(f'There is no simulation "{name}": `council simulate --list` shows all.')
    async with (
        opened_database(settings) as dsn,
        aclosing(PostgresLocks(dsn)) as locks,
        locks.exclusive(f"simulate-{name}") as free,
    ):
        if not free:
            raise SimulationBusy(f"Another process plays the simulation {name}: stop it first.")
        await drop_databases(dsn, database_of(name), copy_of(name))
        await asyncio.to_thread(_removed, folder_of(settings.council_home, name))


async def _kept(name: str, dsn: str, files: dict[str, Path]) -> KeptSimulationShape:
    record = await read_record(with_database(dsn, database_of(name)))
    return KeptSimulationShape(
        name=name,
        weeks_done=record.weeks_done if record else None,
        weeks=int(record.parameters["weeks"]) if record else None,
        is_finished=record is not None and record.result is not None,
        files=str(files[name]) if name in files else None,
    )


def _files_of(name: str, path: Path) -> KeptSimulationShape:
    finished = any((path / name).exists() for name in ("result.json", "sweep.json"))
    return KeptSimulationShape(
        name=name, weeks_done=None, weeks=None, is_finished=finished, files=str(path)
    )


def _removed(folder: Path) -> None:
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be removed: {error.strerror}.") from error
