"""A week that is over: the one that waits in the other tests' database, after its end."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.clock import SystemClock, VirtualClock
from config.loader import load_config
from config.market_calendar import xnys
from config.settings import Settings
from config.weeks import CouncilWeek, current_week
from mcp_server.wiring import App, Terms, assembled

OpenApp = Callable[[], AbstractAsyncContextManager[App]]


@dataclass(frozen=True, slots=True)
class PastWeek:
    """The week in the database of `settings`, and how to look at it at any time."""

    settings: Settings
    window: CouncilWeek

    @property
    def week_id(self) -> str:
        return self.window.week_id

    @property
    def over_at(self) -> datetime:
        return self.window.ends_at + timedelta(hours=1)

    def opening(self, at: datetime | None = None) -> OpenApp:
        """Return what opens the council at `at`, by default an hour after the week's end."""

        @asynccontextmanager
        async def opened() -> AsyncIterator[App]:
            terms = Terms(clock=VirtualClock(at or self.over_at))
            async with assembled(self.settings, terms) as app:
                yield app

        return opened


def past_week(settings: Settings) -> PastWeek:
    schedule = load_config(settings.council_config).schedule
    return PastWeek(settings, current_week(SystemClock().now(), xnys(), schedule))
