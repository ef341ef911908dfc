"""The pages of the trades that wait: all of them, one ticket, and what it would add up to.

They read and change nothing; `deciding.py` holds what a person does with a ticket.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from config.errors import CouncilError
from council.errors import UnknownTrade
from council.trading.lifecycle import TradeStatus, load_trade
from mcp_server import operations
from mcp_server.exposures import PATIENCE, waiting_exposure
from mcp_server.host import Host
from mcp_server.readings import one_trade
from mcp_server.rendering.words import new_york
from mcp_server.shapes import TradeShape
from mcp_server.trade_history import read_history
from mcp_server.web.sheets import read_sheets, waiting_page
from mcp_server.web.showing import bare_page, page, sent_to
from mcp_server.web.visitors import visitor_of
from mcp_server.wiring import App

Way = Literal["here", "sign-in", "unset", "read-only"]
"""Whether whoever looks may decide on this page: now, once signed in, or why not at all."""

CHANNELS: Final[Mapping[str, str]] = {
    "cli": "in a terminal",
    "web": "on the web page",
    "api": "through the API",
    "elicitation": "in an assistant's form",
    "tool": "by a phrase given to an assistant",
    "app_card": "on a card in a chat",
    "demo": "by the demonstration itself",
    "simulation": "by the simulation itself",
}
TRUSTS: Final[Mapping[str, str]] = {
    "human_direct": "who gave the passphrase for it",
    "local_user": "who was signed in",
    "client_relayed": "as a program passed it on",
    "demo": "a script",
    "simulation": "a script",
}
_SHORT_PATIENCE: Final = timedelta(seconds=1)
"""So long a ticket waits for the venues; its own page of what it adds up to waits longer."""


class Pages:
    """The pages, on the app that `host` holds open."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def home(self, _: Request) -> Response:
        """Send whoever asks for the server itself to the trades."""
        return sent_to("/approvals")

    async def approvals(self, request: Request) -> Response:
        """Show the trades that wait, a page of them."""
        app = await self._host.app()
        try:
            trades, following = await waiting_page(app, request.query_params.get("after"))
        except UnknownTrade as error:
            return missing(request, error)
        return await page(
            "approvals",
            request,
            self._host,
            sheets=await read_sheets(app, trades),
            following=following,
            way=way_of(request, self._host),
        )

    async def approval(self, request: Request) -> Response:
        """Show one ticket, decided or not, and everything that was said and done about it."""
        app = await self._host.app()
        try:
            trade = await one_trade(app.deps.store, request.path_params["trade_id"])
        except UnknownTrade as error:
            return missing(request, error)
        (sheet,) = await read_sheets(app, (trade,))
        return await page(
            "ticket",
            request,
            self._host,
            sheet=sheet,
            card=sheet.card,
            decided=decided_words(trade),
            sending=sending_words(trade, app),
            is_revocable=await _is_revocable(trade, app),
            exposure=await waiting_exposure(app, (trade,), patience=_SHORT_PATIENCE),
            history=await read_history(app.deps.store, trade.trade_id, trade.account),
            way=way_of(request, self._host),
        )

    async def exposure(self, request: Request) -> Response:
        """Show what all accounts would hold with the trade filled, however long venues take."""
        app = await self._host.app()
        try:
            trade = await one_trade(app.deps.store, request.path_params["trade_id"])
        except UnknownTrade as error:
            return missing(request, error)
        seen = await waiting_exposure(app, (trade,), patience=PATIENCE)
        return await page("exposure", request, self._host, trade=trade, exposure=seen)


def trade_routes(host: Host) -> Sequence[Route]:
    """Return the routes of the pages of trades."""
    pages = Pages(host)
    return (
        Route("/", pages.home),
        Route("/approvals", pages.approvals),
        Route("/approvals/{trade_id}", pages.approval),
        Route("/approvals/{trade_id}/exposure", pages.exposure),
    )


def way_of(request: Request, host: Host) -> Way:
    """Return whether and how whoever asks may decide here."""
    visitor = visitor_of(request)
    if host.only_shows:
        return "read-only"
    if visitor.has_signed_in:
        return "here"
    return "sign-in" if visitor.can_sign_in else "unset"


def decided_words(trade: TradeShape) -> str:
    """Say who decided on a trade, how, when and why; "" while nobody has."""
    if trade.approver is None:
        return ""
    verb = "Rejected" if trade.status == "rejected" else "Approved"
    parts = [f"{verb} by {trade.approver}"]
    if trade.approval_channel is not None:
        parts.append(_word(CHANNELS, trade.approval_channel))
    if trade.approval_timestamp is not None:
        parts.append(f"on {new_york(trade.approval_timestamp)} New York")
    trust = f" ({_word(TRUSTS, trade.approval_trust)})" if trade.approval_trust else ""
    why = f': "{trade.rejection_reason}"' if trade.rejection_reason else ""
    return f"{' '.join(parts)}{trust}{why}."


def sending_words(trade: TradeShape, app: App) -> str:
    """Say when the executor sends what was approved; "" where nothing waits to be sent."""
    return f"{sending_clause(trade, app)}." if trade.status == "approved" else ""


def sending_clause(trade: TradeShape, app: App) -> str:
    """Say what the executor sends of a ticket and when, as a sentence without its full stop."""
    if not trade.legs:
        return "No order is needed: nothing is sent"
    what = "its order" if len(trade.legs) == 1 else "its orders, one after the other"
    opens_at = operations.market_opens_at(app)
    when = "now" if opens_at is None else f"after the open at {new_york(opens_at)} New York"
    return f"The executor sends {what} {when}"


def _word(words: Mapping[str, str], name: str) -> str:
    return words.get(name, name.replace("_", " "))


async def _is_revocable(trade: TradeShape, app: App) -> bool:
    """Whether the approval can still be taken back: until an order is about to be sent."""
    if trade.status != "approved":
        return False
    state = await load_trade(app.deps.store, UUID(trade.trade_id))
    return state.status is TradeStatus.APPROVED


def missing(request: Request, error: UnknownTrade) -> Response:
    """Show that there is no such trade."""
    return bare_page("problem", request, status=404, title="No such trade", sentence=str(error))


async def shown_problem(request: Request, error: Exception) -> Response:
    """Show an expected failure, such as a database that is away, as a sentence."""
    status = 503 if isinstance(error, CouncilError) and error.retryable else 500
    return bare_page(
        "problem", request, status=status, title="This page cannot be shown", sentence=str(error)
    )
