from datetime import date
from pathlib import Path

from pyarrow import parquet

from council.simulate import SimulationPlan
from mcp_server.simulation_shapes import AccountOutcomeShape, LooksShape, SimulationShape
from mcp_server.sweep_results import keep_sweep, sweep_markdown, sweep_shape
from mcp_server.sweep_shapes import SweepShape
from mcp_server.sweep_tasks import SweepOutcome, SweepTask

WEDNESDAY = date(2023, 1, 4)
PLAN = SimulationPlan(name="many", first_week=WEDNESDAY, weeks=3)


def outcome(seed: int, label: str = "", **profits: float | None) -> SweepOutcome:
    plan = SimulationPlan(name=f"many-{seed}", first_week=WEDNESDAY, weeks=3, seed=seed)
    task = SweepTask(plan, label)
    accounts = tuple(
        AccountOutcomeShape.model_validate(
            {
                "account": name,
                "equity_usd": None if profit is None else 100_000 + profit,
                "profit_usd": profit,
                "return": 0.01,
                "sharpe": None,
                "max_drawdown": 0.02,
            }
        )
        for name, profit in profits.items()
    )
    return SweepOutcome(task, summary=_summary(plan, accounts))


def _summary(plan: SimulationPlan, accounts: tuple[AccountOutcomeShape, ...]) -> SimulationShape:
    return SimulationShape(
        name=plan.name,
        weeks=plan.weeks,
        first_week=WEDNESDAY,
        last_week=date(2023, 1, 18),
        seed=plan.seed,
        prices="synthetic",
        mode="rehearsal",
        degraded=(),
        events=10,
        trades={},
        orders=0,
        checkpoints=LooksShape(looked=0, by_rules=0, by_models=0, abstained=0, saved_share=None),
        postmortems=3,
        seconds=1.5,
        accounts=accounts,
        chain_head=f"{plan.seed:064d}",
    )


def shape_of(*outcomes: SweepOutcome) -> SweepShape:
    return sweep_shape(PLAN, outcomes, seconds=9.0, files=Path("/home/x"))


def test_an_accounts_spread_is_that_of_its_profits_over_the_seeds() -> None:
    shape = shape_of(
        outcome(1, ALPHA=100.0, BETA=-50.0),
        outcome(2, ALPHA=300.0, BETA=50.0),
        outcome(3, ALPHA=-100.0, BETA=None),
    )

    alpha, beta = shape.accounts
    assert (alpha.account, alpha.simulations, alpha.won) == ("ALPHA", 3, 2)
    assert (alpha.mean_usd, alpha.deviation_usd) == (100.0, 200.0)
    assert (alpha.lowest_usd, alpha.median_usd, alpha.highest_usd) == (-100.0, 100.0, 300.0)
    assert (beta.simulations, beta.mean_usd) == (2, 0.0)


def test_one_simulation_has_no_deviation() -> None:
    (alpha,) = shape_of(outcome(1, ALPHA=100.0)).accounts

    assert alpha.deviation_usd is None


def test_configurations_are_never_mixed() -> None:
    shape = shape_of(outcome(1, "bold", ALPHA=100.0), outcome(1, "shy", ALPHA=10.0))

    assert [(one.configuration, one.mean_usd) for one in shape.accounts] == [
        ("bold", 100.0),
        ("shy", 10.0),
    ]
    assert "configuration bold" in sweep_markdown(shape)


def test_a_failed_simulation_is_named_and_the_others_count() -> None:
    failed = SweepOutcome(outcome(2).task, failure="The prices do not reach it.")

    shape = shape_of(outcome(1, ALPHA=100.0), failed)

    assert shape.failed == 1
    assert shape.accounts[0].simulations == 1
    assert "- many-2: The prices do not reach it." in sweep_markdown(shape)


def test_the_table_is_kept_as_parquet_markdown_and_json(tmp_path: Path) -> None:
    shape = shape_of(outcome(1, ALPHA=100.0, BETA=-50.0), outcome(2, ALPHA=300.0, BETA=50.0))

    keep_sweep(tmp_path / "many", shape)

    rows = parquet.read_table(tmp_path / "many" / "sweep.parquet").to_pylist()
    assert [(row["seed"], row["account"], row["profit_usd"]) for row in rows] == [
        (1, "ALPHA", 100.0),
        (1, "BETA", -50.0),
        (2, "ALPHA", 300.0),
        (2, "BETA", 50.0),
    ]
    markdown = (tmp_path / "many" / "sweep.md").read_text()
    assert "| many-1 | +100 | -50 |" in markdown
    assert "| ALPHA | +200 | +141 | +100 | +200 | +300 | 2 of 2 |" in markdown
    kept = SweepShape.model_validate_json((tmp_path / "many" / "sweep.json").read_bytes())
    assert kept == shape
