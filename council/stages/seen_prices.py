"""What a checkpoint looks at before it asks anybody: prices and indicators, once for all trades.

The volatility proxy's price comes with those of the frozen rules. Accounts whose prices have one
source share one request; a source that is away silences only the accounts that trade on its prices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from broker.models import Quote
from broker.ports import MarketData
from config.errors import UnreachableError
from council.context import WeekContext
from council.errors import NoPrice
from council.market.snapshot import current_numbers
from council.ports import Deps
from council.trading.desks import price_of
from council.trading.open_trades import OpenTrade
from council.trading.readings import frozen_indicators, frozen_invalidation

_Quotes = Mapping[str, Quote] | UnreachableError


@dataclass(frozen=True, slots=True)
class SeenPrices:
    """The quotes of each source by its name, and the numbers of now by their ids.

    `proxy_price` is that of the volatility proxy, None where nobody quotes it.
    """

    quotes: Mapping[str, _Quotes]
    numbers: Mapping[str, float]
    proxy_price: Decimal | None = None

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
        UnreachableError: the source of the frozen rules' numbers does not answer.
    """
    measured = _measured(trades, context)
    proxy = deps.config.assets.volatility_proxy
    sources = {trade.desk.market_data.source: trade.desk.market_data for trade in trades}
    if trades:
        sources[deps.market_data.source] = deps.market_data
    quotes = {
        name: await _quotes(source, _asked_of(name, trades, (*measured, proxy), deps))
        for name, source in sources.items()
    }
    own = quotes.get(deps.market_data.source, {})
    if not isinstance(own, UnreachableError):
        numbers = await current_numbers(measured, own, deps) if measured else {}
        return SeenPrices(quotes, numbers, _price(own, proxy))
    if measured:
        raise own
    return SeenPrices(quotes, {})


def _measured(trades: Sequence[OpenTrade], context: WeekContext) -> list[str]:
    """Return the symbols whose frozen rules are read again, sorted."""
    rules = [
        rule
        for trade in trades
        for frozen in (frozen_indicators, frozen_invalidation)
        for rule in frozen(trade.account, context)
    ]
    return sorted({rule.name.split(".")[0] for rule in rules})


def _price(quotes: Mapping[str, Quote], symbol: str) -> Decimal | None:
    try:
        return price_of(quotes, symbol)
    except NoPrice:
        return None


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
