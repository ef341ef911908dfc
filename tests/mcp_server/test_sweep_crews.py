"""The same sweep by one process and on a Ray cluster of two nodes: the same facts, link by link."""

import os
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest

from broker.exchange.bars_writing import write_daily_bars
from broker.exchange.prices import SyntheticPrices
from config.loader import load_config
from config.settings import load_settings
from council.simulate import SimulationPlan, hash_of
from mcp_server.simulation_tables import FILES
from mcp_server.sweep_crews import Crew, cluster, processes
from mcp_server.sweep_shapes import SweepShape
from mcp_server.sweeping import SweepOrder, seeds_of, sweep

FIRST_WEEK = date(2023, 1, 4)
without_ray = pytest.mark.skipif(
    find_spec("ray") is None and not os.environ.get("CI"), reason="the extra `ray` is not installed"
)


@pytest.fixture
def home(council_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let this process and those that it starts find a home with a database server of its own."""
    folder = council_home / tmp_path.name
    folder.mkdir(mode=0o711)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNCIL_HOME", str(folder))
    return folder


@pytest.fixture(scope="module")
def two_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a cluster of two nodes with one worker each on this machine; its address."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path_factory.mktemp("nodes"))
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        from ray.cluster_utils import Cluster

        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        nodes.add_node(num_cpus=1)
    try:
        yield nodes.address
    finally:
        nodes.shutdown()


@pytest.mark.slow
@without_ray
@pytest.mark.filterwarnings("default")  # Ray's own, which are not ours to mend
async def test_a_cluster_of_two_nodes_leaves_the_facts_that_one_process_leaves(
    home: Path, two_nodes: str
) -> None:
    serial = await swept("here", processes(1), seeds="1-20")
    spread = await swept("there", cluster(two_nodes, workers=1), seeds="1-20")

    assert (serial.failed, spread.failed) == (0, 0)
    assert heads(spread) == heads(serial)
    assert len(set(heads(serial).values())) == 20
    assert spread.accounts == serial.accounts
    for seed in range(1, 21):
        here, there = (home / "simulations" / f"{name}-{seed}" for name in ("here", "there"))
        for name in FILES:
            assert (there / name).read_bytes() == (here / name).read_bytes()


@pytest.mark.slow
@without_ray
@pytest.mark.filterwarnings("default")  # as above
async def test_files_and_configurations_travel_to_the_nodes(home: Path, two_nodes: str) -> None:
    market = SyntheticPrices(3)
    days = (date(2021, 6, 1), date(2023, 1, 31))
    bars = home / "bars.parquet"
    write_daily_bars(bars, (bar for one in market.symbols for bar in market.daily_bars(one, *days)))
    own = home / "own"
    own.mkdir()
    for name in ("accounts", "assets", "models", "risk", "schedule"):
        text = files("config").joinpath(f"{name}.yaml").read_text()
        (own / f"{name}.yaml").write_text(text.replace('"15:50"', '"15:40"'))

    serial = await swept("here", processes(2), bars=bars, configurations=(own,))
    spread = await swept("there", cluster(two_nodes, workers=1), bars=bars, configurations=(own,))

    assert [run.simulation for run in serial.runs] == ["here-own-1", "here-own-2"]
    assert heads(spread) == heads(serial)
    assert serial.prices == spread.prices == "file:bars.parquet"


async def swept(
    name: str,
    crew: Crew,
    *,
    seeds: str = "1-2",
    bars: Path | None = None,
    configurations: tuple[Path, ...] = (),
) -> SweepShape:
    plan = SimulationPlan(
        name=name,
        first_week=FIRST_WEEK,
        weeks=1,
        prices=str(bars) if bars else "synthetic",
        prices_hash="bars" if bars else "",
        config_hash=hash_of(load_config()),
    )
    order = SweepOrder(plan, seeds_of(seeds), configurations)
    return await sweep(order, load_settings(), crew=crew, tell=lambda ended: None)


def heads(shape: SweepShape) -> dict[int, str | None]:
    return {run.seed: run.chain_head for run in shape.runs}
