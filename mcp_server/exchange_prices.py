"""Where `council exchange` takes its prices from: the synthetic market, a file, or Alpaca."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from broker.accounts import checked_data_url, checked_key_id, is_loopback
from broker.alpaca.price_reader import PriceReader
from broker.exchange.prices import FilePrices, PriceSource, SyntheticPrices
from broker.exchange.prices_alpaca import AlpacaPrices
from broker.models import VenueName
from config.clock import Clock
from config.errors import CredentialsError
from config.schema import Config
from config.settings import AlpacaCredentials, Settings

SYNTHETIC = "synthetic"
ALPACA = "alpaca"


@asynccontextmanager
async def opened_prices(
    asked: str, seed: int, settings: Settings, *, config: Config, clock: Clock
) -> AsyncIterator[tuple[PriceSource, tuple[str, ...]]]:
    """Yield the source that `asked` names and what is odd about it: a path names a file of bars.

    Raises:
        CredentialsError: Alpaca's prices were asked for and there is no key for them.
        UnreachableError: Alpaca's market data does not answer.
        ConfigError: The file cannot be used.
    """
    symbols = (*config.universe, config.assets.volatility_proxy)
    if asked != ALPACA:
        source: PriceSource = await asyncio.to_thread(
            lambda: SyntheticPrices(seed) if asked == SYNTHETIC else FilePrices(Path(asked))
        )
        yield source, (*source.notices, *_unpriced(source, clock))
        return
    reader = PriceReader(data_key(settings), settings.alpaca_data_url)
    try:
        prices = AlpacaPrices(reader, symbols, clock=clock)
        await prices.open()
        yield prices, prices.notices
    finally:
        await reader.aclose()


def _unpriced(source: PriceSource, clock: Clock) -> tuple[str, ...]:
    """Say which symbols have no price now: a file of bars ends some day."""
    now = clock.now()
    old = [symbol for symbol in source.symbols if source.trade_at(symbol, now) is None]
    if not old:
        return ()
    return (f"No price now for {', '.join(old)}: their orders are refused.",)


def data_key(settings: Settings) -> AlpacaCredentials:
    """Return the first key that is set, whichever account it belongs to: it only reads prices.

    Raises:
        CredentialsError: none is set, or it is not a paper account's.
    """
    is_elsewhere = not is_loopback(checked_data_url(settings.alpaca_data_url))
    for nickname, _ in settings.alpaca_key_ids:
        credentials = settings.alpaca_credentials(nickname)
        if credentials is not None:
            if is_elsewhere:
                checked_key_id(credentials.key_id, nickname, VenueName.ALPACA_PAPER)
            return credentials
    raise CredentialsError(
        "Prices from Alpaca need a key of any paper account: set ALPACA_<NICKNAME>_KEY_ID and "
        "ALPACA_<NICKNAME>_SECRET_KEY."
    )
