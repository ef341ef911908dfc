"""Runs as tasks: a task is one request for a run, and the store knows every one of them.

A task's id is the run's, from the second request on with its number. Cancelling a task takes the
request back: the run stops after the stage in flight, keeps what is stored, and goes on where it is
asked for again, as another task. Where a run fails, its task is completed with the tool's error.
"""

import re
from datetime import timedelta
from typing import Any, cast

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, TextContent

from config.errors import UsageError
from council import run_requests
from mcp_server.host import Host
from mcp_server.tasks import RequestContext, Status, Task
from mcp_server.tools import following, kinds
from mcp_server.tools.results import RunAnswer, told

_TASK_ID = re.compile(r"(?P<run>[a-z]+-[0-9a-z_-]{1,120})(?:~(?P<number>[1-9][0-9]{0,3}))?")
_NO_PATIENCE = timedelta(0)


class _Nobody:
    """Listens to no progress: a task is asked about instead."""

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Drop the news."""


class RunTasks:
    """The runs of a server's host."""

    tools = frozenset(
        {
            "run_weekly",
            "run_research",
            "collect_pitches",
            "peer_review",
            "synthesize",
            "run_checkpoint",
            "ask_council",
        }
    )

    async def opened(self, context: RequestContext, result: CallToolResult) -> Task | None:
        """Return the task of a run that is still running, stored as asked for."""
        answer = result.structured_content or {}
        if result.is_error or answer.get("state") != "running":
            return None
        app = await _host_of(context).app()
        newest = (await run_requests.requests_of(answer["run_id"], app.deps.store))[-1]
        return _task(newest, "working", answer["summary"])

    async def found(self, context: RequestContext, task_id: str) -> Task | None:
        """Return a task as it stands, its run carried on where nobody works on it."""
        host = _host_of(context)
        request = await _request(host, task_id)
        if request is None:
            return None
        if request.is_cancelled:
            return _task(request, "cancelled", "It was taken back; what was stored stays.")
        kind = kinds.kind_of(request.run_id, await host.app())
        standing = await following.followed(host, kind.run, _Nobody(), patience=_NO_PATIENCE)
        return _as_task(kind, standing, request)

    async def cancel(self, context: RequestContext, task_id: str) -> bool:
        """Take the request back unless its run is over; it stops after the stage in flight."""
        host = _host_of(context)
        request = await _request(host, task_id)
        if request is None:
            return False
        app = await host.app()
        kind = kinds.kind_of(request.run_id, app)
        if not request.is_cancelled and not (await kind.run.read(app)).is_done:
            await run_requests.cancel_run(request.run_id, kind.run.week_id, app.deps)
        return True


def _host_of(context: RequestContext) -> Host:
    return cast(Host, context.lifespan_context)


async def _request(host: Host, task_id: str) -> "run_requests.RunRequest | None":
    """Return the request that a task stands for; one that is not cancelled is its run's newest."""
    named = _TASK_ID.fullmatch(task_id)
    if named is None:
        return None
    app = await host.app()
    try:
        kinds.kind_of(named["run"], app)
    except UsageError:
        return None
    requests = await run_requests.requests_of(named["run"], app.deps.store)
    number = int(named["number"] or 1)
    is_known = number <= len(requests) and task_id == _id_of(named["run"], number)
    return requests[number - 1] if is_known else None


def _id_of(run_id: str, number: int) -> str:
    return run_id if number == 1 else f"{run_id}~{number}"


def _as_task(
    kind: "kinds.Kind", standing: "following.Standing[Any]", request: "run_requests.RunRequest"
) -> Task:
    """Show the run by its own tool's answer, whether that is a result or an error."""
    try:
        answer = kind.own_answer(standing)
    except ToolError as error:
        failed = CallToolResult(content=[TextContent(type="text", text=str(error))], is_error=True)
        return _task(request, "completed", str(error), failed)
    if standing.state == "finished":
        return _task(request, "completed", answer.summary, told(answer))
    return _task(request, _status_of(answer), answer.summary)


def _status_of(answer: RunAnswer) -> Status:
    return "cancelled" if answer.state == "cancelled" else "working"


def _task(
    request: "run_requests.RunRequest",
    status: Status,
    message: str,
    result: CallToolResult | None = None,
) -> Task:
    return Task(
        task_id=_id_of(request.run_id, request.number),
        status=status,
        created_at=request.requested_at,
        changed_at=request.changed_at,
        message=message,
        result=result,
    )
