"""Pages from templates: what each shows of the council's standing, and what it may load.

A page runs the scripts that come with the program and nothing else; it sends its forms to us alone,
and stands in no frame.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.clock import NEW_YORK
from council.analytics.charting.axes import signed
from council.untrusted import clean_text
from mcp_server.host import Host
from mcp_server.rendering.words import new_york
from mcp_server.stop_views import stop_sentences
from mcp_server.stopping import read_stops
from mcp_server.templating import templates_of
from mcp_server.web.assets import address_of
from mcp_server.web.countdown import time_left
from mcp_server.web.visitors import visitor_of

if TYPE_CHECKING:
    from jinja2 import Environment

    from mcp_server.wiring import App

POSITION: Final = "council.position"
"""Key of a request's ASGI scope: how far the log went before the page was read."""

SECTIONS: Final = (
    ("/approvals", "Waiting"),
    ("/weeks", "Weeks"),
    ("/leaderboard", "Leaderboard"),
    ("/costs", "Costs"),
    ("/events", "Events"),
    ("/status", "Status"),
)
"""The pages that every page leads to, in their order: address and name."""

HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # With "no-referrer" browsers would name no origin even in forms that go to ourselves.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""What every page is sent with."""


async def page(
    name: str, request: Request, host: Host, *, status: int = 200, **values: object
) -> HTMLResponse:
    """Return the template `name` (such as "ticket") as a page, with the council's standing.

    Raises:
        CouncilError: the app cannot be opened, or the store does not answer.
    """
    app = await host.app()
    standing = {
        "mode": app.standing.mode,
        "venue": app.standing.venue,
        "approval_mode": app.deps.config.risk.approval.mode,
        "stops": stop_sentences(await read_stops(app)),
        "degraded": app.standing.degraded,
        "at": app.deps.clock.now(),
        "waiting": await count_waiting(app),
        "position": request.scope.get(POSITION),
    }
    return _rendered(name, request, status, {**standing, **values})


async def count_waiting(app: "App") -> int:
    """Return how many trades wait for a person."""
    return await app.deps.store.count_rows("trades", where={"status": "pending"})


def bare_page(name: str, request: Request, *, status: int = 200, **values: object) -> HTMLResponse:
    """Return the template `name` as a page that says nothing of the council's standing."""
    return _rendered(name, request, status, values)


def sent_to(address: str) -> Response:
    """Send the browser on to another page of ours, which it only asks for."""
    return RedirectResponse(address, status_code=303, headers=HEADERS)


def _rendered(name: str, request: Request, status: int, values: Mapping[str, Any]) -> HTMLResponse:
    template = _templates().get_template(f"{name}.html.j2")
    around = {"visitor": visitor_of(request), "path": request.url.path}
    return HTMLResponse(template.render({**around, **values}), status_code=status, headers=HEADERS)


@cache
def _templates() -> "Environment":
    templates = templates_of(__package__)
    templates.finalize = _visible
    templates.globals |= {"asset": address_of, "sections": SECTIONS}
    templates.filters["new_york"] = new_york
    templates.filters["new_york_time"] = _new_york_time
    templates.filters["signed"] = lambda value, **terms: signed(float(value), **terms)
    templates.filters["time_left"] = time_left
    return templates


def _visible(value: object) -> object:
    """Leave out of every text what nobody sees: it could turn the words around it about."""
    # Markup is ours, and has been here before.
    return clean_text(value) if type(value) is str else value


def _new_york_time(instant: datetime) -> str:
    """Show an instant as New York's clocks do today, such as "13:05"."""
    return instant.astimezone(NEW_YORK).strftime("%H:%M")
