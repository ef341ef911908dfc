"""The simulated exchange as one web application: trading and market data under one origin.

Clients prove themselves by Alpaca's two headers. Refusals become Alpaca's error bodies here and
nowhere else.
"""

import hmac
from collections.abc import Collection, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.exchange.data_api import DataApi
from broker.exchange.desk import NOT_FOUND, TradingDesk
from broker.exchange.errors import RequestRefused
from broker.exchange.hours import HoursMode, TradingHours
from broker.exchange.prices import SYNTHETIC_SYMBOLS, PriceSource
from broker.exchange.rules import AssetRules
from broker.exchange.state import ExchangeAccount, ExchangeState
from broker.exchange.tape import Tape
from broker.exchange.trading_api import TradingApi
from config.clock import Clock
from config.errors import ConfigError
from config.market_calendar import MarketCalendar, xnys

__all__ = ["ExchangeAccount", "create_exchange"]

KEY_ID_PREFIX = "SIM"
_NO_KEY_PAGE = "<html><head><title>401 Authorization Required</title></head><body></body></html>"


def create_exchange(
    *,
    pool: Any,
    prices: PriceSource,
    clock: Clock,
    accounts: Sequence[ExchangeAccount],
    hours: HoursMode = "xnys",
    not_shortable: Collection[str] = (),
    hard_to_borrow: Collection[str] = (),
    calendar: MarketCalendar | None = None,
) -> Starlette:
    """Return the exchange over an asyncpg pool, which stays its caller's to close.

    Assets are the instruments with prices and those that the synthetic market knows: one without
    prices exists, but its orders are refused for want of a quote.

    Raises:
        ConfigError: A key id lacks the prefix SIM, or two accounts share a key or a number.
    """
    trading_hours = TradingHours(calendar or xnys(), hours)
    assets = {
        symbol: AssetRules(symbol, symbol not in not_shortable, symbol not in hard_to_borrow)
        for symbol in sorted({*prices.symbols, *SYNTHETIC_SYMBOLS})
    }
    desk = TradingDesk(
        state=ExchangeState(pool), prices=prices, clock=clock, hours=trading_hours, assets=assets
    )
    trading = TradingApi(desk, clock=clock, hours=trading_hours)
    market = DataApi(Tape(prices=prices, clock=clock, hours=trading_hours))
    return Starlette(
        routes=[*trading.routes(), *market.routes()],
        middleware=[Middleware(_KeyGate, accounts=_checked(accounts))],
        exception_handlers={RequestRefused: _refused, 404: _not_found, 500: _failed},
    )


class _KeyGate:
    """Lets in requests with a known key and leaves their account in the request's state."""

    def __init__(self, app: ASGIApp, accounts: Sequence[ExchangeAccount]) -> None:
        self._app = app
        self._accounts = {account.key_id: account for account in accounts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        account = self._accounts.get(headers.get("apca-api-key-id", ""))
        secret = headers.get("apca-api-secret-key", "")
        if account and hmac.compare_digest(secret.encode(), account.secret_key.encode()):
            scope.setdefault("state", {})["account"] = account
            await self._app(scope, receive, send)
            return
        answer = _unauthorized("apca-api-key-id" in headers)
        await answer(scope, receive, send)


def _unauthorized(has_key: bool) -> Response:
    """Answer as Alpaca does: no numeric code for a wrong key, a web page for none at all."""
    if has_key:
        return JSONResponse({"message": "unauthorized."}, status_code=401)
    return HTMLResponse(_NO_KEY_PAGE, status_code=401)


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


def _checked(accounts: Sequence[ExchangeAccount]) -> Sequence[ExchangeAccount]:
    for account in accounts:
        if not account.key_id.startswith(KEY_ID_PREFIX):
            raise ConfigError(
                f"The simulated exchange refuses the key id {account.key_id}: "
                f"its keys start with {KEY_ID_PREFIX}."
            )
    for name in ("key_id", "account_number"):
        if len({getattr(account, name) for account in accounts}) < len(accounts):
            raise ConfigError(
                f"Two accounts of the simulated exchange share one {name}: give each its own."
            )
    return accounts
