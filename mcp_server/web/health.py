"""Whether the server lives, and whether it is of use: for whoever starts and watches it.

Both answer everybody who names us rightly, so neither says anything worth hiding.
"""

import asyncio
from datetime import timedelta
from importlib.metadata import version
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from config.errors import CouncilError
from council.codec import KINDS
from mcp_server.duties import sends_orders
from mcp_server.host import Host
from store.kinds import refuse_unknown_kinds

_TIMEOUT: Final = timedelta(seconds=5)
"""For the database; who watches gives up soon after."""
_NO_STORE: Final = {"cache-control": "no-store"}


class Health:
    """The routes that tell how the server is, on the app that `host` holds open."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def health(self, _: Request) -> Response:
        """Say that the process answers."""
        alive = {"status": "alive", "version": version("llm-trading-council")}
        return JSONResponse(alive, headers=_NO_STORE)

    async def ready(self, _: Request) -> Response:
        """Say whether database, read tables and executor work; 503 unless all of them do."""
        checks: dict[str, Any] = {
            "executor": executor_words(self._host),
            "database": await self._database(),
        }
        is_ready = self._host.is_working and checks["database"] == "answers"
        standing = (await self._host.app()).standing if self._host.is_open else None
        return JSONResponse(
            {
                "ready": is_ready,
                **checks,
                "mode": standing and standing.mode,
                "venue": standing and standing.venue,
            },
            status_code=200 if is_ready else 503,
            headers=_NO_STORE,
        )

    async def _database(self) -> str:
        """Say whether it answers, and whether this version folds all that is in its log."""
        if not self._host.is_open:
            return "not asked"
        app = await self._host.app()
        try:
            async with asyncio.timeout(_TIMEOUT.total_seconds()):
                await refuse_unknown_kinds(app.pool, KINDS)
        except CouncilError as error:
            # Where it would be is nobody's business; what this version lacks may be said.
            return "away" if error.retryable else str(error)
        except TimeoutError:
            return "away"
        return "answers"


def executor_words(host: Host) -> str:
    """Say whether what sends approved orders works in this server."""
    if not host.is_working:
        return "stopped: it begins anew in a moment, and the log says why"
    if not sends_orders(host.role):
        return f"not here: the login of {host.role} sends no orders"
    return "not here: this server only reads" if host.reads_only else "working"
