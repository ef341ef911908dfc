import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from pyarrow import parquet

from config.ids import random_id
from config.settings import Settings
from mcp_server import cli, operations, simulation_run
from mcp_server.result_shapes import LeaderboardShape
from mcp_server.simulating import SimulationBusy, SimulationsDiffer, database_of
from mcp_server.simulation_files import folder_of
from mcp_server.simulation_order import FIRST_SYNTHETIC_WEEK
from mcp_server.wiring import Terms, opened_store
from store.addresses import with_database
from store.copies import database_exists
from store.locks import PostgresLocks
from store.migrate import read_table_names
from tests.conftest import drop_database, run_apart
from tests.mcp_server.simulations import FIRST_WEEK, fetched, make_plan, play_and_die, played

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def name(cluster_dsn: str) -> Iterator[str]:
    """Return a name for simulations, whose databases are dropped afterwards."""
    own = f"test{random_id().hex[:12]}"
    yield own
    for suffix in ("", "$saved", "$saved$new"):
        for simulation in (own, f"{own}_2", f"{own}_3"):
            database = f"{database_of(simulation)}{suffix}"
            run_apart(partial(drop_database, cluster_dsn, database))


async def kinds_of(name: str, settings: Settings) -> dict[str, int]:
    rows = await fetched(
        name, settings, "SELECT event_type, count(*) AS events FROM events GROUP BY event_type"
    )
    return {row["event_type"]: row["events"] for row in rows}


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Run `council simulate --json` and return what it prints."""
    code = cli.run(["simulate", *arguments, "--json"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    found: dict[str, Any] = json.loads(printed.out)
    return found


def test_a_week_is_played_whole_and_a_second_call_only_shows_it(
    capsys: pytest.CaptureFixture[str], settings: Settings, name: str
) -> None:
    first = shown(capsys, "--weeks", "1", "--name", name)
    second = shown(capsys, "--weeks", "1", "--name", name)

    assert second == first
    assert (first["first_week"], first["mode"]) == (str(FIRST_SYNTHETIC_WEEK), "rehearsal")
    assert (first["weeks"], first["seed"], first["prices"]) == (1, 7, "synthetic")
    assert sum(first["trades"].values()) >= 6
    assert first["orders"] >= 6
    looks = first["checkpoints"]
    assert looks["looked"] == looks["by_rules"] + looks["by_models"] + looks["abstained"] > 0
    assert first["postmortems"] == 1
    assert len(first["chain_head"]) == 64
    assert {account["account"] for account in first["accounts"]} > {"COUNCIL", "CHATGPT"}
    accounts = first["accounts"]
    for account in accounts:
        assert account["profit_usd"] == round(account["equity_usd"] - 100_000, 2)
    told = {one["account"]: (one["return"], one["sharpe"], one["max_drawdown"]) for one in accounts}
    leaders = ahead(settings, name)
    assert told == {who: pytest.approx(row, abs=1e-6) for who, row in leaders.items()}
    assert totals(settings, name) == leaders


def totals(settings: Settings, name: str) -> dict[str, tuple[object, ...]]:
    """Return each account's return, Sharpe ratio and drawdown to date, by the Parquet file."""
    path = folder_of(settings.council_home, name) / "totals.parquet"
    figures = ("time_weighted_return", "sharpe", "maximum_drawdown")
    rows = parquet.read_table(path).to_pylist()
    return {row["account_id"]: tuple(row[figure] for figure in figures) for row in rows}


def ahead(settings: Settings, name: str) -> dict[str, tuple[object, ...]]:
    """Return the same by what `council leaderboard` says on the simulation's database."""
    leaders = asyncio.run(_leaderboard(settings, name)).leaders
    return {
        one.name: (one.total_return, one.sharpe, one.maximum_drawdown)
        for one in leaders
        if one.kind == "account"
    }


async def _leaderboard(settings: Settings, name: str) -> LeaderboardShape:
    assert settings.database_dsn is not None
    dsn = with_database(settings.database_dsn, database_of(name))
    async with opened_store(settings, Terms(dsn=dsn)) as app:
        return await operations.leaderboard(app)


