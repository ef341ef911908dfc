from collections.abc import Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

import pytest

from config.errors import UsageError
from config.ids import random_id
from config.settings import Settings
from mcp_server import cli
from mcp_server.simulating import SimulationBusy, database_of
from mcp_server.simulation_files import folder_of
from mcp_server.simulation_record import begin_record
from mcp_server.simulation_run import copy_of
from mcp_server.simulations_kept import drop_simulation, kept_simulations
from store.addresses import with_database
from store.copies import database_exists
from store.databases import recreate_database
from store.locks import PostgresLocks
from tests.conftest import drop_database, run_apart
from tests.mcp_server.simulations import make_plan

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def name(database_dsn: str, settings: Settings) -> Iterator[str]:
    """Begin a simulation, with a copy on the way and a file; its databases are dropped at last."""
    own = f"kept{random_id().hex[:12]}"
    run_apart(partial(begun, own, database_dsn))
    folder = folder_of(settings.council_home, own)
    folder.mkdir(parents=True)
    (folder / "facts.parquet").touch()
    yield own
    for database in (database_of(own), copy_of(own)):
        run_apart(partial(drop_database, database_dsn, database))


async def begun(name: str, dsn: str) -> None:
    for database in (database_of(name), copy_of(name)):
        await recreate_database(dsn, database)
    await begin_record(with_database(dsn, database_of(name)), make_plan(name, weeks=9))


async def test_a_simulation_is_listed_with_how_far_it_is(settings: Settings, name: str) -> None:
    (settings.council_home / "simulations" / "sweep").mkdir()

    kept = {one.name: one for one in (await kept_simulations(settings)).simulations}

    own = kept[name]
    assert (own.weeks_done, own.weeks, own.is_finished) == (0, 9, False)
    assert own.files == str(folder_of(settings.council_home, name))
    assert (kept["sweep"].weeks, kept["sweep"].is_finished) == (None, False)
    assert not [other for other in kept if "saved" in other]


async def test_a_dropped_simulation_leaves_nothing(settings: Settings, name: str) -> None:
    dsn = settings.database_dsn
    assert dsn is not None

    await drop_simulation(name, settings)

    assert not await database_exists(dsn, database_of(name))
    assert not await database_exists(dsn, copy_of(name))
    assert not folder_of(settings.council_home, name).exists()
    with pytest.raises(UsageError, match="no simulation"):
        await drop_simulation(name, settings)


@pytest.mark.parametrize("name_of", ["", ".", "..", "../simulations", "nobody"])
async def test_what_is_no_simulation_is_not_dropped(
    name_of: str, settings: Settings, name: str
) -> None:
    with pytest.raises(UsageError, match="--list"):
        await drop_simulation(name_of, settings)

    assert folder_of(settings.council_home, name).exists()


async def test_a_simulation_that_is_being_played_is_not_dropped(
    settings: Settings, name: str, database_dsn: str
) -> None:
    async with (
        aclosing(PostgresLocks(database_dsn)) as locks,
        locks.exclusive(f"simulate-{name}") as held,
    ):
        assert held
        with pytest.raises(SimulationBusy, match="stop it first"):
            await drop_simulation(name, settings)


def test_the_command_drops_and_lists(
    capsys: pytest.CaptureFixture[str], name: str, settings: Settings
) -> None:
    assert cli.run(["simulate", "--list"]) == 0
    assert f"{name}: 0 of 9 weeks, not finished" in capsys.readouterr().out

    assert cli.run(["simulate", "--drop", name]) == 0
    assert name not in capsys.readouterr().out
    assert not Path(folder_of(settings.council_home, name)).exists()
