"""The same call again, while nothing has changed: answered with what was sent before.

A tool says when its answer is nothing but one shared reading (`mcp_server.shared_reading`). Such an
answer holds exactly as long as that reading, which is asked of the log at every call; what is
spared is checking the same words and encoding the same answer once more.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from config import telemetry
from config.errors import CouncilError
from mcp_server.host import Host
from mcp_server.shared_reading import Reading, noting_whole

LONGEST_LOOK: Final = timedelta(seconds=5)
"""At the log, to learn whether an answer holds; then the tool asks, and says what is wrong."""
_MOST_KEPT: Final = 50
_MOST_CHARACTERS: Final = 2_000
"""Of a call that is remembered, with all that it says of its client."""

_Context = ServerRequestContext[Any, Any]


@dataclass(frozen=True, slots=True)
class _Sent:
    reading: Reading[Any]
    answer: Mapping[str, Any]


class Repeated:
    """Middleware of one server behind all that refuses; `tools` are those that may be repeated.

    Two calls are the same if all of their parameters are, with what they say of the client.
    """

    def __init__(self, tools: Collection[str]) -> None:
        self._tools = frozenset(tools)
        self._sent: dict[tuple[str, str], _Sent] = {}

    async def __call__(self, ctx: _Context, call_next: CallNext) -> HandlerResult:
        """Answer as before where that still holds, else as the tool does."""
        params = ctx.params or {}
        tool = params.get("name")
        # Nobody has looked at the words yet: a name may be anything.
        if ctx.method != "tools/call" or not isinstance(tool, str) or tool not in self._tools:
            return await call_next(ctx)
        call = (ctx.protocol_version, repr(params))
        sent = self._sent.get(call)
        if sent is not None and await _holds(sent.reading, ctx.lifespan_context):
            telemetry.count(telemetry.TOOL_CALLS, tool, "answered")
            return dict(sent.answer)
        with noting_whole() as noted:
            answer = await call_next(ctx)
        if len(noted) == 1 and isinstance(answer, dict) and not answer.get("isError"):
            self._keep(call, _Sent(noted[0], dict(answer)))
        return answer

    def _keep(self, call: tuple[str, str], sent: _Sent) -> None:
        if len(call[1]) > _MOST_CHARACTERS:
            return
        if len(self._sent) >= _MOST_KEPT:
            self._sent.clear()
        self._sent[call] = sent


async def _holds(reading: Reading[Any], host: Host) -> bool:
    if not host.is_open:
        return False
    deps = (await host.app()).deps
    try:
        async with asyncio.timeout(LONGEST_LOOK.total_seconds()):
            return await host.shared.holds(reading, deps)
    except (CouncilError, TimeoutError):
        return False
