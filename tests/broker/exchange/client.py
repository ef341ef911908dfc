"""A running exchange with the SDK's clients for it; only their use of proxies is changed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from alpaca.common.exceptions import APIError
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import (
    LimitOrderRequest,
    MarketOrderRequest,
    StopLimitOrderRequest,
    StopOrderRequest,
)

from broker.exchange.app import ExchangeAccount, create_exchange
from broker.exchange.desk import TradingDesk
from broker.exchange.prices import PriceSource
from broker.exchange.rules import AssetRules
from broker.exchange.server import running_exchange
from broker.exchange.state import ExchangeState
from config.clock import VirtualClock
from tests.broker.exchange.builders import make_hours

ACCOUNTS = tuple(
    ExchangeAccount(f"SIM{number}", f"secret-{number}", f"PASIM{number}", Decimal(100_000))
    for number in (1, 2)
)


_REQUESTS: dict[tuple[bool, bool], Callable[..., Any]] = {
    (False, False): MarketOrderRequest,
    (True, False): LimitOrderRequest,
    (False, True): StopOrderRequest,
    (True, True): StopLimitOrderRequest,
}


@dataclass(frozen=True)
class Desk:
    origin: str
    clock: VirtualClock
    trading: TradingClient
    market: StockHistoricalDataClient

    async def call(self, method: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.to_thread(method, *args)

    async def submit(self, client_order_id: str | None, quantity: float = 10, **fields: Any) -> Any:
        wanted = {
            "symbol": "SPY",
            "side": OrderSide.BUY,
            "time_in_force": TimeInForce.DAY,
            "qty": quantity,
            "client_order_id": client_order_id,
        }
        kind = _REQUESTS["limit_price" in fields, "stop_price" in fields]
        return await self.call(self.trading.submit_order, kind(**(wanted | fields)))

    async def refusal(self, client_order_id: str, quantity: float = 10, **fields: Any) -> APIError:
        try:
            await self.submit(client_order_id, quantity, **fields)
        except APIError as error:
            return error
        raise AssertionError("the exchange took the order")

    async def refused(self, method: Callable[..., Any], *args: Any) -> APIError:
        try:
            await self.call(method, *args)
        except APIError as error:
            return error
        raise AssertionError("the exchange did as it was told")

    async def order(self, client_order_id: str) -> Any:
        return await self.call(self.trading.get_order_by_client_id, client_order_id)

    def pass_time(self, **duration: float) -> None:
        self.clock.advance_to(self.clock.now() + timedelta(**duration))


@asynccontextmanager
async def running_desk(
    pool: Any, prices: PriceSource, clock: VirtualClock, **options: Any
) -> AsyncIterator[Desk]:
    app = create_exchange(pool=pool, prices=prices, clock=clock, accounts=ACCOUNTS, **options)
    async with running_exchange(app) as origin:
        trading = trading_client(origin, ACCOUNTS[0])
        account = ACCOUNTS[0]
        market = StockHistoricalDataClient(account.key_id, account.secret_key, url_override=origin)
        market._session.trust_env = False
        yield Desk(origin, clock, trading, market)
        trading._session.close()
        market._session.close()


def trading_client(origin: str, account: ExchangeAccount) -> TradingClient:
    client = TradingClient(account.key_id, account.secret_key, url_override=origin)
    client._session.trust_env = False
    return client


def open_desk(pool: Any, prices: PriceSource, clock: VirtualClock, **options: Any) -> TradingDesk:
    return TradingDesk(
        state=ExchangeState(pool),
        prices=prices,
        clock=clock,
        hours=make_hours(),
        assets={"SPY": AssetRules("SPY"), "TLT": AssetRules("TLT")},
        **options,
    )
