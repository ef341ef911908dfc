"""A gateway that takes its time for each answer and says afterwards how long it took.

Run by itself (`python -m tests.bench.gateway 2.0`) it prints its address; a GET of `MEASURED` there
gives the seconds of the slowest answer of each stage, and forgets them.
"""

import asyncio
import json
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.system.chat_gateway import ChatGateway, running_gateway

MEASURED = "/measured"


@dataclass
class TimedGateway(ChatGateway):
    """A gateway that keeps how long each stage's slowest answer took."""

    slowest: dict[str, float] = field(default_factory=dict)

    def app(self) -> Starlette:
        """Return the app, with a route for what was measured."""
        app = super().app()
        app.router.routes.append(Route(f"/v1{MEASURED}", self._measured))
        return app

    async def _answer(self, request: Request) -> JSONResponse:
        began = perf_counter()
        answer = await super()._answer(request)
        stage = (await request.json())["response_format"]["json_schema"]["name"]
        self.slowest[stage] = max(perf_counter() - began, self.slowest.get(stage, 0.0))
        return answer

    async def _measured(self, _: Request) -> JSONResponse:
        measured, self.slowest = self.slowest, {}
        return JSONResponse(measured)


@asynccontextmanager
async def gateway_process(answer_seconds: float) -> AsyncIterator[str]:
    """Run the gateway in a process of its own; yields the base URL for its clients."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, str(answer_seconds),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def slowest_answers(gateway: str) -> dict[str, float]:
    """Return the slowest answer's seconds by stage since they were asked for last."""
    return await asyncio.to_thread(_fetched, f"{gateway}{MEASURED}")


def _fetched(address: str) -> dict[str, float]:
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - our own on loopback
        found: dict[str, float] = json.load(answer)
        return found


async def _serve(gateway: TimedGateway) -> None:
    async with running_gateway(gateway) as address:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(TimedGateway(delay_seconds=float(sys.argv[1]))))
