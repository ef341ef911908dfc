"""Pages from templates: what each shows of the council's standing, and what it may load.

A page runs the scripts that come with the program and nothing else; it sends its forms to us alone,
and stands in no frame.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse

from mcp_server.host import Host
from mcp_server.rendering.words import new_york
from mcp_server.stop_views import stop_sentences
from mcp_server.stopping import read_stops
from mcp_server.templating import templates_of
from mcp_server.web.assets import address_of
from mcp_server.web.visitors import visitor_of

if TYPE_CHECKING:
    from jinja2 import Environment

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
    "referrer-policy": "no-referrer",
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
        "waiting": await app.deps.store.count_rows("trades", where={"status": "pending"}),
    }
    return _rendered(name, request, status, {**standing, **values})


def bare_page(name: str, request: Request, *, status: int = 200, **values: object) -> HTMLResponse:
    """Return the template `name` as a page that says nothing of the council's standing."""
    return _rendered(name, request, status, values)


def _rendered(name: str, request: Request, status: int, values: Mapping[str, Any]) -> HTMLResponse:
    template = _templates().get_template(f"{name}.html.j2")
    around = {"visitor": visitor_of(request), "path": request.url.path}
    return HTMLResponse(template.render({**around, **values}), status_code=status, headers=HEADERS)


@cache
def _templates() -> "Environment":
    templates = templates_of(__package__)
    templates.globals |= {"asset": address_of, "sections": SECTIONS}
    templates.filters["new_york"] = new_york
    return templates
