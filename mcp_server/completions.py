"""What hosts suggest while a person types an argument: ids of what is stored.

Nothing is suggested where the database is away or slow to open: a suggestion is a convenience.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Final

from mcp.server.mcpserver import MCPServer
from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from config import logs
from config.errors import CouncilError
from council.steps import STEPS
from mcp_server import wiring
from mcp_server.host import Host
from mcp_server.runs import run_id_for
from mcp_server.serving_host import serving_host

MOST_VALUES: Final = 100
"""What the protocol lets one answer hold."""
PATIENCE = timedelta(seconds=3)
"""How long a person who types may wait for the database to be opened."""

_Known = Callable[["wiring.App"], Awaitable[Iterable[str]]]


def add_completions(server: MCPServer[Host]) -> None:
    """Let `server` complete the arguments of its prompts and templates."""
    server.completion()(complete)  # type: ignore[no-untyped-call]  # the SDK gives it no types


async def complete(
    _: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None = None,
) -> Completion:
    """Return what begins as `argument` does, the likeliest first, at most `MOST_VALUES`."""
    known = _KNOWN.get(argument.name)
    if known is None:
        return _completion(())
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            values = await known(await serving_host().app())
    except (CouncilError, TimeoutError) as error:
        logs.logger("completions").warning("completion.failed", cause=repr(error))
        return _completion(())
    typed = argument.value.strip().lower()
    return _completion(value for value in values if value.startswith(typed))


def _completion(values: Iterable[str]) -> Completion:
    found = list(values)
    has_more = len(found) > MOST_VALUES
    return Completion(values=found[:MOST_VALUES], total=len(found), has_more=has_more)


async def _trade_ids(app: "wiring.App") -> list[str]:
    """Return every trade's id: those that wait first, then the newest week's."""
    rows = await app.deps.store.rows("trades", order_by=("week_id", "proposed_at"))
    newest_first = rows[::-1]
    waiting_first = sorted(newest_first, key=lambda row: row["status"] != "pending")
    return [str(row["trade_id"]) for row in waiting_first]


async def _week_ids(app: "wiring.App") -> list[str]:
    """Return every week that has begun, the newest first."""
    rows = await app.deps.store.rows("week_metadata", order_by=("week_id",))
    return [row["week_id"] for row in reversed(rows)]


async def _run_ids(app: "wiring.App") -> list[str]:
    """Return the runs of every week, whole and step by step, the newest first."""
    weeks = await _week_ids(app)
    steps = [run_id_for(week, step) for week in weeks for step in STEPS]
    return [*map(run_id_for, weeks), *steps]


_KNOWN: dict[str, _Known] = {
    "trade_id": _trade_ids,
    "week_id": _week_ids,
    "week": _week_ids,
    "run_id": _run_ids,
}
"""By the name of the argument, of whichever prompt or template."""
