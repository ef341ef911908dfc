"""The pages of the record: what models cost, every event of the log, and how things stand."""

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from config.errors import UsageError
from council.codec import KINDS
from council.untrusted import clean_text
from mcp_server import operations
from mcp_server.cost_shapes import CostsShape
from mcp_server.costs import read_costs
from mcp_server.host import Host
from mcp_server.web.api.calls import Kept
from mcp_server.web.log_reading import event_at, event_by_id, event_line, read_log
from mcp_server.web.showing import bare_page, page, sent_to
from mcp_server.web.status_reading import read_status
from mcp_server.wiring import App
from store.events import EventFilter

WEEKS: Final = 26
"""Of the costs by week, the newest that are shown before one asks for more."""
_LONGEST: Final = 100
"""Of what a filter is given; no stream, kind, week or account has a longer name."""
_A_POSITION: Final = re.compile(r"[1-9]\d{0,17}", re.ASCII)
_NO_PAGE: Final = "No such page"
_FILTERS: Final = ("stream", "kind", "week", "account")


def records_routes(host: Host) -> Sequence[Route]:
    """Return the routes of costs, events and status, on the app that `host` holds open."""
    records = RecordPages(host)
    return (
        Route("/costs", records.costs),
        Route("/events", records.events),
        Route("/events/{event}", records.event),
        Route("/status", records.status),
    )


class RecordPages:
    """The pages, and the costs of all weeks as they were added up last."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._kept = Kept()

    async def costs(self, request: Request) -> Response:
        """Show what models cost, in all weeks or in one, and how much of the caps is used."""
        app, asked = await self._host.app(), _asked(request, "week")
        try:
            costs = await self._costs(app, asked)
        except UsageError as error:
            return _missing(request, _NO_PAGE, str(error))
        return await page("costs", request, self._host, costs=costs, newest_weeks=WEEKS)

    async def events(self, request: Request) -> Response:
        """Show the log, newest first: fifty events, those that the filters leave."""
        asked = {name: _asked(request, name) for name in _FILTERS}
        try:
            before, after = (_position(request, name) for name in ("before", "after"))
        except UsageError as error:
            return _missing(request, _NO_PAGE, str(error))
        app = await self._host.app()
        wanted = EventFilter(
            stream_prefix=asked["stream"],
            event_types=(asked["kind"],) if asked["kind"] else (),
            week_id=asked["week"] or None,
            account_id=asked["account"] or None,
        )
        return await page(
            "events",
            request,
            self._host,
            log=await read_log(app.deps.store, wanted, before=before, after=after),
            asked=asked,
            kinds=sorted(KINDS),
            accounts=[own.nickname for own in app.deps.config.accounts],
            is_first=before is None and after is None,
        )

    async def event(self, request: Request) -> Response:
        """Show one event by its position; by its id, send on to there."""
        app, named = await self._host.app(), request.path_params["event"]
        store = app.deps.store
        if not _A_POSITION.fullmatch(named):
            found = await event_by_id(store, UUID(named)) if _is_id(named) else None
            if found is not None:
                return sent_to(f"/events/{found.position}")
        else:
            found = await event_at(store, int(named))
        if found is None:
            sentence = f'There is no event "{clean_text(named[:_LONGEST])}" in the log.'
            return _missing(request, "No such event", sentence)
        return await page(
            "event", request, self._host, line=event_line(found), head=await store.head()
        )

    async def status(self, request: Request) -> Response:
        """Show how things stand by the record; venues are asked only where the person wants it."""
        app = await self._host.app()
        asks = request.query_params.get("ask") == "venues"
        return await page(
            "status",
            request,
            self._host,
            shown=await read_status(app, self._host),
            asked=await operations.status(app) if asks else None,
        )

    async def _costs(self, app: App, week: str) -> CostsShape:
        """Return the costs of a week, of all where none is named, kept for weeks that have any."""
        every = await self._kept_costs(app, None)
        if not week:
            return every
        week_id = operations.checked_week(week)
        if all(line.name != week_id for line in every.weeks):
            return await read_costs(app, week_id)
        return await self._kept_costs(app, week_id)

    async def _kept_costs(self, app: App, week_id: str | None) -> CostsShape:
        name = f"costs {week_id}"
        costs = await self._kept.read(name, app, lambda: read_costs(app, week_id))
        if not isinstance(costs, CostsShape):
            raise TypeError("Something else than the costs was kept under their name.")
        return costs


def _asked(request: Request, name: str) -> str:
    """Return what a filter asks for, empty for nothing."""
    return clean_text(request.query_params.get(name, "")[:_LONGEST]).strip()


def _position(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not _A_POSITION.fullmatch(text):
        raise UsageError("The log has no such place: begin with its newest events.")
    return int(text)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _missing(request: Request, title: str, sentence: str) -> Response:
    return bare_page("problem", request, status=404, title=title, sentence=sentence)
