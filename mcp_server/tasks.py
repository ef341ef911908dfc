"""The Tasks extension: what takes long is answered with a handle, and asked for by it later.

Only clients that declare the extension get handles, and only for work that is still under way when
the call returns; everything else answers as ever. What is behind a handle is stored elsewhere, so
that any server on the same store serves it.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol, TypeVar

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolRequestParams,
    CallToolResult,
    RequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from config.errors import CouncilError

TASKS: Final = "io.modelcontextprotocol/tasks"
_POLL_INTERVAL_MS = 2_000
_MOST_CHARACTERS = 200
"""A task's id is never longer."""

_Found = TypeVar("_Found")
RequestContext = ServerRequestContext[Any, Any]
Status = Literal["working", "completed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Task:
    """One task; `result` is there once it is completed, a tool's error included."""

    task_id: str
    status: Status
    created_at: datetime
    changed_at: datetime
    message: str
    result: CallToolResult | None = None


class TaskSource(Protocol):
    """What stands behind the handles."""

    @property
    def tools(self) -> frozenset[str]:
        """Return the names of the tools that may take long."""
        ...

    async def opened(self, context: RequestContext, result: CallToolResult) -> Task | None:
        """Return the task of which `result` is the beginning; None where it is the end."""
        ...

    async def found(self, context: RequestContext, task_id: str) -> Task | None:
        """Return a task as it stands now, or None where there is none with this id."""
        ...

    async def cancel(self, context: RequestContext, task_id: str) -> bool:
        """Take a task back unless it is over; whether there is one with this id."""
        ...


class TaskParams(RequestParams):
    """Which task; `tasks/update` carries answers too, and no task of ours asks anything."""

    task_id: str


class Tasks(Extension):
    """Serves the handles of one source."""

    identifier = TASKS

    def __init__(self, source: TaskSource) -> None:
        self._source = source

    def methods(self) -> Sequence[MethodBinding]:
        """Return the three methods; only the modern era has them."""
        served = {
            "tasks/get": self._get,
            "tasks/update": self._update,
            "tasks/cancel": self._cancel,
        }
        modern = frozenset(MODERN_PROTOCOL_VERSIONS)
        return tuple(
            MethodBinding(method, TaskParams, handler, modern) for method, handler in served.items()
        )

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: RequestContext, call_next: CallNext
    ) -> HandlerResult:
        """Answer with a handle where the tool has begun something that goes on."""
        result = await call_next(ctx)
        if params.name not in self._source.tools or not _is_declared(ctx):
            return result
        if not isinstance(result, CallToolResult):
            return result  # it asks the person first
        try:
            task = await self._source.opened(ctx, result)
        except CouncilError:
            return result  # It tells the same, and can be followed as well.
        return result if task is None else {"resultType": "task", **_shown(task)}

    async def _get(self, ctx: RequestContext, params: TaskParams) -> HandlerResult:
        _check(ctx, params)
        task = await _asked(self._source.found(ctx, params.task_id))
        if task is None:
            raise _unknown(params)
        if task.result is None:
            return _shown(task)
        result = task.result.model_dump(by_alias=True, mode="json", exclude_none=True)
        return {**_shown(task), "result": result}

    async def _update(self, ctx: RequestContext, params: TaskParams) -> HandlerResult:
        """Acknowledge: no task of ours waits for an answer."""
        _check(ctx, params)
        if await _asked(self._source.found(ctx, params.task_id)) is None:
            raise _unknown(params)
        return {}

    async def _cancel(self, ctx: RequestContext, params: TaskParams) -> HandlerResult:
        _check(ctx, params)
        if not await _asked(self._source.cancel(ctx, params.task_id)):
            raise _unknown(params)
        return {}


def _is_declared(context: RequestContext) -> bool:
    if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return False
    capabilities = context.session.client_capabilities
    return TASKS in ((capabilities and capabilities.extensions) or {})


def _check(context: RequestContext, params: TaskParams) -> None:
    """Refuse clients that did not declare the extension, and headers that say something else."""
    if not _is_declared(context):
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            f"This needs a client that declares the extension {TASKS}.",
            {"requiredCapabilities": {"extensions": {TASKS: {}}}},
        )
    if context.request is None:
        return
    if decode_header_value(context.request.headers.get(MCP_NAME_HEADER)) != params.task_id:
        raise MCPError(HEADER_MISMATCH, "The Mcp-Name header is not the task's id.")


async def _asked(asked: Awaitable[_Found]) -> _Found:
    """Return what the source says, or its failure as the sentence that it is."""
    try:
        return await asked
    except CouncilError as error:
        raise MCPError(INTERNAL_ERROR, str(error)) from error


def _unknown(params: TaskParams) -> MCPError:
    return MCPError(INVALID_PARAMS, f"There is no task {params.task_id[:_MOST_CHARACTERS]!r}.")


def _shown(task: Task) -> dict[str, Any]:
    """Return a task as it goes over the wire; it is kept for ever, hence no time to live."""
    return {
        "taskId": task.task_id,
        "status": task.status,
        "statusMessage": task.message,
        "createdAt": _instant(task.created_at),
        "lastUpdatedAt": _instant(task.changed_at),
        "ttlMs": None,
        "pollIntervalMs": _POLL_INTERVAL_MS,
    }


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
