"""Alpaca's history for a simulation, read over HTTP from our own exchange's market data."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from broker.exchange.app import ExchangeAccount, create_exchange
from broker.exchange.prices import SyntheticPrices
from broker.exchange.server import running_exchange
from config.clock import SystemClock, VirtualClock
from config.errors import CredentialsError, UnreachableError, UsageError
from config.loader import load_config
from config.settings import Settings, load_settings
from council.simulate import ALPACA, SimulationPlan
from mcp_server.simulation_prices import prices_file, simulated_prices

THURSDAY = datetime(2023, 6, 29, 21, 0, tzinfo=UTC)
PLAN = SimulationPlan(name="two", first_week=date(2023, 6, 7), weeks=2, prices=ALPACA)
CONFIG = load_config()
AWAY = "http://127.0.0.1:9"


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    """Serve the synthetic market's data; it needs no database for that."""
    account = ExchangeAccount("SIMALPHA", "secret", "PASIM1")
    app = create_exchange(
        pool=None, prices=SyntheticPrices(7), clock=VirtualClock(THURSDAY), accounts=[account]
    )
    async with running_exchange(app) as address:
        yield address


def with_key(origin: str, home: Path) -> Settings:
    variables = {
        "COUNCIL_HOME": str(home),
        "ALPACA_DATA_URL": origin,
        "ALPACA_ALPHA_KEY_ID": "SIMALPHA",
        "ALPACA_ALPHA_SECRET_KEY": "secret",
    }
    return load_settings(variables, directory=home)


async def test_the_history_is_the_one_that_is_served(origin: str, tmp_path: Path) -> None:
    prices, notices = await simulated_prices(PLAN, with_key(origin, tmp_path), CONFIG)

    served = SyntheticPrices(7)
    days = (date(2022, 6, 1), date(2023, 6, 20))
    assert prices.symbols == tuple(s for s in served.symbols if s in prices.symbols)
    assert {"SPY", "TLT", "VIXY"} <= set(prices.symbols)
    for symbol in prices.symbols:
        assert prices.daily_bars(symbol, *days) == served.daily_bars(symbol, *days)
    assert prices.source == "file:alpaca.parquet"
    assert notices == ()


async def test_a_history_that_is_there_is_not_fetched_again(origin: str, tmp_path: Path) -> None:
    first, _ = await simulated_prices(PLAN, with_key(origin, tmp_path), CONFIG)

    again, _ = await simulated_prices(PLAN, with_key(AWAY, tmp_path), CONFIG)

    days = (date(2022, 6, 1), date(2023, 6, 20))
    assert again.daily_bars("SPY", *days) == first.daily_bars("SPY", *days)


async def test_without_a_key_it_is_one_sentence(tmp_path: Path) -> None:
    settings = load_settings({"COUNCIL_HOME": str(tmp_path)}, directory=tmp_path)

    with pytest.raises(CredentialsError, match="Prices from Alpaca need a key"):
        await simulated_prices(PLAN, settings, CONFIG)


async def test_a_service_that_is_away_leaves_no_file(tmp_path: Path) -> None:
    settings = with_key(AWAY, tmp_path)

    with pytest.raises(UnreachableError):
        await simulated_prices(PLAN, settings, CONFIG)

    assert not prices_file(PLAN.name, settings).exists()


async def test_weeks_that_are_not_over_have_no_history(tmp_path: Path) -> None:
    today = SystemClock().now().date()
    wednesday = today + timedelta(days=(2 - today.weekday()) % 7)
    plan = SimulationPlan(name="two", first_week=wednesday, weeks=2, prices=ALPACA)

    with pytest.raises(UsageError, match="choose earlier weeks"):
        await simulated_prices(plan, with_key(AWAY, tmp_path), CONFIG)
