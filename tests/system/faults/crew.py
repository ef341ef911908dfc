"""The executors of one run: started, killed as their scenario says, and started again."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.system.faults import children
from tests.system.faults.grounds import Grounds
from tests.system.faults.scenario import Scenario
from tests.system.faults.seat import Seat


class Crew:
    """Keeps a number of executors alive through all their deaths."""

    def __init__(self, grounds: Grounds, scenario: Scenario, seat: Seat, folder: Path) -> None:
        self._grounds = grounds
        self._scenario = scenario
        self._seat = seat
        self._folder = folder
        self.surprises: list[str] = []
        """Deaths that nobody had ordered."""

    @asynccontextmanager
    async def at_work(self, executors: int) -> AsyncIterator[None]:
        """Let `executors` work on the run until the context ends; then they are killed."""
        async with asyncio.TaskGroup() as group:
            working = [group.create_task(self._keep_alive(slot)) for slot in range(executors)]
            try:
                yield
            finally:
                for task in working:
                    task.cancel()

    async def approve_and_die(self, trade_id: UUID) -> None:
        """Let a process approve a trade and die with the approval on its lips."""
        process = self._grounds.start(children.run_approver, self._seat, trade_id, self._folder)
        await self._ended(process)

    def kills(self) -> Counter[str]:
        """Return at which failpoints processes died, and how often."""
        return Counter(children.deaths_in(self._folder))

    def outbursts(self) -> list[str]:
        """Return what executors logged of errors that they had not expected."""
        log = self._folder / "executors.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return [line for line in lines if "cycle_failed" in line]

    async def _keep_alive(self, slot: int) -> None:
        for doom in self._scenario.dooms(slot):
            process = self._grounds.start(children.run_executor, self._seat, doom, self._folder)
            await self._ended(process)
            if process.exitcode != -signal.SIGKILL:
                self.surprises.append(f"executor {slot} ended with code {process.exitcode}")

    async def _ended(self, process: Any) -> None:
        """Wait for the end of `process`; kill it if nobody wants to wait any more."""
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(process.sentinel, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(process.sentinel)
            process.kill()
            process.join()
