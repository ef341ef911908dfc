"""Bars by the minute and the newest quotes and trades, for whoever keeps prices of its own.

Many symbols share one request; what an answer leaves out has no prices there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Literal, TypeVar

from broker.accounts import checked_data_url, is_loopback
from broker.alpaca.client import DATA_TIMEOUT_SECONDS, open_data_client
from broker.alpaca.failures import Failed, translated
from broker.alpaca.market_data import PAGE_SIZE, bar_pages
from broker.alpaca.wire import Json, instant_from, json_object, quote_from
from broker.alpaca.worker import Worker
from broker.models import Bar, Quote
from config.settings import AlpacaCredentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from alpaca.data.historical.stock import StockHistoricalDataClient

_Answer = TypeVar("_Answer")

_DEADLINE_SECONDS = 120.0
"""For a whole call: ten years of days are several pages."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest of one symbol; None where there is no such thing, or no quote of both sides."""

    quote: Quote | None
    trade_price: Decimal | None
    traded_at: datetime | None


class PriceReader:
    """Reads one data host with one key; opens nothing before the first call."""

    def __init__(
        self,
        credentials: AlpacaCredentials,
        data_url: str,
        *,
        timeout_seconds: tuple[float, float] = DATA_TIMEOUT_SECONDS,
    ) -> None:
        """Check the address; ask nobody yet.

        Raises:
            NotPaperHost: the address is neither Alpaca's data host nor loopback.
        """
        origin = checked_data_url(data_url)
        # The free plan has real-time prices from IEX only; an exchange on loopback has no feeds.
        self._feed = {} if is_loopback(origin) else {"feed": "iex"}
        self._worker: Worker[StockHistoricalDataClient] = Worker(
            lambda: open_data_client(credentials, origin, timeout_seconds=timeout_seconds),
            "prices",
            deadline_seconds=_DEADLINE_SECONDS,
        )

    async def minutes(
        self, symbols: Sequence[str], start_at: datetime, end_at: datetime
    ) -> tuple[Bar, ...]:
        """Return the minutes that start from `start_at` to `end_at`, at the prices of their time.

        Raises:
            VenueUnreachable: no usable answer.
            BadCredentials: the service does not accept the key.
        """
        return await self._bars(symbols, "1Min", start_at, end_at=end_at, adjustment="raw")

    async def days(
        self, symbols: Sequence[str], start_at: datetime, end_at: datetime
    ) -> tuple[Bar, ...]:
        """Return the days that start from `start_at` to `end_at`, adjusted for what came later.

        Raises:
            VenueUnreachable: no usable answer.
            BadCredentials: the service does not accept the key.
        """
        return await self._bars(symbols, "1Day", start_at, end_at=end_at, adjustment="all")

    async def history(
        self, symbols: Sequence[str], start_at: datetime, end_at: datetime
    ) -> tuple[Bar, ...]:
        """Return the days as `days` does, but of all exchanges together.

        The free plan has them where `end_at` is more than 15 minutes ago.

        Raises:
            VenueUnreachable: no usable answer.
            BadCredentials: the service does not accept the key.
        """
        feed = {"feed": "sip"} if self._feed else {}
        return await self._bars(
            symbols, "1Day", start_at, end_at=end_at, adjustment="all", feed=feed
        )

    async def newest(self, symbols: Sequence[str]) -> Mapping[str, Newest]:
        """Return the newest of each symbol that has anything at all.

        Raises:
            VenueUnreachable: no usable answer.
            BadCredentials: the service does not accept the key.
        """
        query = {"symbols": ",".join(symbols), **self._feed}
        return await self._call(lambda client: _all_newest(client.get("/stocks/snapshots", query)))

    async def aclose(self) -> None:
        """Close the connection; later calls raise VenueUnreachable."""
        await self._worker.aclose()

    async def _bars(
        self,
        symbols: Sequence[str],
        timeframe: Literal["1Min", "1Day"],
        start_at: datetime,
        *,
        end_at: datetime,
        adjustment: Literal["raw", "all"],
        feed: Mapping[str, str] | None = None,
    ) -> tuple[Bar, ...]:
        query = {
            "symbols": ",".join(symbols),
            "timeframe": timeframe,
            "start": start_at.isoformat(),
            "end": end_at.isoformat(),
            "adjustment": adjustment,
            "limit": str(PAGE_SIZE),
            **(self._feed if feed is None else feed),
        }
        return await self._call(lambda client: tuple(chain.from_iterable(bar_pages(client, query))))

    async def _call(self, work: "Callable[[StockHistoricalDataClient], _Answer]") -> _Answer:
        try:
            return await self._worker.call(work)
        except Failed as failure:
            raise translated(failure, "Market data") from failure


def _all_newest(answer: object) -> dict[str, Newest]:
    snapshots = json_object(answer)
    return {symbol: _newest(symbol, one) for symbol, one in snapshots.items() if one}


def _newest(symbol: str, snapshot: Json) -> Newest:
    quote, trade = snapshot.get("latestQuote"), snapshot.get("latestTrade")
    return Newest(
        quote=quote_from(symbol, quote) if quote else None,
        trade_price=Decimal(str(trade["p"])) if trade else None,
        traded_at=instant_from(trade["t"]) if trade else None,
    )
