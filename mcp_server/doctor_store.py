"""The doctor's checks of the database: how large, who waits, and what was done to keep it safe."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

from council.slot_facts import SlotSkipped
from council.upkeep_facts import BackupMade, ChainHeadPublished
from mcp_server.shapes import CheckShape
from mcp_server.wiring import App
from store.events import EventFilter, Page, StoredEvent
from store.measures import read_measures, read_waiting

HEAD_DUE: Final = timedelta(days=3)
"""A head is published daily; a weekend of a machine that was off is no news."""
BACKUP_DUE: Final = timedelta(days=7)
SLOTS_SHOWN: Final = timedelta(days=8)
_LONG_WAIT: Final = timedelta(seconds=10)
_MOST_OF_CONNECTIONS: Final = 0.8
_SKIPPED: Final = 20


async def of_store(app: App) -> AsyncIterator[CheckShape]:
    """Yield what the database and its record say of themselves."""
    yield await _server(app)
    yield await _locks(app)
    yield await _kept(app, ChainHeadPublished.__name__, "chain head", HEAD_DUE)
    yield await _kept(app, BackupMade.__name__, "backup", BACKUP_DUE)
    yield await _slots(app)


async def _server(app: App) -> CheckShape:
    found = await read_measures(app.pool)
    is_full = found.connections > _MOST_OF_CONNECTIONS * found.most_connections
    return CheckShape(
        check="database server",
        result="warn" if is_full else "ok",
        message=f"PostgreSQL {found.version}, {found.bytes / 1e6:,.0f} MB, {found.connections} of "
        f"{found.most_connections} connections",
        mend="Close what else uses it, lower DB_MAX_POOL_SIZE, or raise max_connections.",
    )


async def _locks(app: App) -> CheckShape:
    found = await read_waiting(app.pool)
    is_stuck = found.longest > _LONG_WAIT
    message = "nobody waits for another's lock"
    if found.sessions:
        sessions = "1 session waits" if found.sessions == 1 else f"{found.sessions} sessions wait"
        message = f"{sessions} for a lock, for {found.longest.total_seconds():.0f} s"
    mend = "See pg_blocking_pids() for who holds it; a command that hangs may be ended."
    result = "warn" if is_stuck else "ok"
    return CheckShape(check="locks", result=result, message=message, mend=mend)


_MENDS: Final = {
    "chain head": "`council job daily` publishes it; `council install systemd` does so every day.",
    "backup": "`council db backup`, or set COUNCIL_BACKUP_DIR for one a day.",
}


async def _kept(app: App, kind: str, check: str, due: timedelta) -> CheckShape:
    """Check when something was done last that keeps the record safe; a young one needs nothing."""
    last, now = await _newest(app, kind), app.deps.clock.now()
    if last is not None:
        days = (now - last.timestamp) / timedelta(days=1)
        return CheckShape(
            check=check,
            result="warn" if now - last.timestamp > due else "ok",
            message=f"last on {last.timestamp:%Y-%m-%d %H:%M} UTC, {days:.0f} days ago",
            mend=_MENDS[check],
        )
    first = await app.deps.store.read_page(EventFilter(), Page(1))
    is_due = bool(first) and now - first[0].timestamp > due
    return CheckShape(
        check=check, result="warn" if is_due else "ok", message="none yet", mend=_MENDS[check]
    )


async def _slots(app: App) -> CheckShape:
    """Point at scheduled work that did not happen lately."""
    now = app.deps.clock.now()
    wanted = EventFilter(event_types=(SlotSkipped.__name__,))
    newest = await app.deps.store.read_page(wanted, Page(_SKIPPED, descending=True))
    late = [event for event in newest if now - event.timestamp < SLOTS_SHOWN]
    if not late:
        return CheckShape(check="slots", result="ok", message="none was skipped in eight days")
    named = ", ".join(f"{event.payload['job']} {event.payload['slot']}" for event in late[:3])
    return CheckShape(
        check="slots",
        result="warn",
        message=f"{len(late)} skipped in eight days, last {named}",
        mend="See that this machine is on at those times: `systemctl list-timers 'council*'`.",
    )


async def _newest(app: App, kind: str) -> StoredEvent | None:
    page = Page(1, descending=True)
    found = await app.deps.store.read_page(EventFilter(event_types=(kind,)), page)
    return found[0] if found else None
