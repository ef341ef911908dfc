"""The conformance suite's tools that take long, and tasks that stand for them: a clock and no work.

What is under test is how the extension speaks; what stands behind our own handles is stored runs.
"""

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mcp_types import CallToolResult, TextContent

from mcp_server.tasks import RequestContext, Status, Task


async def greet(name: str) -> str:
    """Answer at once."""
    return f"Hello, {name}!"


async def slow_compute(seconds: float, label: str = "") -> CallToolResult:
    """Begin something that takes `seconds`."""
    return begun(seconds, f"Computed {label}.")


async def failing_job() -> CallToolResult:
    """Begin something that fails after a second."""
    return begun(1, "The job has failed.", fails=True)


LONG = {"slow_compute": slow_compute, "failing_job": failing_job}
TOOLS = {"greet": greet, **LONG}
AFTER_A_FORM = "test_tool_with_task"
"""The tool that asks first and takes long then."""


def begun(seconds: float, text: str, *, fails: bool = False) -> CallToolResult:
    """Return the beginning of something that takes `seconds`."""
    told = {"seconds": seconds, "text": text, "fails": fails}
    return CallToolResult(content=[TextContent(text=text)], structured_content=told)


@dataclass
class _Timer:
    began_at: datetime
    ends_at: float
    end: CallToolResult
    is_cancelled: bool = False


class TimedTasks:
    """Tasks that are over when their time is."""

    tools = frozenset({*LONG, AFTER_A_FORM})

    def __init__(self) -> None:
        self._timers: dict[str, _Timer] = {}

    async def opened(self, _: RequestContext, result: CallToolResult) -> Task | None:
        """Start a timer, unless it is over already."""
        told: dict[str, Any] = result.structured_content or {}
        if not told["seconds"]:
            return None
        end = CallToolResult(content=result.content, is_error=told["fails"])
        timer = _Timer(datetime.now(UTC), time.monotonic() + told["seconds"], end)
        task_id = str(uuid.uuid4())
        self._timers[task_id] = timer
        return _task(task_id, timer)

    async def found(self, _: RequestContext, task_id: str) -> Task | None:
        """Return how a timer stands."""
        timer = self._timers.get(task_id)
        return None if timer is None else _task(task_id, timer)

    async def cancel(self, _: RequestContext, task_id: str) -> bool:
        """Stop a timer that still runs."""
        timer = self._timers.get(task_id)
        if timer is not None and time.monotonic() < timer.ends_at:
            timer.is_cancelled = True
        return timer is not None


def _task(task_id: str, timer: _Timer) -> Task:
    is_over = time.monotonic() >= timer.ends_at
    status: Status = "completed" if is_over else "working"
    return Task(
        task_id=task_id,
        status="cancelled" if timer.is_cancelled else status,
        created_at=timer.began_at,
        changed_at=timer.began_at + timedelta(milliseconds=1),
        message="A timer of the tests.",
        result=timer.end if is_over and not timer.is_cancelled else None,
    )
