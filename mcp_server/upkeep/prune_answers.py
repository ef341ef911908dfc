"""Raw answers of models that are kept beside the log go when they are as old as the policy says.

The log itself is never touched. Since the policy is set, answers lie beside it, and events name
them by their sha-256; what was recorded before stands in its event and stays. Those of the week in
force stay whatever the policy says: a run of it that goes on would pay for them again. The answers
that live simulations keep as files go as well.
"""

import asyncio
from datetime import date, datetime, time, timedelta
from pathlib import Path

from config.clock import NEW_YORK
from council.upkeep_facts import AnswersPruned
from mcp_server.upkeep.record import record, week_now
from mcp_server.wiring import App
from store.raw_answers import PostgresRawAnswers, Pruned


async def prune_answers(app: App) -> str:
    """Throw away what is older than risk.yaml keeps it; return a sentence on it.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    days = app.deps.config.risk.retention.raw_answers_days
    if days is None:
        return "raw answers are kept for ever"
    before = min(_midnight(app.deps.clock.now()) - timedelta(days=days), _week_began(app))
    gone = await PostgresRawAnswers(app.pool).prune(before)
    files = await asyncio.to_thread(_removed, app.settings.council_home / "answers", before)
    count, size = gone.count + files.count, gone.bytes + files.bytes
    if not count:
        return f"no raw answer is older than {days} days"
    fact = AnswersPruned(week_id=week_now(app.deps), before=before, count=count, bytes=size)
    await record(app.deps, fact)
    return f"{count} raw answers older than {days} days, {size} bytes, were thrown away"


def _midnight(now: datetime) -> datetime:
    """Return when this New York day began: the same moment however often the day is asked for."""
    return now.astimezone(NEW_YORK).replace(hour=0, minute=0, second=0, microsecond=0)


def _week_began(app: App) -> datetime:
    return datetime.combine(date.fromisoformat(week_now(app.deps)), time(), tzinfo=NEW_YORK)


def _removed(folder: Path, before: datetime) -> Pruned:
    """Remove the answers kept in `folder` that nobody wrote since `before`."""
    count = size = 0
    for file in folder.glob("??/*.json"):
        try:
            found = file.stat()
            if found.st_mtime < before.timestamp():
                file.unlink()
                count, size = count + 1, size + found.st_size
        except FileNotFoundError:
            continue  # Another process was a moment faster.
    return Pruned(count, size)
