"""The routes of Alpaca's trading API: accounts, orders, positions, assets, clock and calendar."""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from broker.exchange.desk import NOT_FOUND, TradingDesk
from broker.exchange.errors import RequestRefused
from broker.exchange.hours import TradingHours
from broker.exchange.rules import BAD_FIELD, AssetRules
from broker.exchange.state import ExchangeAccount, OrderFilter
from broker.exchange.wire import (
    UNDECODABLE,
    account_json,
    asset_json,
    calendar_json,
    draft_of,
    order_json,
    parsed_instant,
    position_json,
)
from broker.models import Side
from config.clock import NEW_YORK, Clock
from config.ids import meaning_id
from config.market_calendar import FIRST_DAY, LAST_DAY

MAX_ORDERS_LISTED = 500
_DEFAULT_ORDERS_LISTED = 50
_STATUSES = ("open", "closed", "all")

Endpoint = Callable[[Request], Awaitable[Response]]


class TradingApi:
    """Endpoints over a desk; every request carries its account in `request.state`."""

    def __init__(self, desk: TradingDesk, *, clock: Clock, hours: TradingHours) -> None:
        self._desk = desk
        self._clock = clock
        self._hours = hours

    def routes(self) -> Sequence[Route]:
        """Return the routes; the order matters where a path holds a parameter."""
        gets: dict[str, Endpoint] = {
            "/v2/account": self._account,
            "/v2/orders": self._orders,
            "/v2/orders:by_client_order_id": self._order_by_client_id,
            "/v2/orders/{order_id}": self._order,
            "/v2/positions": self._positions,
            "/v2/positions/{symbol}": self._position,
            "/v2/assets": self._assets,
            "/v2/assets/{symbol}": self._asset,
            "/v2/clock": self._market_clock,
            "/v2/calendar": self._calendar,
        }
        return [
            Route("/v2/orders", self._submit, methods=["POST"]),
            Route("/v2/orders/{order_id}", self._cancel, methods=["DELETE"]),
            *(Route(path, endpoint, methods=["GET"]) for path, endpoint in gets.items()),
        ]

    async def _account(self, request: Request) -> Response:
        return JSONResponse(account_json(await self._desk.account(account_of(request))))

    async def _submit(self, request: Request) -> Response:
        try:
            body = json.loads(await request.body())
        except ValueError as error:
            raise RequestRefused(400, UNDECODABLE, "failed to decode request body") from error
        order = await self._desk.submit(account_of(request), draft_of(body))
        return JSONResponse(order_json(order))

    async def _orders(self, request: Request) -> Response:
        orders = await self._desk.orders(account_of(request), _order_filter(request))
        return JSONResponse([order_json(order) for order in orders])

    async def _order(self, request: Request) -> Response:
        order_id = _order_id(request)
        return JSONResponse(
            order_json(await self._desk.order(account_of(request), "order_id", order_id))
        )

    async def _order_by_client_id(self, request: Request) -> Response:
        client_order_id = request.query_params.get("client_order_id", "")
        if not client_order_id.isprintable():
            raise RequestRefused(404, NOT_FOUND, "order not found")
        order = await self._desk.order(account_of(request), "client_order_id", client_order_id)
        return JSONResponse(order_json(order))

    async def _cancel(self, request: Request) -> Response:
        await self._desk.cancel(account_of(request), _order_id(request))
        return Response(status_code=204)

    async def _positions(self, request: Request) -> Response:
        positions = await self._desk.positions(account_of(request))
        return JSONResponse([position_json(position) for position in positions])

    async def _position(self, request: Request) -> Response:
        asset = self._known_asset(request, "position does not exist")
        for position in await self._desk.positions(account_of(request)):
            if position.holding.symbol == asset.symbol:
                return JSONResponse(position_json(position))
        raise RequestRefused(404, NOT_FOUND, "position does not exist")

    async def _assets(self, request: Request) -> Response:
        wanted = request.query_params
        rows = [asset_json(self._desk.assets[symbol]) for symbol in sorted(self._desk.assets)]
        filters = {"status": "status", "asset_class": "class", "exchange": "exchange"}
        for parameter, column in filters.items():
            rows = [row for row in rows if wanted.get(parameter, row[column]) == row[column]]
        return JSONResponse(rows)

    async def _asset(self, request: Request) -> Response:
        symbol = request.path_params["symbol"]
        return JSONResponse(asset_json(self._known_asset(request, f"asset not found for {symbol}")))

    async def _market_clock(self, _request: Request) -> Response:
        now = self._clock.now()
        next_open_at = self._hours.calendar.next_to_open(now).open_at
        next_close_at = self._hours.calendar.next_to_close(now).close_at
        return JSONResponse(
            {
                "timestamp": now.astimezone(NEW_YORK).isoformat(),
                "is_open": self._hours.is_open(now),
                "next_open": next_open_at.astimezone(NEW_YORK).isoformat(),
                "next_close": next_close_at.astimezone(NEW_YORK).isoformat(),
            }
        )

    async def _calendar(self, request: Request) -> Response:
        start_on = _day(request, "start", FIRST_DAY)
        end_on = _day(request, "end", LAST_DAY)
        sessions = self._hours.calendar.between(start_on, end_on)
        return JSONResponse([calendar_json(session) for session in sessions])

    def _known_asset(self, request: Request, complaint: str) -> AssetRules:
        """Return the asset that the path names by symbol or id."""
        named = request.path_params["symbol"]
        by_id = {str(meaning_id("exchange-asset", one)): one for one in self._desk.assets}
        asset = self._desk.assets.get(by_id.get(named, named))
        if asset is None:
            raise RequestRefused(404, NOT_FOUND, complaint)
        return asset


def account_of(request: Request) -> ExchangeAccount:
    """Return the account whose keys came with the request."""
    account: ExchangeAccount = request.state.account
    return account


def _order_id(request: Request) -> UUID:
    text = request.path_params["order_id"]
    try:
        return UUID(text)
    except ValueError as error:
        raise RequestRefused(404, NOT_FOUND, f"order not found for {text}") from error


def _order_filter(request: Request) -> OrderFilter:
    wanted = request.query_params
    symbols = tuple(filter(None, wanted.get("symbols", "").split(",")))
    after, until = wanted.get("after"), wanted.get("until")
    return OrderFilter(
        status=_one_of(wanted.get("status", "open"), _STATUSES, "status"),
        limit=_limit(wanted.get("limit")),
        after=parsed_instant(after, "after") if after else None,
        until=parsed_instant(until, "until") if until else None,
        oldest_first=_one_of(wanted.get("direction", "desc"), ("asc", "desc"), "direction")
        == "asc",
        symbols=symbols or None,
        side=_one_of(wanted["side"], tuple(Side), "side") if "side" in wanted else None,
    )


def _one_of(value: str, allowed: Sequence[str], name: str) -> str:
    if value not in allowed:
        raise RequestRefused(422, BAD_FIELD, f"invalid {name}: {value}")
    return value


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_ORDERS_LISTED
    if not text.isdecimal() or not 1 <= int(text) <= MAX_ORDERS_LISTED:
        raise RequestRefused(422, BAD_FIELD, f"limit must be from 1 to {MAX_ORDERS_LISTED}")
    return int(text)


def _day(request: Request, name: str, default: date) -> date:
    text = request.query_params.get(name)
    return parsed_instant(text, name).date() if text else default
