"""Who is at work on a week that lacks stages: this process, another by its traces, or nobody.

The lock that tells runs apart is not asked: whoever took it to look would turn a run away.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from config.market_calendar import xnys
from config.weeks import council_week
from council.context import WeekContext
from council.run_requests import newest_request
from council.steps import STAGES
from council.untrusted import clean_text
from mcp_server.host import Host
from mcp_server.rendering.words import new_york
from mcp_server.runs import run_id_for
from mcp_server.wiring import App

FRESH: Final = timedelta(minutes=3)
"""So long after a call to a model somebody is likely to be still at work, wherever that is."""


@dataclass(frozen=True, slots=True)
class RunStanding:
    """Whether somebody is at work on the week now; `sentence` is "" for a week with all stages."""

    at_work: bool
    sentence: str


async def run_standing(
    host: Host, context: WeekContext, newest_call_at: datetime | None
) -> RunStanding:
    """Return how the run of a week stands; `newest_call_at` is when a model was asked last."""
    if set(STAGES) <= context.completed:
        return RunStanding(False, "")
    app, week_id = await host.app(), context.week_id
    if host.runs.is_running(week_id):
        return RunStanding(True, "A run is in progress: what it stores appears here.")
    if _is_elsewhere(host, app, week_id, newest_call_at):
        return RunStanding(
            True, "A run is in progress in another process." + _asked(newest_call_at)
        )
    return RunStanding(False, await _idle_words(host, app, week_id))


def _is_elsewhere(host: Host, app: App, week_id: str, newest_call_at: datetime | None) -> bool:
    if host.runs.is_elsewhere(week_id):
        return True
    return newest_call_at is not None and app.deps.clock.now() - newest_call_at < FRESH


def _asked(at: datetime | None) -> str:
    return "" if at is None else f" A model was asked last at {new_york(at)} New York."


async def _idle_words(host: Host, app: App, week_id: str) -> str:
    """Say why nobody is at work, and what would carry the week on."""
    deps, run_id = app.deps, run_id_for(week_id)
    if deps.clock.now() > council_week(week_id, xnys(), deps.config.schedule).last_entry_at:
        return "Nobody is at work on it, and its last entry has passed: it stays unfinished."
    failure, newest = (
        host.runs.failure_of(week_id, run_id),
        await newest_request(run_id, deps.store),
    )
    command = f"`council run-weekly --week {week_id}` goes on from what is stored."
    if failure is not None:
        return f"The run failed: {clean_text(failure).rstrip('.')}. {command}"
    if newest is not None and newest.is_cancelled:
        return f"The run was taken back. {command}"
    return f"Nobody is at work on it. {command}"
