"""A council whose models, or whose prices, answer only when a gate is opened: a run in flight."""

import asyncio
import inspect
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from mcp.server.mcpserver import MCPServer

from council.ports import Models
from mcp_server import operations
from mcp_server.host import Host, Pace
from mcp_server.server import server_of
from mcp_server.wiring import App
from tests.mcp_server.conftest import OpenApp

QUICK = Pace(
    first_look=timedelta(milliseconds=50),
    keep_alive=timedelta(milliseconds=50),
    opening=timedelta(seconds=15),
)


@dataclass
class Gate:
    """Holds every question of the stages in `held` (None: of all) until it is opened."""

    held: frozenset[str] | None = None
    failure: Exception | None = None
    """What comes of a held question once the gate is open; None lets it be answered."""
    asked: Counter[str] = field(default_factory=Counter)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)

    async def passed(self, stage: str) -> None:
        self.asked[stage] += 1
        if self.held is None or stage in self.held:
            self.waiting.set()
            await self.opened.wait()
            if self.failure is not None:
                raise self.failure


class HeldModels:
    """The models behind a gate."""

    def __init__(self, models: Models, gate: Gate) -> None:
        self._models = models
        self._gate = gate

    def model_for(self, asked_by: str) -> str:
        return self._models.model_for(asked_by)

    async def ask(self, question: Any) -> Any:
        await self._gate.passed(question.stage)
        return await self._models.ask(question)


class HeldPrices:
    """Market data behind a gate, for a week whose first stage does not get on."""

    def __init__(self, market_data: Any, gate: Gate) -> None:
        self._market_data = market_data
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._market_data, name)
        if not inspect.iscoroutinefunction(own):
            return own

        async def call(*args: Any, **kwargs: Any) -> Any:
            await self._gate.passed("prices")
            return await own(*args, **kwargs)

        return call


def held(open_app: OpenApp, gate: Gate) -> OpenApp:
    """Return what opens the council with models and prices behind `gate`."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[App]:
        async with open_app() as app:
            deps = replace(
                app.deps,
                models=HeldModels(app.deps.models, gate),
                market_data=HeldPrices(app.deps.market_data, gate),
            )
            yield replace(app, deps=deps)

    return opened


def quick_server(open_app: OpenApp, pace: Pace = QUICK) -> MCPServer[Host]:
    """Return a server whose calls wait but a moment."""
    return server_of(lambda: Host(open_app, operations.execute_in_background, pace=pace))