@pytest.mark.slow
async def test_the_read_tables_of_a_simulation_fold_anew_to_the_same_rows(
    settings: Settings, name: str
) -> None:
    await played(make_plan(name, weeks=2, reject_share=Decimal("0.3")), settings)
    before = {table: await rows_of(table, name, settings) for table in read_table_names()}

    dsn = settings.database_dsn
    assert dsn is not None
    code = await rebuilt(with_database(dsn, database_of(name)), settings)

    assert code == len(await fetched(name, settings)) > 100
    assert before["equity_marks"]
    assert before["weekly_postmortems"]
    assert {t: await rows_of(t, name, settings) for t in before} == before


async def rows_of(table: str, name: str, settings: Settings) -> list[str]:
    query = f"SELECT t::text AS row FROM {table} AS t ORDER BY t::text"  # noqa: S608 - own names
    return [row["row"] for row in await fetched(name, settings, query)]


async def rebuilt(dsn: str, settings: Settings) -> int:
    async with opened_store(settings, Terms(dsn=dsn)) as app:
        return (await operations.rebuild(app)).events


async def test_other_parameters_under_the_same_name_are_refused(
    settings: Settings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation_run.SimulationRun, "play", _fails)
    with pytest.raises(RuntimeError, match="broke off"):
        await played(make_plan(name), settings)

    with pytest.raises(SimulationsDiffer, match=r"seed 7, now 8.*another --name"):
        await played(make_plan(name, seed=8), settings)
    with pytest.raises(SimulationsDiffer, match="configuration has changed"):
        await played(make_plan(name, config_hash="other"), settings)


async def _fails(*_: object) -> None:
    raise RuntimeError("broke off")


async def test_two_processes_do_not_play_one_simulation(
    settings: Settings, name: str, database_dsn: str
) -> None:
    async with (
        aclosing(PostgresLocks(database_dsn)) as locks,
        locks.exclusive(f"simulate-{name}") as held,
    ):
        assert held
        with pytest.raises(SimulationBusy, match="Another process"):
            await played(make_plan(name), settings)


def test_what_belongs_to_many_simulations_is_refused_for_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["simulate", "--workers", "2"]) == 2
    assert "give --seeds too" in capsys.readouterr().err
    assert cli.run(["simulate", "--prices", "nowhere.csv"]) == 2
    assert "no prices called nowhere.csv" in capsys.readouterr().err


@pytest.mark.slow
async def test_the_same_plan_leaves_the_same_facts_byte_for_byte(
    settings: Settings, name: str
) -> None:
    plan = make_plan(name, weeks=2, reject_share=Decimal("0.2"))

    first = await played(plan, settings)
    second = await played(replace(plan, name=f"{name}_2"), settings)
    other = await played(replace(plan, name=f"{name}_3", seed=8), settings)

    # Every column of every event, its position and its link of the chain among them.
    events = await fetched(name, settings)
    assert events == await fetched(f"{name}_2", settings)
    assert len(events) > 600
    assert first.summary.chain_head == second.summary.chain_head != other.summary.chain_head


@pytest.mark.slow
async def test_a_simulation_that_is_killed_again_and_again_ends_with_the_same_facts(
    settings: Settings, name: str, cluster_dsn: str
) -> None:
    plan = make_plan(name, weeks=2)
    killed = replace(plan, name=f"{name}_2")

    await played(plan, settings)
    deaths = [await play_and_die(killed, appends=n) for n in (1, 90, 333, 2)]
    done = await played(killed, settings)

    assert deaths == [-signal.SIGKILL] * len(deaths)
    assert not done.was_done
    assert await fetched(f"{name}_2", settings) == await fetched(name, settings)
    assert not await database_exists(cluster_dsn, f"{database_of(name)}_2$saved")


@pytest.mark.slow
async def test_the_owner_resumes_what_was_halted_unless_halts_are_kept(
    settings: Settings, name: str
) -> None:
    plan = make_plan(name, weeks=2, first_week=FIRST_WEEK)
    kept = replace(plan, name=f"{name}_2", keep_halts=True)

    await played(plan, settings)
    await played(kept, settings)

    resumed, halted = await kinds_of(name, settings), await kinds_of(kept.name, settings)
    assert resumed["TradingHalted"] >= halted["TradingHalted"] > 0
    assert resumed["TradingResumed"] > 0
    assert "TradingResumed" not in halted
    by = await fetched(
        name,
        settings,
        "SELECT DISTINCT payload ->> 'channel' AS channel FROM events "
        "WHERE event_type IN ('TradingResumed', 'TradeApproved')",
    )
    assert by == [{"channel": "simulation"}]
