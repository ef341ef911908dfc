"""Daily bars and latest quotes from Alpaca's market data, or from an exchange on loopback."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from broker.accounts import checked_data_url, is_loopback
from broker.alpaca.client import DATA_TIMEOUT_SECONDS, open_data_client
from broker.alpaca.failures import Failed, translated
from broker.alpaca.wire import bar_from, quote_from
from broker.alpaca.worker import DEADLINE_SECONDS, Worker
from broker.models import Bar, Quote
from config.clock import NEW_YORK, new_york_date
from config.settings import AlpacaCredentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from alpaca.data.historical.stock import StockHistoricalDataClient

_Answer = TypeVar("_Answer")

PAGE_SIZE = 10_000
_MOST_PAGES = 100
"""Ten years of fifty symbols are thirteen pages."""


class AlpacaMarketData:
    """Implements `broker.ports.MarketData`; opens nothing before the first call."""

    def __init__(
        self,
        *,
        credentials: AlpacaCredentials,
        data_url: str,
        source: str,
        timeout_seconds: tuple[float, float] = DATA_TIMEOUT_SECONDS,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """Check the address; ask nobody yet.

        Raises:
            NotPaperHost: the address is neither Alpaca's data host nor loopback.
        """
        origin = checked_data_url(data_url)
        self._source = source
        # The free plan has real-time prices from IEX only; an exchange on loopback has no feeds.
        self._feed = {} if is_loopback(origin) else {"feed": "iex"}
        self._worker: Worker[StockHistoricalDataClient] = Worker(
            lambda: open_data_client(credentials, origin, timeout_seconds=timeout_seconds),
            "market-data",
            deadline_seconds=deadline_seconds,
        )

    @property
    def source(self) -> str:
        """Return where the prices come from."""
        return self._source

    async def daily_bars(
        self, symbols: Sequence[str], start_on: date, end_on: date
    ) -> Mapping[str, tuple[Bar, ...]]:
        """Return daily bars, adjusted for splits and dividends, oldest first; see the port.

        Raises:
            VenueUnreachable: no usable answer.
            BadCredentials: the service does not accept the key.
        """
        if not symbols:
            return {}
        query = {
            "symbols": ",".join(symbols),
            "timeframe": "1Day",
            "start": datetime.combine(start_on, time.min, tzinfo=NEW_YORK).isoformat(),
            "end": datetime.combine(end_on, time(23, 59, 59), tzinfo=NEW_YORK).isoformat(),
            "adjustment": "all",
            "limit": str(PAGE_SIZE),
            **self._feed,
        }
        bars = await self._call(lambda client: list(chain.from_iterable(bar_pages(client, query))))
        by_symbol: dict[str, list[Bar]] = {symbol: [] for symbol in symbols}
        for bar in bars:
            if bar.symbol in by_symbol and start_on <= new_york_date(bar.start_at) <= end_on:
                by_symbol[bar.symbol].append(bar)
        return {
            symbol: tuple(sorted(own, key=lambda bar: bar.start_at))
            for symbol, own in by_symbol.items()
        }

    async def latest_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return the newest quote of each symbol that has both a bid and an ask.

        Raises:
            VenueUnreachable: no usable answer.
            BadCredentials: the service does not accept the key.
        """
        if not symbols:
            return {}
        query = {"symbols": ",".join(symbols), **self._feed}
        quotes = await self._call(
            lambda client: _quotes(client.get("/stocks/quotes/latest", query))
        )
        return {symbol: quotes[symbol] for symbol in symbols if symbol in quotes}

    async def aclose(self) -> None:
        """Close the connection; later calls raise VenueUnreachable."""
        await self._worker.aclose()

    async def _call(self, work: "Callable[[StockHistoricalDataClient], _Answer]") -> _Answer:
        try:
            return await self._worker.call(work)
        except Failed as failure:
            raise translated(failure, "Market data") from failure


def bar_pages(client: "StockHistoricalDataClient", query: dict[str, str]) -> Iterator[list[Bar]]:
    """Yield the bars that `query` asks for, page by page; ValueError where the pages never end."""
    page_query = dict(query)
    for _ in range(_MOST_PAGES):
        page: Any = client.get("/stocks/bars", page_query)
        rows = page["bars"] or {}
        yield [bar_from(symbol, row) for symbol in rows for row in rows[symbol]]
        token = page.get("next_page_token")
        if token is None:
            return
        page_query["page_token"] = token
    raise ValueError(f"more than {_MOST_PAGES} pages of bars")


def _quotes(answer: Any) -> dict[str, Quote]:
    quotes = (quote_from(symbol, row) for symbol, row in answer["quotes"].items())
    return {quote.symbol: quote for quote in quotes if quote is not None}
