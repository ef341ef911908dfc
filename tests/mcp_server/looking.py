"""A real server on loopback whose council stands at a chosen time, and a browser that looks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import httpx2

from config.clock import VirtualClock
from config.settings import Settings
from mcp_server.host import Host
from mcp_server.wiring import App, Terms, assembled
from tests.mcp_server.web import listening, nothing


@asynccontextmanager
async def looking(
    settings: Settings, at: datetime
) -> AsyncIterator[tuple[App, httpx2.AsyncClient]]:
    """Yield the app of a server that listens, and what looks at its pages."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[App]:
        async with assembled(settings, Terms(clock=VirtualClock(at), models=False)) as app:
            yield app

    host = Host(opened, nothing)
    async with listening(settings.council_home, host) as port:
        address = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=address, timeout=60) as browser:
            yield await host.app(), browser
