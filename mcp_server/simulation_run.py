"""The weeks of a simulation that are left to play, in one process, and copies of them on the way.

Between two copies only time is lost: what is played again leaves the same facts.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from broker.exchange.prices import PriceSource
from config.clock import VirtualClock
from config.market_calendar import xnys
from config.schema import Config
from config.settings import Settings
from config.weeks import council_week
from council.simulate import SimulationPlan
from mcp_server.simulated_week import play_week, staged
from mcp_server.simulation_files import keep_files
from mcp_server.simulation_notices import warned
from mcp_server.simulation_record import SimulationRecord, keep_result, week_begins, week_ends
from mcp_server.simulation_result import result_of
from mcp_server.simulation_shapes import SimulationShape
from mcp_server.wiring import App, Terms, assembled
from store.addresses import with_database
from store.copies import set_aside
from store.errors import StoreUnavailable

SAVING_SHARE: Final = 0.02
"""Of the time that a simulation takes, what copies of its database may cost."""
_FIRST_SAVE_SECONDS: Final = 0.05
"""What the first copy is taken to cost."""

_FAREWELL_STEPS: Final = 5_000
_FAREWELL_STEP_SECONDS: Final = 0.001
YOUNG_OBJECTS: Final = 20_000
"""New objects after which the collector looks through them: about those of a week."""


@dataclass(frozen=True, slots=True)
class WeekDone:
    """Told at the beginning and after each week: how many of how many weeks stand whole."""

    week_id: str
    done: int
    weeks: int


Tell = Callable[[WeekDone], None]


def database_of(name: str) -> str:
    """Return the database of the simulation called `name`."""
    return f"council_sim_{name}"


def copy_of(name: str) -> str:
    """Return the database that keeps the simulation's last whole week.

    No simulation's name has the sign, so none is mistaken for the copy of another.
    """
    return f"{database_of(name)}$saved"


@dataclass(frozen=True, slots=True)
class SimulationRun:
    """One process's part of a simulation; `dsn` names any database of the server."""

    plan: SimulationPlan
    settings: Settings
    dsn: str = field(repr=False)
    config: Config
    tell: Tell
    prices: PriceSource
    notices: tuple[str, ...]

    async def play(self, record: SimulationRecord) -> SimulationShape:
        """Play the weeks that are left and write down the result."""
        began = monotonic() - record.seconds
        clock = self._clock(record.weeks_done)
        address = with_database(self.dsn, database_of(self.plan.name))
        answers = self.settings.council_home / "answers" if self.plan.live else None
        terms = Terms(
            clock=clock,
            prices=self.prices,
            dsn=address,
            halt_file=False,
            answers=answers,
            alone=True,
        )
        async with assembled(self.settings, terms) as opened:
            app = warned(opened, self.plan)
            await self._play_weeks(app, clock, record.weeks_done, began=began)
            result = await result_of(
                self.plan,
                app,
                prices=self.prices.source,
                notices=self.notices,
                seconds=monotonic() - began,
            )
            await keep_files(app, result)
            await keep_result(app.pool, result.model_dump_json())
            return result

    async def _play_weeks(
        self, app: App, clock: VirtualClock, weeks_done: int, *, began: float
    ) -> None:
        stage = staged(self.plan, app.deps, clock)
        saves = _Saves(self.dsn, self.plan.name, app)
        ids = self.plan.week_ids
        self._tell(weeks_done, ids)
        for number in range(weeks_done, len(ids)):
            await week_begins(app.pool)
            await play_week(ids[number], stage)
            await week_ends(app.pool, number + 1, monotonic() - began)
            self._tell(number + 1, ids)
            await saves.save_if_due()

    def _tell(self, done: int, ids: Sequence[str]) -> None:
        self.tell(WeekDone(ids[min(done, len(ids) - 1)], done, len(ids)))

    def _clock(self, weeks_done: int) -> VirtualClock:
        """Return the clock as it stands after the weeks that are done."""
        schedule, ids = self.config.schedule, self.plan.week_ids
        if weeks_done:
            return VirtualClock(council_week(ids[weeks_done - 1], xnys(), schedule).ends_at)
        return VirtualClock(council_week(ids[0], xnys(), schedule).starts_at)


@dataclass(slots=True)
class _Saves:
    """Copies of the database as it stands after a whole week, so often that they cost little."""

    dsn: str = field(repr=False)
    name: str
    app: App
    _saved_at: float = field(default_factory=monotonic)
    _cost_seconds: float = _FIRST_SAVE_SECONDS

    async def save_if_due(self) -> None:
        """Set a copy aside if the time since the last one is worth it."""
        began = monotonic()
        if (began - self._saved_at) * SAVING_SHARE < self._cost_seconds:
            return
        await set_aside(self.dsn, database_of(self.name), copy=copy_of(self.name))
        await self._sessions_are_gone()
        self._saved_at = monotonic()
        self._cost_seconds = self._saved_at - began

    async def _sessions_are_gone(self) -> None:
        """Wait until the pool has heard that its sessions were ended: then it opens new ones."""
        for _ in range(_FAREWELL_STEPS):
            if not self.app.pool.get_size():
                return
            await asyncio.sleep(_FAREWELL_STEP_SECONDS)
        raise StoreUnavailable("The database does not end its sessions: try again.")
