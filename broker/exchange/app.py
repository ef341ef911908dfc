"""The simulated exchange as one web application: trading, market data and stream under one origin.

A request passes, from the outside in: the faults that were ordered, the key, the limit of requests,
and the fetching of prices. Refusals become Alpaca's error bodies here and nowhere else.
"""

from collections.abc import Collection, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from broker.exchange.data_api import DataApi
from broker.exchange.desk import NOT_FOUND, TradingDesk
from broker.exchange.errors import RequestRefused
from broker.exchange.faults import FaultPlan
from broker.exchange.faulty_wire import FaultyWire
from broker.exchange.fetching import FetchedPrices
from broker.exchange.gate import KeyGate, KeyRing
from broker.exchange.hours import HoursMode, TradingHours
from broker.exchange.prices import SYNTHETIC_SYMBOLS, PriceSource
from broker.exchange.request_limit import REQUESTS_PER_MINUTE, RequestLimit
from broker.exchange.rules import AssetRules
from broker.exchange.state import ExchangeAccount, ExchangeState
from broker.exchange.stream import TradeUpdateStream
from broker.exchange.tape import Tape
from broker.exchange.trading_api import TradingApi
from broker.exchange.watching import JournalWatch
from config.clock import Clock
from config.market_calendar import xnys

__all__ = ["ExchangeAccount", "create_exchange"]


def create_exchange(  # noqa: PLR0913 - each a switch of its own, given by name
    *,
    pool: Any,
    prices: PriceSource,
    clock: Clock,
    accounts: Sequence[ExchangeAccount],
    hours: HoursMode = "xnys",
    not_shortable: Collection[str] = (),
    hard_to_borrow: Collection[str] = (),
    sends_easy_to_borrow: bool = True,
    requests_per_minute: int | None = REQUESTS_PER_MINUTE,
    faults: FaultPlan | None = None,
    is_alone: bool = False,
) -> Starlette:
    """Return the exchange over an asyncpg pool, which stays its caller's to close.

    Assets are the instruments with prices and those that the synthetic market knows: one without
    prices exists, but its orders are refused for want of a quote. Without `sends_easy_to_borrow`
    assets lack the field of that name; `requests_per_minute` limits each key (None: no limit);
    `faults` makes the wire, the short flags and cancellations fail by plan. With `is_alone` nobody
    else may serve these accounts, in whatever process: what is remembered of them is believed.

    Raises:
        ConfigError: A key id lacks the prefix SIM, or two accounts share a key or a number.
    """
    keys = KeyRing(accounts)
    trading_hours = TradingHours(xnys(), hours)
    assets = _assets(prices, not_shortable, hard_to_borrow)
    plan = faults or FaultPlan()
    desk = TradingDesk(
        state=ExchangeState(pool),
        prices=prices,
        clock=clock,
        hours=trading_hours,
        assets=assets,
        asset_rules=lambda symbol, at: plan.as_of(assets[symbol], at) if symbol in assets else None,
        is_stuck=plan.is_stuck,
        is_alone=is_alone,
    )
    trading = TradingApi(
        desk, clock=clock, hours=trading_hours, sends_easy_to_borrow=sends_easy_to_borrow
    )
    market = DataApi(Tape(prices=prices, clock=clock, hours=trading_hours))
    stream = TradeUpdateStream(desk, keys, JournalWatch(pool, clock))
    return Starlette(
        routes=[*trading.routes(), *market.routes(), *stream.routes()],
        middleware=[
            *([Middleware(FaultyWire, plan=faults, clock=clock)] if faults else []),
            Middleware(KeyGate, keys=keys),
            Middleware(RequestLimit, clock=clock, requests_per_minute=requests_per_minute),
            Middleware(FetchedPrices),
        ],
        exception_handlers={RequestRefused: _refused, 404: _not_found, 500: _failed},
    )


def _assets(
    prices: PriceSource, not_shortable: Collection[str], hard_to_borrow: Collection[str]
) -> dict[str, AssetRules]:
    return {
        symbol: AssetRules(symbol, symbol not in not_shortable, symbol not in hard_to_borrow)
        for symbol in sorted({*prices.symbols, *SYNTHETIC_SYMBOLS})
    }


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestRefused):
        raise error
    code = {} if error.code is None else {"code": error.code}
    body = {**code, "message": str(error), **error.extras}
    return JSONResponse(body, status_code=error.status)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"code": NOT_FOUND, "message": "endpoint not found."}, status_code=404)


async def _failed(_request: Request, _error: Exception) -> Response:
    """Answer for a failure of our own; the web server logs its traceback."""
    body = {"code": 50010000, "message": "internal server error occurred"}
    return JSONResponse(body, status_code=500)
