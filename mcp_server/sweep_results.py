"""What the simulations of a sweep say together: each account's profit by seed, mean and spread."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from council.simulate import SimulationPlan
from mcp_server.parquet_files import TableFile, table_bytes
from mcp_server.private_files import write_privately
from mcp_server.sweep_shapes import SpreadShape, SweepRunShape, SweepShape
from mcp_server.sweep_tasks import SweepOutcome

SWEEP = TableFile(
    "sweep",
    {
        "simulation": "text",
        "configuration": "text",
        "seed": "whole",
        "account": "text",
        "equity_usd": "figure",
        "profit_usd": "figure",
        "time_weighted_return": "figure",
        "sharpe": "figure",
        "max_drawdown": "figure",
        "chain_head": "text",
    },
)
_MIDDLE = "---:"


def sweep_shape(
    plan: SimulationPlan, outcomes: Sequence[SweepOutcome], *, seconds: float, files: Path
) -> SweepShape:
    """Return what came of all simulations; `seconds` is how long the sweep took."""
    runs = tuple(_run(outcome) for outcome in outcomes)
    played = [outcome.summary for outcome in outcomes if outcome.summary]
    return SweepShape(
        name=plan.name,
        weeks=plan.weeks,
        first_week=plan.first_week,
        prices=played[0].prices if played else plan.prices,
        runs=runs,
        accounts=tuple(_spreads(runs)),
        failed=sum(run.failure is not None for run in runs),
        seconds=round(seconds, 2),
        files=str(files),
    )


def keep_sweep(folder: Path, shape: SweepShape) -> None:
    """Write the sweep's table, as Parquet and as Markdown, and the result as JSON into `folder`.

    Raises:
        ConfigError: the folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_privately(folder / SWEEP.file_name, table_bytes(SWEEP, list(_rows(shape))))
    write_privately(folder / "sweep.md", sweep_markdown(shape))
    write_privately(folder / "sweep.json", shape.model_dump_json(indent=2) + "\n")


def sweep_markdown(shape: SweepShape) -> str:
    """Return the sweep as Markdown: the spread of each account, then every simulation."""
    many = len(shape.runs)
    blocks = [
        f"# Sweep {shape.name}",
        f"{many} simulations of {shape.weeks} weeks from {shape.first_week}, prices "
        f"{shape.prices}. Profits in US dollars of paper money.",
        *_spread_tables(shape),
        "## Profit by simulation",
        _table(_run_header(shape), list(_run_lines(shape))),
        *_failures(shape),
    ]
    return "\n\n".join(blocks) + "\n"


def _run(outcome: SweepOutcome) -> SweepRunShape:
    summary, task = outcome.summary, outcome.task
    return SweepRunShape(
        simulation=task.plan.name,
        configuration=task.label,
        seed=task.plan.seed,
        chain_head=summary.chain_head if summary else None,
        seconds=summary.seconds if summary else None,
        accounts=summary.accounts if summary else (),
        failure=outcome.failure,
    )


def _spreads(runs: Sequence[SweepRunShape]) -> Iterator[SpreadShape]:
    profits: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        for account in run.accounts:
            if account.profit_usd is not None:
                profits.setdefault((run.configuration, account.account), []).append(
                    account.profit_usd
                )
    for (configuration, nickname), found in profits.items():
        yield SpreadShape(
            configuration=configuration,
            account=nickname,
            simulations=len(found),
            won=sum(profit > 0 for profit in found),
            mean_usd=round(fmean(found), 2),
            deviation_usd=round(stdev(found), 2) if len(found) > 1 else None,
            lowest_usd=min(found),
            median_usd=round(median(found), 2),
            highest_usd=max(found),
        )


def _rows(shape: SweepShape) -> Iterator[dict[str, Any]]:
    for run in shape.runs:
        own = run.model_dump(include={"simulation", "configuration", "seed", "chain_head"})
        for account in run.accounts:
            yield own | account.model_dump(by_alias=False)


def _spread_tables(shape: SweepShape) -> Iterator[str]:
    header = ("Account", "Mean", "Deviation", "Lowest", "Median", "Highest", "Won")
    for configuration in dict.fromkeys(spread.configuration for spread in shape.accounts):
        own = [spread for spread in shape.accounts if spread.configuration == configuration]
        yield f"## Accounts{f', configuration {configuration}' if configuration else ''}"
        yield _table(header, [_spread_cells(spread) for spread in own])


def _spread_cells(spread: SpreadShape) -> tuple[str, ...]:
    money = (
        spread.mean_usd,
        spread.deviation_usd,
        spread.lowest_usd,
        spread.median_usd,
        spread.highest_usd,
    )
    won = f"{spread.won} of {spread.simulations}"
    return (spread.account, *(_usd(value) for value in money), won)


def _run_header(shape: SweepShape) -> tuple[str, ...]:
    return ("Simulation", *dict.fromkeys(spread.account for spread in shape.accounts))


def _run_lines(shape: SweepShape) -> Iterator[tuple[str, ...]]:
    accounts = _run_header(shape)[1:]
    for run in shape.runs:
        profits = {one.account: one.profit_usd for one in run.accounts}
        yield (run.simulation, *(_usd(profits.get(account)) for account in accounts))


def _failures(shape: SweepShape) -> Iterator[str]:
    failed = [f"- {run.simulation}: {run.failure}" for run in shape.runs if run.failure]
    if failed:
        yield "## Failed"
        yield "\n".join(failed)


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ("---", *[_MIDDLE] * (len(header) - 1))
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rule, *lines))


def _usd(value: float | None) -> str:
    return "-" if value is None else f"{value:+,.0f}"
