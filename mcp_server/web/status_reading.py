"""How things stand by the record alone: no venue is asked, so that the page comes at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from config.weeks import CouncilWeek, council_week
from council.alert_facts import (
    ALERTS_STREAM,
    AlertDoubted,
    AlertFailed,
    AlertGathered,
    AlertSent,
)
from council.untrusted import clean_text
from mcp_server.host import Host
from mcp_server.measure_views import drift_line
from mcp_server.operations import market_opens_at, week_in_force
from mcp_server.readings import read_drifts, read_silences
from mcp_server.stop_shapes import AccountStopsShape
from mcp_server.stopping import read_stops
from mcp_server.web.account_reading import Held, Worth, read_worth
from mcp_server.web.health import executor_words
from mcp_server.wiring import App
from store.events import EventFilter, Page, StoredEvent

_ALERTS: Final = 10
"""The newest that are shown."""
_UNDER_WAY: Final = ("approved", "executed")


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account: its newest mark, what it holds by the record, what stands still in it."""

    account: str
    venue: str
    account_number: str
    worth: Worth
    held: tuple[Held, ...]
    stops: AccountStopsShape


@dataclass(frozen=True, slots=True)
class AlertLine:
    """Something about a message to the owner, or about its way to one address."""

    at: datetime
    what: str
    words: str
    is_trouble: bool


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at a glance; sentences where there is something to say."""

    executor: str
    database: str
    accounts: tuple[AccountLine, ...]
    is_halted: bool
    window: CouncilWeek
    last_stage: str | None
    has_begun: bool
    pending: int
    under_way: int
    market_opens_at: datetime | None
    drift: str | None
    silences: tuple[str, ...]
    alerts: tuple[AlertLine, ...]
    events: int


async def read_status(app: App, host: Host) -> Status:
    """Return how things stand; the server's own part of it is that of `host`."""
    deps, stops = app.deps, await read_stops(app)
    week_id = week_in_force(app)
    rows = await deps.store.rows("week_metadata", where={"week_id": week_id})
    begun: Mapping[str, Any] = rows[0] if rows else {}
    drifts = await read_drifts(deps.store)
    return Status(
        executor=executor_words(host),
        database=app.database,
        accounts=tuple([await _account(app, own) for own in stops.accounts]),
        is_halted=stops.halt_file is not None or any(own.halted for own in stops.accounts),
        window=council_week(week_id, deps.calendar, deps.config.schedule),
        last_stage=begun.get("last_stage"),
        has_begun=bool(rows),
        pending=await deps.store.count_rows("trades", where={"status": "pending"}),
        under_way=await deps.store.count_rows("trades", where={"status": _UNDER_WAY}),
        market_opens_at=market_opens_at(app),
        drift=drift_line(drifts) if drifts else None,
        silences=await read_silences(app),
        alerts=await _alerts(app),
        events=await deps.store.head(),
    )


async def _account(app: App, stops: AccountStopsShape) -> AccountLine:
    config = next(own for own in app.deps.config.accounts if own.nickname == stops.account)
    worth, held = await read_worth(app, stops.account)
    return AccountLine(
        account=stops.account,
        venue=app.standing.venue_of(stops.account),
        account_number=config.account_number,
        worth=worth,
        held=held,
        stops=stops,
    )


async def _alerts(app: App) -> tuple[AlertLine, ...]:
    """Return the newest news of telling the owner, newest first."""
    wanted = EventFilter(stream_prefix=ALERTS_STREAM, event_types=tuple(_WHAT))
    events = await app.deps.store.read_page(wanted, Page(_ALERTS, descending=True))
    return tuple(map(_alert, events))


def _alert(event: StoredEvent) -> AlertLine:
    own, kind = event.payload, event.event_type
    about = [own.get("title"), own.get("address"), own.get("reason")]
    return AlertLine(
        at=event.timestamp,
        what=_WHAT[kind],
        words=": ".join(clean_text(str(words)) for words in about if words),
        is_trouble=kind in {AlertFailed.__name__, AlertDoubted.__name__},
    )


_WHAT: Final[Mapping[str, str]] = {
    AlertGathered.__name__: "written",
    AlertSent.__name__: "sent",
    AlertFailed.__name__: "failed",
    AlertDoubted.__name__: "perhaps lost",
}
"""What each kind of fact about alerts comes to; the others say nothing to a person."""
