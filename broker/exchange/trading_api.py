"""The routes of Alpaca's trading API, all of them together."""

from collections.abc import Sequence

from starlette.routing import Route

from broker.exchange.account_api import AccountApi
from broker.exchange.assets_api import AssetsApi
from broker.exchange.desk import TradingDesk
from broker.exchange.hours import TradingHours
from broker.exchange.orders_api import OrdersApi
from broker.exchange.positions_api import PositionsApi
from config.clock import Clock


class TradingApi:
    """Endpoints over a desk; every request carries its account in `request.state`.

    Without `sends_easy_to_borrow` assets lack the field of that name, as Alpaca has announced.
    """

    def __init__(
        self,
        desk: TradingDesk,
        *,
        clock: Clock,
        hours: TradingHours,
        sends_easy_to_borrow: bool = True,
    ) -> None:
        self._parts = (
            AccountApi(desk, clock=clock, hours=hours),
            PositionsApi(desk),
            OrdersApi(desk),
            AssetsApi(desk, clock=clock, hours=hours, sends_easy_to_borrow=sends_easy_to_borrow),
        )

    def routes(self) -> Sequence[Route]:
        """Return the routes; the order matters where a path holds a parameter."""
        return [route for part in self._parts for route in part.routes()]
