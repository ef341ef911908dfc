"""The resources that hosts attach to a conversation: the same texts that the tools answer.

Reading one never begins or carries on a run. Each is Markdown that stands alone, but for the pages
with charts; what models wrote is in it as the tools have it, between marks.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp_types import Annotations

from config.errors import CouncilError, UsageError
from council.errors import UnknownTrade
from mcp_server import operations, wiring
from mcp_server.addresses import (
    CURRENT_WEEK_URI,
    POSTMORTEM_PAGE_URI,
    POSTMORTEM_URI,
    RUN_URI,
    STATUS_URI,
    TRADE_URI,
    WEEK_URI,
)
from mcp_server.host import Host
from mcp_server.serving_host import serving_host
from mcp_server.tools import kinds, outcomes, overview, records
from mcp_server.tools.results import Answer, as_text

_Parameters = ParamSpec("_Parameters")
_Read = Callable[_Parameters, Awaitable[str]]

_PAGE = ".html"
_AUDIENCE = Annotations(audience=["user", "assistant"])


def add_resources(server: MCPServer[Host]) -> None:
    """Offer every resource and template; nothing is opened before one of them is read."""
    for uri, read, title, description in _RESOURCES:
        server.resource(
            uri,
            name=read.__name__,
            title=title,
            description=description,
            mime_type="text/html" if uri.endswith(_PAGE) else "text/markdown",
            annotations=_AUDIENCE,
        )(read)


def _saying(read: _Read[_Parameters]) -> _Read[_Parameters]:
    """Let a failure reach the client as its sentence, and what does not exist as not found."""

    @wraps(read)
    async def said(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> str:
        try:
            return await read(*args, **kwargs)
        except (UnknownTrade, UsageError) as error:
            raise ResourceNotFoundError(str(error)) from error
        except CouncilError as error:
            raise ResourceError(f"NOT read: {error}") from error

    return said


async def _app() -> "wiring.App":
    return await serving_host().app()


@_saying
async def status() -> str:
    """Return how everything stands."""
    return as_text(await overview.status_answer(serving_host()))


@_saying
async def current_week() -> str:
    """Return what is stored of the week in force."""
    app = await _app()
    return as_text(await records.week_record(app, operations.week_in_force(app)))


@_saying
async def week(week_id: str) -> str:
    """Return what is stored of a week that has begun."""
    record = await records.week_record(await _app(), operations.checked_week(week_id))
    if record.state == "not_started":
        raise UsageError(f"Week {week_id} has not begun: nothing is stored of it.")
    return as_text(record)


@_saying
async def postmortem(week_id: str) -> str:
    """Return what came of a week, where it is written."""
    return as_text(await _stored_postmortem(week_id))


@_saying
async def postmortem_page(week_id: str) -> str:
    """Return the page of a week's postmortem, charts and all."""
    await _stored_postmortem(week_id)
    return await outcomes.postmortem_page(await _app(), week_id)


async def _stored_postmortem(week_id: str) -> Answer:
    """Return a week's postmortem; raises UsageError where none is written."""
    record = await outcomes.postmortem_record(await _app(), operations.checked_week(week_id))
    if not outcomes.is_stored(record.state):
        raise UsageError(f"{record.summary} {record.next_step}")
    return record


@_saying
async def trade(trade_id: str) -> str:
    """Return the record of a trade."""
    return as_text(await records.trade_record(await _app(), trade_id))


@_saying
async def run(run_id: str) -> str:
    """Return how far a run has come, and carry nothing on."""
    answer = await kinds.run_answer(serving_host(), run_id)
    if answer.state == "unfinished" and not answer.completed:
        raise UsageError(f"Run {run_id} has not begun: nothing is stored of it.")
    return as_text(answer)


_RESOURCES = (
    (STATUS_URI, status, "Status", "Mode, venues, accounts, positions, and where the week stands."),
    (CURRENT_WEEK_URI, current_week, "This week", "All that the week in force has so far."),
    (WEEK_URI, week, "A week", "Packs, pitches, blind reviews, decision, trades and cost."),
    (POSTMORTEM_URI, postmortem, "A postmortem", "What came of a week, and what was learned."),
    (POSTMORTEM_PAGE_URI, postmortem_page, "A postmortem's page", "The same with its charts."),
    (TRADE_URI, trade, "A trade", "Ticket, thesis, reviews, dissent, orders and history."),
    (RUN_URI, run, "A run", "How far a run has come; reading it starts nothing."),
)
