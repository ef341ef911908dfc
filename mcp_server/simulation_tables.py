"""The record and the results of a simulation as Parquet files, which any tool of the trade reads.

The tables are those of the database under the same names of columns; `facts.parquet` is the record
itself, of which all others are made.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from council.ports import Deps
from mcp_server.parquet_files import Kind, Row, TableFile, each, write_rows

if TYPE_CHECKING:
    from council.analytics.results import AccountResults
    from council.week_results import Results

FACTS = TableFile(
    "facts",
    {
        "position": "whole",
        "stream": "text",
        "version": "whole",
        "event_id": "text",
        "event_type": "text",
        "week_id": "text",
        "account_id": "text",
        "timestamp": "instant",
        "payload": "json",
        "correlation_id": "text",
        "parent_event_id": "text",
    },
)
_FIGURES: Mapping[str, Kind] = {
    "profit_usd": "figure",
    "time_weighted_return": "figure",
    "maximum_drawdown": "figure",
    "annual_volatility": "figure",
    "sharpe": "figure",
    "sharpe_standard_error": "figure",
    "turnover": "figure",
    "conviction_volatility": "figure",
    "weeks_won": "whole",
    "weeks_decided": "whole",
    "panic_exits": "whole",
    "panic_cost_usd": "figure",
    "gross_exposure": "figure",
    "net_exposure": "figure",
    "sessions": "whole",
}
RESULTS = TableFile("results", {"account_id": "text", "week_id": "text", **_FIGURES})
TOTALS = TableFile("totals", {"account_id": "text", "weeks": "whole", **_FIGURES})
STAGES = TableFile(
    "stages",
    {
        "stage": "text",
        "week_id": "text",
        "value_usd": "figure",
        "value_bps": "figure",
        "cases": "whole",
    },
)


@dataclass(frozen=True, slots=True)
class _ReadTable:
    """A table of the database as a file of another name, in an order that every run has."""

    source: str
    order_by: tuple[str, ...]
    file: TableFile


_READ_TABLES = (
    _ReadTable(
        "equity_marks",
        ("marked_at", "account_id", "slot"),
        TableFile(
            "equity",
            {
                "account_id": "text",
                "week_id": "text",
                "session_on": "date",
                "slot": "text",
                "marked_at": "instant",
                "equity_usd": "figure",
                "cash_usd": "figure",
                "dividends_usd": "figure",
                "borrow_usd": "figure",
                "positions": "json",
            },
        ),
    ),
    _ReadTable(
        "trades",
        ("proposed_at", "account_id", "trade_id"),
        TableFile(
            "trades",
            {
                "trade_id": "text",
                "week_id": "text",
                "account_id": "text",
                "model": "text",
                "venue": "text",
                "instrument": "text",
                "direction": "text",
                "conviction": "figure",
                "status": "text",
                "proposed_at": "instant",
                "expires_at": "instant",
                "approval_timestamp": "instant",
                "execution_timestamp": "instant",
                "approver": "text",
                "rejection_reason": "text",
                "ticket": "json",
            },
        ),
    ),
    _ReadTable(
        "orders",
        ("intended_at", "client_order_id"),
        TableFile(
            "orders",
            {
                "client_order_id": "text",
                "trade_id": "text",
                "week_id": "text",
                "account_id": "text",
                "leg": "text",
                "attempt": "whole",
                "venue": "text",
                "symbol": "text",
                "side": "text",
                "quantity": "figure",
                "status": "text",
                "filled_quantity": "figure",
                "average_price": "figure",
                "refusal": "text",
                "intended_at": "instant",
                "closed_at": "instant",
            },
        ),
    ),
    _ReadTable(
        "checkpoint_updates",
        ("taken_at", "account_id", "checkpoint_id"),
        TableFile(
            "checkpoints",
            {
                "checkpoint_id": "text",
                "week_id": "text",
                "account_id": "text",
                "trade_id": "text",
                "slot": "text",
                "taken_at": "instant",
                "action": "text",
                "conviction_before": "figure",
                "conviction_after": "figure",
                "reason_delta": "text",
                "content": "json",
            },
        ),
    ),
)
FILES = tuple(
    table.file_name
    for table in (FACTS, *(read.file for read in _READ_TABLES), RESULTS, TOTALS, STAGES)
)
"""Every Parquet file of a simulation."""


async def keep_tables(folder: Path, deps: Deps, results: "Results") -> None:
    """Write the record and everything that follows from it as Parquet files in `folder`.

    Raises:
        ConfigError: the folder cannot be written.
    """
    await write_rows(folder, FACTS, _facts(deps))
    for table in _READ_TABLES:
        rows = await deps.store.rows(table.source, order_by=table.order_by)
        await write_rows(folder, table.file, each(rows))
    await write_rows(folder, RESULTS, each(_weekly(results)))
    await write_rows(folder, TOTALS, each(_totals(results)))
    await write_rows(folder, STAGES, each(_stages(results)))


async def _facts(deps: Deps) -> AsyncIterator[Row]:
    async for event in deps.store.read_all():
        yield {name: getattr(event, name) for name in FACTS.columns}


def _weekly(results: "Results") -> Iterator[Row]:
    for week in results.weeks:
        for line in results.by_week.get(week.week_id, ()):
            yield {"week_id": week.week_id, **_figures(line)}


def _totals(results: "Results") -> Iterator[Row]:
    for line in results.to_date:
        yield {"weeks": len(line.weeks), **_figures(line)}


def _figures(line: "AccountResults") -> dict[str, Any]:
    plain = {name: getattr(line, name, None) for name in _FIGURES}
    return plain | {
        "account_id": line.account,
        "sharpe": line.sharpe.ratio if line.sharpe else None,
        "sharpe_standard_error": line.sharpe.standard_error if line.sharpe else None,
        "weeks_won": line.hits.hits,
        "weeks_decided": line.hits.count,
    }


def _stages(results: "Results") -> Iterator[Row]:
    for stage in results.stages:
        for week in stage.weeks:
            yield {
                "stage": stage.stage.value,
                "week_id": week.week_id,
                "value_usd": week.value_usd,
                "value_bps": week.value_bps,
                "cases": week.cases,
            }
