"""`council job NAME` or `council worker` in a process of its own, on a day that the test chooses.

The arguments are `job NAME` or `worker HEARTBEAT_SECONDS`; JOBS_CLOCK holds the instant and what
the machine's monotonic clock showed then, so that all processes of a test have one clock.
"""

import asyncio
import os
import sys
from datetime import datetime, timedelta

from council.jobs.timetable import JOBS
from mcp_server.jobs.work import carry_out_job
from mcp_server.jobs.worker import WorkerTerms, work_on
from mcp_server.wiring import Terms, assembled, settled
from tests.system.faults.scaled_clock import ScaledClock

LOOKING = timedelta(seconds=0.5)


def clock() -> ScaledClock:
    start_at, began = os.environ["JOBS_CLOCK"].split()
    return ScaledClock(datetime.fromisoformat(start_at), float(began), 1.0)


async def run(kind: str, argument: str) -> None:
    async with assembled(settled(level="INFO"), Terms(clock=clock())) as app:
        if kind == "job":
            name = next(job for job in JOBS if job == argument)
            for result in await carry_out_job(app, name):
                sys.stdout.write(f"{result.slot}|{result.state}\n")
            return
        terms = WorkerTerms(timedelta(seconds=float(argument)), LOOKING)
        await work_on(app, terms)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2]))
