"""The exchange over loopback HTTP and PostgreSQL, spoken to by the untouched SDK."""

from collections.abc import AsyncIterator
from functools import cache

import asyncpg
import pytest

from broker.exchange.prices import SyntheticPrices
from config.clock import VirtualClock
from store.pool import use_json
from tests.broker.exchange.builders import WEDNESDAY_NOON
from tests.broker.exchange.client import Desk, running_desk


@cache
def _prices() -> SyntheticPrices:
    return SyntheticPrices(1)


@pytest.fixture
def prices() -> SyntheticPrices:
    return _prices()


@pytest.fixture
async def pool(database_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    # With the store's JSON columns, as in the program.
    async with asyncpg.create_pool(database_dsn, min_size=1, max_size=8, init=use_json) as opened:
        yield opened


@pytest.fixture
async def desk(pool: asyncpg.Pool, prices: SyntheticPrices) -> AsyncIterator[Desk]:
    clock = VirtualClock(WEDNESDAY_NOON)
    async with running_desk(pool, prices, clock, not_shortable=["LQD"]) as opened:
        yield opened
