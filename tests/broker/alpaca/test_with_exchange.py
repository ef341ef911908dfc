"""The client against the simulated exchange itself: updates wake, all orders are listed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import SecretStr

from broker.alpaca.updates import TradeUpdates
from broker.alpaca.venue import AlpacaVenue
from broker.exchange.app import ExchangeAccount, create_exchange
from broker.exchange.prices import SyntheticPrices
from broker.exchange.server import running_exchange
from broker.models import Accepted, OrderRequest, PositionIntent, Side, VenueName
from config.clock import SystemClock
from config.settings import AlpacaCredentials
from store.pool import open_pool

NUMBER = "PA3SIMULATED"
CREDENTIALS = AlpacaCredentials("SIMCLAUDE", SecretStr("secret"))
LONG = timedelta(seconds=20)


@pytest.fixture
async def venue(database_dsn: str) -> AsyncIterator[AlpacaVenue]:
    clock = SystemClock()
    pool = await open_pool(database_dsn, min_size=0, max_size=4, command_timeout_seconds=10)
    exchange = create_exchange(
        pool=pool,
        prices=SyntheticPrices(1),
        clock=clock,
        accounts=[ExchangeAccount("SIMCLAUDE", "secret", NUMBER)],
        hours="always",
    )
    async with running_exchange(exchange) as url:
        venue = AlpacaVenue(
            nickname="CLAUDE",
            account_number=NUMBER,
            credentials=CREDENTIALS,
            trading_url=url,
            name=VenueName.SIMULATED,
            clock=clock,
            updates=TradeUpdates(
                nickname="CLAUDE", credentials=CREDENTIALS, trading_url=url, clock=clock
            ),
        )
        yield venue
        await venue.aclose()
    await pool.close()


def buy(number: int) -> OrderRequest:
    intent = PositionIntent.BUY_TO_OPEN
    return OrderRequest(f"lc-test-{number}", "SPY", Side.BUY, Decimal(number), intent)


async def test_a_fill_wakes_whoever_waits_for_it(venue: AlpacaVenue) -> None:
    connected = await venue.changed(LONG)
    await venue.submit(buy(1))
    hints, order = [], None

    while order is None or not order.status.is_terminal:
        hints.append(await venue.changed(LONG))
        order = await venue.order_by_client_id("lc-test-1")

    assert connected
    assert all(hints)


async def test_orders_of_every_status_are_listed_from_an_instant_on(venue: AlpacaVenue) -> None:
    placed = [await venue.submit(buy(number)) for number in (1, 2, 3)]
    orders = [outcome.order for outcome in placed if isinstance(outcome, Accepted)]

    every = await venue.orders_since(orders[0].submitted_at - timedelta(seconds=1))
    later = await venue.orders_since(orders[0].submitted_at + timedelta(microseconds=1))

    assert [order.client_order_id for order in every] == ["lc-test-1", "lc-test-2", "lc-test-3"]
    assert [order.client_order_id for order in later] == ["lc-test-2", "lc-test-3"]


async def test_the_equity_of_the_last_close_is_told(venue: AlpacaVenue) -> None:
    assert (await venue.account()).last_equity == Decimal(100_000)
