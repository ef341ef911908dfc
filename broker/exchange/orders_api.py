"""Alpaca's routes for orders: send, replace, cancel, read."""

from collections.abc import Sequence
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.exchange.answers import JsonAnswer
from broker.exchange.desk import NOT_FOUND, TradingDesk
from broker.exchange.errors import RequestRefused
from broker.exchange.order_body import change_of, decoded, draft_of
from broker.exchange.query import (
    account_of,
    bad_field,
    choice,
    count,
    flag,
    id_or_none,
    instant_or_none,
    words,
)
from broker.exchange.rows import OrderFilter
from broker.exchange.wire import error_json, order_json
from broker.models import Side

MOST_ORDERS_LISTED = 500
_DEFAULT_ORDERS_LISTED = 50
_CANCELED = 200


class OrdersApi:
    """Endpoints for an account's orders."""

    def __init__(self, desk: TradingDesk) -> None:
        self._desk = desk

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        one = "/v2/orders/{order_id}"
        return [
            Route("/v2/orders", self._submit, methods=["POST"]),
            Route("/v2/orders", self._list, methods=["GET"]),
            Route("/v2/orders", self._cancel_all, methods=["DELETE"]),
            Route("/v2/orders:by_client_order_id", self._by_client_id, methods=["GET"]),
            Route(one, self._get, methods=["GET"]),
            Route(one, self._replace, methods=["PATCH"]),
            Route(one, self._cancel, methods=["DELETE"]),
        ]

    async def _submit(self, request: Request) -> Response:
        draft = draft_of(decoded(await request.body()))
        return JsonAnswer(order_json(await self._desk.submit(account_of(request), draft)))

    async def _list(self, request: Request) -> Response:
        chosen = _order_filter(request)
        classes = words(request, "asset_class")
        if classes and not {"us_equity", "all"} & set(classes):
            return JsonAnswer([])
        orders = await self._desk.orders(account_of(request), chosen)
        return JsonAnswer([order_json(order) for order in orders])

    async def _get(self, request: Request) -> Response:
        order_id = _order_id(request)
        order = await self._desk.order(account_of(request), "order_id", order_id)
        return JsonAnswer(order_json(order))

    async def _by_client_id(self, request: Request) -> Response:
        client_order_id = request.query_params.get("client_order_id", "")
        if not client_order_id.isprintable():
            raise RequestRefused(404, NOT_FOUND, "order not found")
        order = await self._desk.order(account_of(request), "client_order_id", client_order_id)
        return JsonAnswer(order_json(order))

    async def _replace(self, request: Request) -> Response:
        order_id, change = _order_id(request), change_of(decoded(await request.body()))
        order = await self._desk.replace(account_of(request), order_id, change)
        return JsonAnswer(order_json(order))

    async def _cancel(self, request: Request) -> Response:
        await self._desk.cancel(account_of(request), _order_id(request))
        return Response(status_code=204)

    async def _cancel_all(self, request: Request) -> Response:
        outcomes = await self._desk.cancel_all(account_of(request))
        rows = [
            {"id": str(order.order_id), "status": _CANCELED}
            if refused is None
            else {"id": str(order.order_id), "status": refused.status, "body": error_json(refused)}
            for order, refused in outcomes
        ]
        return JsonAnswer(rows, status_code=207)


def _order_id(request: Request) -> UUID:
    text = request.path_params["order_id"]
    try:
        return UUID(text)
    except ValueError as error:
        raise RequestRefused(404, NOT_FOUND, f"order not found for {text}") from error


def _order_filter(request: Request) -> OrderFilter:
    # Nested is about legs, and a simple order has none: read so that nonsense is refused.
    flag(request, "nested")
    chosen = OrderFilter(
        status=choice(request, "status", ("open", "closed", "all")),
        limit=count(request, "limit", most=MOST_ORDERS_LISTED, default=_DEFAULT_ORDERS_LISTED),
        after=instant_or_none(request, "after"),
        until=instant_or_none(request, "until"),
        oldest_first=choice(request, "direction", ("desc", "asc")) == "asc",
        symbols=words(request, "symbols") or None,
        side=choice(request, "side", ("", *Side)) or None,
        after_order_id=id_or_none(request, "after_order_id"),
        before_order_id=id_or_none(request, "before_order_id"),
    )
    borders = [chosen.after_order_id, chosen.before_order_id, chosen.after or chosen.until]
    if sum(border is not None for border in borders) > 1:
        raise bad_field("only one of before_order_id, after_order_id, after/until is accepted")
    return chosen
