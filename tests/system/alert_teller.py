"""Tells in a process of its own, on a real database, and may die at a named point."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta

from config.clock import SystemClock
from config.settings import load_settings
from council.alerts.teller import Teller, tell_for_ever
from mcp_server.alerting import carrier_of, letterhead
from mcp_server.wiring import Terms, opened_store
from tests.system.faults.scaled_clock import ScaledClock


async def tell(point: str, speed: float) -> None:
    """Look many times a second until somebody ends this process; its time runs `speed` times."""
    settings = load_settings()
    carrier = carrier_of(settings)
    assert carrier is not None

    def failpoint(reached: str) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    clock = ScaledClock.started(SystemClock().now(), speed)
    async with opened_store(settings, Terms(clock=clock)) as app:
        deps = replace(app.deps, failpoint=failpoint)
        head = letterhead(app.standing, settings.council_web_url)
        teller = Teller(deps, carrier, head, window=timedelta(seconds=0.2))
        await tell_for_ever(teller, asyncio.Event(), timedelta(seconds=0.05))


if __name__ == "__main__":
    asyncio.run(tell(sys.argv[1], float(sys.argv[2])))
