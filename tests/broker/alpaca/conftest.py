import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from pydantic import SecretStr

from broker.alpaca.market_data import AlpacaMarketData
from broker.alpaca.updates import TradeUpdates
from broker.alpaca.venue import AlpacaVenue
from broker.models import VenueName
from config.clock import Clock
from config.settings import AlpacaCredentials
from tests.broker.alpaca.samples import ACCOUNT, ACCOUNT_NUMBER
from tests.broker.alpaca.stub import Stub, answer, running_stub

CREDENTIALS = AlpacaCredentials("PKTEST", SecretStr("shh"))


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with running_stub() as stub:
        stub.plant("GET /v2/account", answer(ACCOUNT))
        yield stub


@pytest.fixture
async def make_venue(stub: Stub) -> AsyncIterator[Callable[..., AlpacaVenue]]:
    made: list[AlpacaVenue] = []

    def make(
        *,
        read_timeout_seconds: float = 5.0,
        deadline_seconds: float = 10.0,
        clock: Clock | None = None,
        updates: TradeUpdates | None = None,
    ) -> AlpacaVenue:
        venue = AlpacaVenue(
            nickname="CLAUDE",
            account_number=ACCOUNT_NUMBER,
            credentials=CREDENTIALS,
            trading_url=stub.url,
            name=VenueName.ALPACA_PAPER,
            clock=clock,
            updates=updates,
            timeout_seconds=(1.0, read_timeout_seconds),
            deadline_seconds=deadline_seconds,
        )
        made.append(venue)
        return venue

    yield make
    await asyncio.gather(*(venue.aclose() for venue in made))


@pytest.fixture
def venue(make_venue: Callable[..., AlpacaVenue]) -> AlpacaVenue:
    return make_venue()


@pytest.fixture
async def prices(stub: Stub) -> AsyncIterator[AlpacaMarketData]:
    prices = AlpacaMarketData(credentials=CREDENTIALS, data_url=stub.url, source="alpaca")
    yield prices
    await prices.aclose()
