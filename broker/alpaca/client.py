"""The one factory of alpaca-py clients, with the SDK's dangerous defaults taken away.

Left alone, the SDK has no timeout, sends an order up to four times on 429 and 504, follows proxy
variables to loopback, and talks to the live market where it is not told otherwise.
"""

from typing import TYPE_CHECKING, TypeVar

from broker.accounts import checked_data_url, checked_trading_url
from config.settings import AlpacaCredentials

if TYPE_CHECKING:
    from alpaca.common.rest import RESTClient
    from alpaca.data.historical.stock import StockHistoricalDataClient
    from alpaca.trading.client import TradingClient

    _Client = TypeVar("_Client", bound=RESTClient)

TIMEOUT_SECONDS = (3.0, 10.0)
"""For the connection, and for a whole answer, counted from the beginning of the request."""

DATA_TIMEOUT_SECONDS = (3.0, 30.0)
"""The same for market data: a page of ten thousand bars takes its time."""


def open_trading_client(
    credentials: AlpacaCredentials,
    trading_url: str,
    *,
    timeout_seconds: tuple[float, float] = TIMEOUT_SECONDS,
) -> "TradingClient":
    """Return a client that can reach `trading_url` and nothing else; it answers raw JSON.

    Raises:
        NotPaperHost: the address is neither Alpaca's paper host nor loopback.
    """
    from alpaca.trading.client import TradingClient  # noqa: PLC0415 - imports pandas, 0.7 s

    origin = checked_trading_url(trading_url)
    client = TradingClient(
        api_key=credentials.key_id,
        secret_key=credentials.secret_key.get_secret_value(),
        paper=True,
        raw_data=True,
        url_override=origin,
    )
    return _tamed(client, origin, timeout_seconds)


def open_data_client(
    credentials: AlpacaCredentials,
    data_url: str,
    *,
    timeout_seconds: tuple[float, float] = DATA_TIMEOUT_SECONDS,
) -> "StockHistoricalDataClient":
    """Return a market-data client for `data_url`; it answers raw JSON.

    Raises:
        NotPaperHost: the address is neither Alpaca's data host nor loopback.
    """
    from alpaca.data.historical.stock import (  # noqa: PLC0415 - imports pandas, 0.7 s
        StockHistoricalDataClient,
    )

    origin = checked_data_url(data_url)
    client = StockHistoricalDataClient(
        api_key=credentials.key_id,
        secret_key=credentials.secret_key.get_secret_value(),
        raw_data=True,
        url_override=origin,
    )
    return _tamed(client, origin, timeout_seconds)


def _tamed(client: "_Client", origin: str, timeout_seconds: tuple[float, float]) -> "_Client":
    from broker.alpaca.session import GuardedSession  # noqa: PLC0415 - imports requests

    client._retry = 0  # the constructor ignores 0 and takes 3; an order must never be sent twice
    client._retry_codes = []
    client._session.close()
    client._session = GuardedSession(origin, timeout_seconds)
    return client
