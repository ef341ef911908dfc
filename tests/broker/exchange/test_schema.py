"""Databases of earlier versions are completed in place: what is in them survives."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest

from broker.exchange.orders import OrderChange, UpdateKind
from broker.exchange.prices import SyntheticPrices
from broker.exchange.rows import OrderFilter
from broker.models import OrderStatus
from config.clock import VirtualClock
from tests.broker.exchange.builders import WEDNESDAY_NOON
from tests.broker.exchange.client import ACCOUNTS, open_desk

FIRST_VERSION = """
CREATE SCHEMA exchange;
CREATE TABLE exchange.accounts (
    account_number text PRIMARY KEY,
    starting_cash numeric NOT NULL,
    opened_at timestamptz NOT NULL
);
CREATE TABLE exchange.orders (
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    order_id uuid PRIMARY KEY,
    account_number text NOT NULL REFERENCES exchange.accounts,
    client_order_id text NOT NULL,
    symbol text NOT NULL,
    side text NOT NULL,
    quantity numeric NOT NULL CHECK (quantity > 0),
    limit_price numeric,
    time_in_force text NOT NULL,
    position_intent text NOT NULL,
    submitted_at timestamptz NOT NULL,
    live_at timestamptz NOT NULL,
    next_test_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    status text NOT NULL,
    filled_quantity numeric NOT NULL CHECK (filled_quantity <= quantity),
    filled_value numeric NOT NULL,
    filled_at timestamptz,
    canceled_at timestamptz,
    expired_at timestamptz,
    UNIQUE (account_number, client_order_id)
);
CREATE INDEX orders_by_status ON exchange.orders (account_number, status);
CREATE TABLE exchange.fills (
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    execution_id uuid PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES exchange.orders,
    account_number text NOT NULL REFERENCES exchange.accounts,
    symbol text NOT NULL,
    side text NOT NULL,
    quantity numeric NOT NULL CHECK (quantity > 0),
    price numeric NOT NULL CHECK (price > 0),
    filled_at timestamptz NOT NULL
);
CREATE INDEX fills_by_account ON exchange.fills (account_number, filled_at);
"""

AN_ACCOUNT = """
INSERT INTO exchange.accounts VALUES ('PASIM1', 50000, $1);
"""
AN_ORDER = """
INSERT INTO exchange.orders (order_id, account_number, client_order_id, symbol, side, quantity,
    limit_price, time_in_force, position_intent, submitted_at, live_at, next_test_at, expires_at,
    updated_at, status, filled_quantity, filled_value)
VALUES (gen_random_uuid(), 'PASIM1', $1, 'SPY', 'buy', 10, $2, 'gtc', 'buy_to_open', $3, $3,
    $3::timestamptz + interval '1 minute', $3::timestamptz + interval '90 days', $3, $4, $5, $6)
"""
A_FILL = """
INSERT INTO exchange.fills (execution_id, order_id, account_number, symbol, side, quantity, price,
                            filled_at)
SELECT gen_random_uuid(), order_id, account_number, symbol, side, 10, 600, $1
FROM exchange.orders WHERE client_order_id = 'filled'
"""


@pytest.fixture
async def old_pool(pool: asyncpg.Pool) -> asyncpg.Pool:
    """A database as the first version left it: one order filled, one at work."""
    async with pool.acquire() as connection:
        await connection.execute("DROP SCHEMA IF EXISTS exchange CASCADE")
        await connection.execute(FIRST_VERSION)
        await connection.execute(AN_ACCOUNT, WEDNESDAY_NOON)
        await connection.execute(AN_ORDER, "filled", None, WEDNESDAY_NOON, "filled", 10, 6000)
        await connection.execute(AN_ORDER, "rests", 10, WEDNESDAY_NOON, "new", 0, 0)
        await connection.execute(A_FILL, WEDNESDAY_NOON)
    return pool


async def test_the_orders_and_positions_of_an_old_database_survive(
    old_pool: asyncpg.Pool, prices: SyntheticPrices
) -> None:
    desk = open_desk(old_pool, prices, VirtualClock(WEDNESDAY_NOON + timedelta(hours=1)))

    (position,) = await desk.reports.positions(ACCOUNTS[0])
    report = await desk.reports.account(ACCOUNTS[0])
    filled, resting = await desk.orders(ACCOUNTS[0], OrderFilter(status="all", oldest_first=True))

    assert position.holding.cost == 10 * 600
    assert report.valuation.cash == 50_000 - 6000
    assert (filled.status, filled.stop_price, filled.replaces) == (OrderStatus.FILLED, None, None)
    assert (resting.status, resting.extended_hours) == (OrderStatus.NEW, False)


async def test_an_order_of_an_old_database_can_be_replaced_and_is_told_from_then_on(
    old_pool: asyncpg.Pool, prices: SyntheticPrices
) -> None:
    desk = open_desk(old_pool, prices, VirtualClock(WEDNESDAY_NOON + timedelta(hours=1)))
    (resting,) = await desk.orders(ACCOUNTS[0], OrderFilter())

    await desk.replace(ACCOUNTS[0], resting.order_id, OrderChange("new", quantity=Decimal(4)))

    updates = await desk.trade_updates(ACCOUNTS[0], after=0)
    assert [one.event for one in updates] == [UpdateKind.REPLACED, UpdateKind.PENDING_NEW]


async def test_several_processes_may_complete_the_tables_at_once(
    old_pool: asyncpg.Pool, prices: SyntheticPrices
) -> None:
    clock = VirtualClock(WEDNESDAY_NOON)
    desks = [open_desk(old_pool, prices, clock) for _ in range(4)]

    counts = await asyncio.gather(*(one.last_update(ACCOUNTS[0]) for one in desks))

    assert counts == [0, 0, 0, 0]
