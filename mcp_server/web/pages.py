"""The pages that show: the trades that wait, and one ticket with the arguments for and against it.

They change nothing and load nothing: one HTML document with its style inside, without a script.
Text that models wrote is escaped like any other.
"""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.errors import CouncilError
from council.errors import UnknownTrade
from mcp_server.apps.cards import read_cards
from mcp_server.host import Host
from mcp_server.readings import list_trades, one_trade
from mcp_server.rendering.words import new_york
from mcp_server.stop_views import stop_sentences
from mcp_server.stopping import read_stops
from mcp_server.wiring import App

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER: Final = "templates"
_BASE_HEADERS: Final = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Pages:
    """The routes of the pages, on the app that `host` holds open."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def home(self, _: Request) -> Response:
        """Send whoever asks for the server itself to the trades."""
        return RedirectResponse("/approvals", status_code=303)

    async def approvals(self, _: Request) -> Response:
        """Show every trade that waits."""
        app = await self._host.app()
        cards = await read_cards(app, await list_trades(app, status="pending"))
        return page("approvals", **await _standing(app), cards=cards)

    async def approval(self, request: Request) -> Response:
        """Show one ticket, decided or not."""
        app = await self._host.app()
        try:
            trade = await one_trade(app.deps.store, request.path_params["trade_id"])
        except UnknownTrade as error:
            return page("problem", 404, title="No such trade", sentence=str(error))
        (card,) = await read_cards(app, (trade,))
        return page("ticket", **await _standing(app), card=card)


async def shown_problem(_: Request, error: Exception) -> Response:
    """Show an expected failure, such as a database that is away, as a sentence."""
    status = 503 if isinstance(error, CouncilError) and error.retryable else 500
    return page("problem", status, title="This page cannot be shown", sentence=str(error))


def page(name: str, status: int = 200, **values: object) -> HTMLResponse:
    """Return the template `name` (such as "ticket") as a page that may load nothing."""
    template = _templates().get_template(f"{name}.html.j2")
    return HTMLResponse(template.render(values), status_code=status, headers=_headers())


async def _standing(app: App) -> Mapping[str, Any]:
    standing = app.standing
    return {
        "mode": standing.mode,
        "venue": standing.venue,
        "stops": stop_sentences(await read_stops(app)),
        "degraded": standing.degraded,
        "at": app.deps.clock.now(),
    }


@cache
def _style() -> str:
    return files(__package__).joinpath(_FOLDER, "page.css").read_text("utf-8")


@cache
def _headers() -> dict[str, str]:
    """Return what every page is sent with: it may run, load and be framed by nothing."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return {**_BASE_HEADERS, "content-security-policy": policy}


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - for pages only

    templates = Environment(
        loader=PackageLoader(__package__, _FOLDER),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["style"] = _style()
    templates.filters["new_york"] = new_york
    return templates
