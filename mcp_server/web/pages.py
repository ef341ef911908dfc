"""The pages of the trades that wait: all of them, and one ticket with the arguments about it."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.errors import CouncilError
from council.errors import UnknownTrade
from mcp_server.apps.cards import read_cards
from mcp_server.host import Host
from mcp_server.readings import list_trades, one_trade
from mcp_server.web.showing import bare_page, page


class Pages:
    """The routes of the pages, on the app that `host` holds open."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def home(self, _: Request) -> Response:
        """Send whoever asks for the server itself to the trades."""
        return RedirectResponse("/approvals", status_code=303)

    async def approvals(self, request: Request) -> Response:
        """Show every trade that waits."""
        app = await self._host.app()
        cards = await read_cards(app, await list_trades(app, status="pending"))
        return await page("approvals", request, self._host, cards=cards)

    async def approval(self, request: Request) -> Response:
        """Show one ticket, decided or not."""
        app = await self._host.app()
        try:
            trade = await one_trade(app.deps.store, request.path_params["trade_id"])
        except UnknownTrade as error:
            return bare_page(
                "problem", request, status=404, title="No such trade", sentence=str(error)
            )
        (card,) = await read_cards(app, (trade,))
        return await page("ticket", request, self._host, card=card)


async def shown_problem(request: Request, error: Exception) -> Response:
    """Show an expected failure, such as a database that is away, as a sentence."""
    status = 503 if isinstance(error, CouncilError) and error.retryable else 500
    return bare_page(
        "problem", request, status=status, title="This page cannot be shown", sentence=str(error)
    )
