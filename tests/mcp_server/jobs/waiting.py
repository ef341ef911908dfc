"""Waiting for what other tasks or processes do, for a bounded time."""

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE_SECONDS = 60


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Ask `condition` again and again until it is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)
