"""The prices of a simulation, from the first of its weeks to the last: made up, or daily bars.

Alpaca's history is fetched once, as daily bars into a file beside the simulation's results, so that
whoever goes on with the simulation sees the same prices. An instrument without a bar in every
session of the weeks is left out: its old price would be the price of a fill.
"""

import asyncio
import hashlib
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from broker.alpaca.price_reader import PriceReader
from broker.errors import VenueUnreachable
from broker.exchange.bars_writing import write_daily_bars
from broker.exchange.prices import FilePrices, PriceSource, SyntheticPrices
from config.clock import NEW_YORK, SystemClock
from config.errors import UsageError
from config.market_calendar import xnys
from config.schema import Config
from config.settings import Settings
from council.simulate import ALPACA, SYNTHETIC, SimulationPlan
from mcp_server.exchange_prices import data_key

_HISTORY: Final = timedelta(days=500)
"""What indicators look back on before the first week."""

_WEEK: Final = timedelta(weeks=1)
_DAY: Final = timedelta(days=1)


def prices_file(name: str, settings: Settings) -> Path:
    """Return where the bars that were fetched for the simulation `name` lie."""
    return settings.council_home / "simulations" / name / "alpaca.parquet"


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content, empty where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


async def simulated_prices(
    plan: SimulationPlan, settings: Settings, config: Config
) -> tuple[PriceSource, tuple[str, ...]]:
    """Return the prices and what is odd about them, in sentences.

    Raises:
        UsageError: they do not reach all weeks.
        ConfigError: the file cannot be used.
        CredentialsError: Alpaca's history was asked for, and there is no key for it.
    """
    symbols = (*config.universe, config.assets.volatility_proxy)
    if plan.prices == SYNTHETIC:
        synthetic = await asyncio.to_thread(SyntheticPrices, plan.seed, symbols)
        _whole(plan, synthetic)
        return synthetic, synthetic.notices
    path = Path(plan.prices)
    if plan.prices == ALPACA:
        path = prices_file(plan.name, settings)
        if not path.exists():
            await _fetch(plan, symbols, settings, path=path)
    every = await asyncio.to_thread(FilePrices, path, symbols)
    whole = _whole(plan, every)
    missing = [symbol for symbol in symbols if symbol not in whole]
    if not missing:
        return every, every.notices
    notice = f"Not in every session of these weeks, and left out: {', '.join(missing)}."
    return await asyncio.to_thread(FilePrices, path, whole), (notice, *every.notices)


def _whole(plan: SimulationPlan, prices: PriceSource) -> tuple[str, ...]:
    """Return the symbols with a bar in every session of the weeks."""
    first_on, last_on = plan.first_week, plan.first_week + plan.weeks * _WEEK - _DAY
    sessions = len(xnys().between(first_on, last_on))
    whole = tuple(
        symbol
        for symbol in prices.symbols
        if len(prices.daily_bars(symbol, first_on, last_on)) == sessions
    )
    if not whole:
        raise UsageError(
            f"No instrument has prices ({prices.source}) in all {plan.weeks} weeks from "
            f"{plan.first_week} on: choose other weeks with --from and --weeks."
        )
    return whole


async def _fetch(
    plan: SimulationPlan, symbols: tuple[str, ...], settings: Settings, *, path: Path
) -> None:
    reader = PriceReader(data_key(settings), settings.alpaca_data_url)
    end_on = plan.first_week + plan.weeks * _WEEK
    if _midnight(end_on) > SystemClock().now():
        raise UsageError(f"Alpaca has no history up to {end_on} yet: choose earlier weeks.")
    try:
        bars = await reader.history(
            symbols, _midnight(plan.first_week - _HISTORY), _midnight(end_on)
        )
    finally:
        await reader.aclose()
    if not bars:
        raise VenueUnreachable("Alpaca's market data has no bars of any symbol of assets.yaml.")
    await asyncio.to_thread(write_daily_bars, path, bars)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=NEW_YORK)
