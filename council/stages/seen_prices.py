"""What a checkpoint looks at before it asks anybody: prices and indicators, once for all trades.

Accounts whose prices have one source share one request; a source that is away silences only the
accounts that trade on its prices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from broker.models import Quote
from broker.ports import MarketData
from config.errors import UnreachableError
from council.context import WeekContext
from council.market.snapshot import current_numbers
from council.ports import Deps
from council.trading.desks import price_of
from council.trading.open_trades import OpenTrade
from council.trading.readings import frozen_indicators

_Quotes = Mapping[str, Quote] | UnreachableError


@dataclass(frozen=True, slots=True)
class SeenPrices:
    """The quotes of each source by its name, and the numbers of now by their ids."""

    quotes: Mapping[str, _Quotes]
    numbers: Mapping[str, float]

    def of(self, trade: OpenTrade) -> Decimal:
        """Return the price of a share of `trade`, where its account trades.

        Raises:
            NoPrice: nobody quotes the instrument.
            UnreachableError: the source of its prices did not answer.
        """
        quotes = self.quotes[trade.desk.market_data.source]
        if isinstance(quotes, UnreachableError):
            raise quotes
        return price_of(quotes, trade.position.symbol)


async def seen_prices(trades: Sequence[OpenTrade], context: WeekContext, deps: Deps) -> SeenPrices:
    """Ask each source once for all that the looks at `trades` need of it.

    Raises:
        UnreachableError: the source of the frozen indicators does not answer.
    """
    measured = _measured(trades, context)
    sources = {trade.desk.market_data.source: trade.desk.market_data for trade in trades}
    if measured:
        sources[deps.market_data.source] = deps.market_data
    quotes = {
        name: await _quotes(source, _asked_of(name, trades, measured, deps))
        for name, source in sources.items()
    }
    if not measured:
        return SeenPrices(quotes, {})
    own = quotes[deps.market_data.source]
    if isinstance(own, UnreachableError):
        raise own
    return SeenPrices(quotes, await current_numbers(measured, own, deps))


def _measured(trades: Sequence[OpenTrade], context: WeekContext) -> list[str]:
    """Return the symbols whose frozen indicators are read again, sorted."""
    names = {i.name for trade in trades for i in frozen_indicators(trade.account, context)}
    return sorted({name.split(".")[0] for name in names})


def _asked_of(
    source: str, trades: Sequence[OpenTrade], measured: Sequence[str], deps: Deps
) -> list[str]:
    held = {t.position.symbol for t in trades if t.desk.market_data.source == source}
    return sorted({*held, *(measured if source == deps.market_data.source else ())})


async def _quotes(source: MarketData, symbols: Sequence[str]) -> _Quotes:
    try:
        return await source.latest_quotes(symbols)
    except UnreachableError as error:
        return error
