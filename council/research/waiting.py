"""Waits for a job at a research service on the injected clock, and says how long it has been."""

from collections.abc import Callable
from datetime import datetime, timedelta

from config.clock import Clock
from council.model.research import Report
from council.research.service import Failed, KeyRefused, ResearchService, Running

_TOLD_EVERY = timedelta(minutes=1)


async def awaited(
    job_id: str,
    service: ResearchService,
    clock: Clock,
    *,
    taken_at: datetime,
    tell: Callable[[str], None],
) -> Report | Failed | KeyRefused | Running:
    """Look at the job, once at least, until it ends; Running where its time is up.

    The time counts from `taken_at`, so that a process that takes over does not wait anew.
    """
    patience = service.patience
    deadline_at, told_at = taken_at + patience.give_up_after, clock.now()
    while True:
        look = await service.look(job_id)
        now = clock.now()
        if not isinstance(look, Running) or now >= deadline_at:
            return look
        if now - told_at >= _TOLD_EVERY:
            told_at = now
            tell(f"{service.name} is still searching, {_minutes(now - taken_at)}")
        await clock.sleep(min(patience.poll_every, deadline_at - now))


def _minutes(duration: timedelta) -> str:
    return f"{duration / timedelta(minutes=1):.0f} min so far"
