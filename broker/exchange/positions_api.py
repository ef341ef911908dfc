"""Alpaca's routes for positions: read them, close them."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.exchange.answers import JsonAnswer
from broker.exchange.assets_api import known_asset
from broker.exchange.desk import NOT_FOUND, ClosePart, TradingDesk
from broker.exchange.errors import RequestRefused
from broker.exchange.orders import BookOrder
from broker.exchange.query import account_of, amount_or_none, bad_field, flag
from broker.exchange.wire import Json, error_json, order_json, position_json

_MISSING = "position does not exist"
_MOST_SHARES = 10**9
_ALL_OF_IT = 100


class PositionsApi:
    """Endpoints for an account's positions."""

    def __init__(self, desk: TradingDesk) -> None:
        self._desk = desk

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        return [
            Route("/v2/positions", self._list, methods=["GET"]),
            Route("/v2/positions", self._close_all, methods=["DELETE"]),
            Route("/v2/positions/{symbol}", self._get, methods=["GET"]),
            Route("/v2/positions/{symbol}", self._close, methods=["DELETE"]),
        ]

    async def _list(self, request: Request) -> Response:
        positions = await self._desk.reports.positions(account_of(request))
        return JsonAnswer([position_json(position) for position in positions])

    async def _get(self, request: Request) -> Response:
        asset = known_asset(self._desk, request, complaint=_MISSING)
        for position in await self._desk.reports.positions(account_of(request)):
            if position.holding.symbol == asset.symbol:
                return JsonAnswer(position_json(position))
        raise RequestRefused(404, NOT_FOUND, _MISSING)

    async def _close(self, request: Request) -> Response:
        asset = known_asset(self._desk, request, complaint=_MISSING)
        order = await self._desk.close(account_of(request), asset.symbol, _part(request))
        return JsonAnswer(order_json(order))

    async def _close_all(self, request: Request) -> Response:
        cancels = flag(request, "cancel_orders")
        outcomes = await self._desk.close_all(account_of(request), cancels_orders=cancels)
        rows = [_closed_json(symbol, outcome) for symbol, outcome in outcomes]
        return JsonAnswer(rows, status_code=207)


def _part(request: Request) -> ClosePart:
    part = ClosePart(
        quantity=amount_or_none(request, "qty", most=_MOST_SHARES),
        percentage=amount_or_none(request, "percentage", most=_ALL_OF_IT),
    )
    if part.quantity is not None and part.percentage is not None:
        raise bad_field("only one of qty or percentage is accepted")
    return part


def _closed_json(symbol: str, outcome: BookOrder | RequestRefused) -> Json:
    if isinstance(outcome, RequestRefused):
        return {"symbol": symbol, "status": outcome.status, "body": error_json(outcome)}
    return {"symbol": symbol, "status": 200, "body": order_json(outcome)}
