"""What an exchange remembers of an account never hides what another process did to it."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from broker.exchange.desk import ClosePart, TradingDesk
from broker.exchange.errors import RequestRefused
from broker.exchange.kept import FillBook
from broker.exchange.ledger import ledger_of
from broker.exchange.orders import BookFill, OrderChange
from broker.exchange.prices import SyntheticPrices
from broker.exchange.rows import ExecutionFilter, OrderFilter
from broker.models import Side
from config.clock import VirtualClock
from config.ids import random_id
from tests.broker.exchange.builders import WEDNESDAY_NOON, make_draft, whole_fill_id
from tests.broker.exchange.client import ACCOUNTS, open_desk

SECOND = timedelta(seconds=1)
ACCOUNT = ACCOUNTS[0]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(WEDNESDAY_NOON)


@dataclass
class CountingPool:
    """Passes a pool on and keeps what was asked through it, and how often it was taken."""

    pool: asyncpg.Pool
    read: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    taken: int = 0
    is_broken: bool = False

    def acquire(self) -> Any:
        self.taken += 1
        return self.pool.acquire()

    async def execute(self, query: str, *values: object) -> Any:
        self.written.append(query)
        if self.is_broken:
            raise OSError("the database went away")
        return await self.pool.execute(query, *values)

    async def fetch(self, query: str, *values: object) -> Any:
        self.read.append(query)
        return await self.pool.fetch(query, *values)

    async def fetchrow(self, query: str, *values: object) -> Any:
        self.read.append(query)
        return await self.pool.fetchrow(query, *values)


async def test_a_look_at_a_quiet_account_is_one_statement_without_a_transaction(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    counting = CountingPool(pool)
    desk = open_desk(counting, prices, clock)
    first = await desk.reports.account(ACCOUNT)
    counting.taken = 0

    again = await desk.reports.account(ACCOUNT)

    assert again == first
    assert (len(counting.read), counting.taken) == (1, 0)


async def test_a_desk_that_is_alone_asks_nothing_of_a_quiet_account_it_has_looked_at(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    counting = CountingPool(pool)
    desk = open_desk(counting, prices, clock, is_alone=True)
    first = [await desk.reports.account(ACCOUNT) for _ in range(2)]
    counting.read.clear()
    counting.taken = 0

    again = await desk.reports.account(ACCOUNT)

    assert first == [again] * 2
    assert (counting.read, counting.taken) == ([], 0)


async def test_an_order_and_its_fill_are_a_statement_each_at_a_desk_that_is_alone(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    counting = CountingPool(pool)
    desk = open_desk(counting, prices, clock, is_alone=True)
    await desk.reports.account(ACCOUNT)
    counting.read.clear()
    counting.written.clear()
    counting.taken = 0

    order = await desk.submit(ACCOUNT, make_draft(client_order_id=whole_fill_id()))
    await desk.orders(ACCOUNT, OrderFilter())
    clock.advance_to(clock.now() + SECOND)
    found = await desk.order(ACCOUNT, "client_order_id", order.client_order_id)

    assert found.filled_quantity == 10
    assert (counting.read, len(counting.written), counting.taken) == ([], 2, 0)


async def test_what_could_not_be_stored_did_not_happen_at_a_desk_that_is_alone(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    counting = CountingPool(pool)
    desk = open_desk(counting, prices, clock, is_alone=True)
    await desk.reports.account(ACCOUNT)
    counting.is_broken = True
    with pytest.raises(OSError, match="went away"):
        await desk.submit(ACCOUNT, make_draft(client_order_id=whole_fill_id()))
    counting.is_broken = False

    assert await desk.orders(ACCOUNT, OrderFilter(status="all")) == ()

    await desk.submit(ACCOUNT, make_draft(client_order_id=whole_fill_id()))
    assert len(await desk.orders(ACCOUNT, OrderFilter(status="all"))) == 1


async def test_what_another_had_stored_before_is_known_to_a_desk_that_is_alone(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    earlier = open_desk(pool, prices, clock, is_alone=True)
    for name in (whole_fill_id(), whole_fill_id("other")):
        await earlier.submit(ACCOUNT, make_draft(client_order_id=name))
        clock.advance_to(clock.now() + SECOND)

    desk = open_desk(pool, prices, clock, is_alone=True)

    assert await _all_of(desk) == await _all_of(open_desk(pool, prices, clock))
    assert len(await desk.reports.executions(ACCOUNT, ExecutionFilter())) == 2


async def test_the_look_that_sees_a_fill_leaves_nothing_to_be_read_again(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    counting = CountingPool(pool)
    desk = open_desk(counting, prices, clock)
    await desk.submit(ACCOUNT, make_draft(client_order_id=whole_fill_id()))
    clock.advance_to(WEDNESDAY_NOON + SECOND)
    seen = await desk.reports.positions(ACCOUNT)
    counting.taken = 0

    again = await desk.reports.positions(ACCOUNT)

    assert again == seen
    assert (len(again), counting.taken) == (1, 0)


async def test_a_look_beside_an_order_of_a_desk_that_is_alone_leaves_nothing_old(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    desk = open_desk(pool, prices, clock, is_alone=True)
    for _ in range(2):
        await desk.reports.positions(ACCOUNT)

    sending = asyncio.create_task(desk.submit(ACCOUNT, make_draft(client_order_id=whole_fill_id())))
    while not sending.done():
        await desk.reports.positions(ACCOUNT)
        await asyncio.sleep(0)
    clock.advance_to(clock.now() + SECOND)

    (position,) = await desk.reports.positions(ACCOUNT)
    assert position.holding.quantity == 10


async def test_what_another_process_traded_is_seen_at_once(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    here, there = open_desk(pool, prices, clock), open_desk(pool, prices, clock)
    assert await here.reports.positions(ACCOUNT) == ()
    assert await there.reports.positions(ACCOUNT) == ()

    await there.submit(ACCOUNT, make_draft(client_order_id=whole_fill_id()))
    clock.advance_to(clock.now() + SECOND)

    (position,) = await here.reports.positions(ACCOUNT)
    assert position.holding.quantity == 10
    assert await here.reports.account(ACCOUNT) == await there.reports.account(ACCOUNT)
    assert len(await here.reports.executions(ACCOUNT, ExecutionFilter())) == 1


async def test_a_setting_that_another_process_changed_is_in_force_at_once(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    here, there = open_desk(pool, prices, clock), open_desk(pool, prices, clock)
    await here.configuration(ACCOUNT)

    await there.configure(ACCOUNT, {"no_shorting": True})

    assert (await here.configuration(ACCOUNT)).no_shorting
    with pytest.raises(RequestRefused):
        await here.submit(ACCOUNT, make_draft(side=Side.SELL))


async def test_an_order_at_work_is_advanced_by_every_look(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    desk = open_desk(pool, prices, clock)
    await desk.reports.account(ACCOUNT)
    await desk.submit(ACCOUNT, make_draft(client_order_id=whole_fill_id()))
    (waiting,) = await desk.orders(ACCOUNT, _ALL)

    clock.advance_to(clock.now() + SECOND)

    (filled,) = await desk.orders(ACCOUNT, _ALL)
    assert (int(waiting.filled_quantity), int(filled.filled_quantity)) == (0, 10)


async def test_an_account_that_was_put_back_to_an_earlier_state_is_read_again(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock
) -> None:
    desk = open_desk(pool, prices, clock)
    before = await desk.reports.account(ACCOUNT)
    await desk.submit(ACCOUNT, make_draft(client_order_id=whole_fill_id()))
    clock.advance_to(clock.now() + SECOND)
    assert len(await desk.reports.positions(ACCOUNT)) == 1
    await pool.execute("TRUNCATE exchange.trade_updates, exchange.fills, exchange.orders")

    assert await desk.reports.positions(ACCOUNT) == ()
    assert (await desk.reports.account(ACCOUNT)).valuation == before.valuation


@pytest.mark.parametrize("seed", range(6))
async def test_two_exchanges_that_remember_say_what_one_that_does_not_says(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    remembering = [open_desk(pool, prices, clock) for _ in range(2)]

    for number in range(16):
        desk = chance.choice(remembering)
        with suppress(RequestRefused):
            await _something(desk, chance, f"order-{seed}-{number}")
        clock.advance_to(clock.now() + SECOND * chance.choice([0, 0, 1, 40]))
        told = [await _all_of(one) for one in (chance.choice(remembering), *remembering)]
        assert told == [await _all_of(open_desk(pool, prices, clock))] * 3


@pytest.mark.parametrize("is_alone", [True, False])
async def test_what_a_refused_request_had_advanced_is_not_remembered(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock, is_alone: bool
) -> None:
    desk = open_desk(pool, prices, clock, is_alone=is_alone)
    order = await desk.submit(ACCOUNT, make_draft(client_order_id=whole_fill_id()))
    clock.advance_to(clock.now() + SECOND)

    with pytest.raises(RequestRefused):  # it fills in this very request, which is undone
        await desk.replace(ACCOUNT, order.order_id, OrderChange("other", quantity=Decimal(20)))

    (position,) = await desk.reports.positions(ACCOUNT)
    assert position.holding.quantity == 10
    assert len(await desk.reports.executions(ACCOUNT, ExecutionFilter())) == 1


@pytest.mark.parametrize("seed", range(4))
async def test_an_exchange_that_is_alone_says_what_one_that_remembers_nothing_says(
    pool: asyncpg.Pool, prices: SyntheticPrices, clock: VirtualClock, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    alone = open_desk(pool, prices, clock, is_alone=True)

    for number in range(24):
        with suppress(RequestRefused):
            await _something(alone, chance, f"order-{seed}-{number}")
        clock.advance_to(clock.now() + SECOND * chance.choice([0, 0, 1, 40]))
        told = [await _all_of(alone) for _ in range(2)]
        # What came due was advanced by those looks: the other desk only reads.
        assert told == [await _all_of(open_desk(pool, prices, clock))] * 2


async def _something(desk: TradingDesk, chance: random.Random, name: str) -> None:
    """Do anything that changes an account; some of it is refused."""
    side = chance.choice([Side.BUY, Side.SELL])
    limit = chance.choice([None, Decimal(1), Decimal(100_000)])
    waiting = await desk.orders(ACCOUNT, OrderFilter())
    match chance.randrange(6):
        case 0 if waiting:
            await desk.cancel(ACCOUNT, waiting[0].order_id)
        case 1 if waiting:
            await desk.replace(ACCOUNT, waiting[0].order_id, OrderChange(name, quantity=Decimal(7)))
        case 2:
            await desk.close(ACCOUNT, "SPY", ClosePart(percentage=Decimal(50)))
        case 3:
            await desk.configure(ACCOUNT, {"no_shorting": chance.random() < 0.5})
        case _:
            draft = make_draft(client_order_id=name, side=side, limit_price=limit)
            await desk.submit(ACCOUNT, draft)


async def _all_of(desk: TradingDesk) -> tuple[object, ...]:
    return (
        await desk.reports.account(ACCOUNT),
        await desk.reports.positions(ACCOUNT),
        await desk.orders(ACCOUNT, _ALL),
        await desk.orders(ACCOUNT, OrderFilter(limit=2)),
        await desk.orders(ACCOUNT, OrderFilter(oldest_first=True)),
        await desk.orders(ACCOUNT, _LATER),
        await desk.orders(ACCOUNT, replace(_LATER, oldest_first=False)),
        await desk.reports.executions(ACCOUNT, ExecutionFilter()),
        await desk.trade_updates(ACCOUNT, after=0),
        await desk.configuration(ACCOUNT),
    )


def test_a_fill_that_is_older_than_the_remembered_ones_makes_all_be_read_again() -> None:
    book = FillBook.empty(Decimal(100)).grown([fill_at(WEDNESDAY_NOON)], sequence=1)

    assert book.takes([fill_at(WEDNESDAY_NOON)])
    assert book.takes([])
    assert not book.takes([fill_at(WEDNESDAY_NOON - SECOND)])


def test_the_ledger_of_an_instant_holds_the_fills_up_to_it() -> None:
    fills = [fill_at(WEDNESDAY_NOON), fill_at(WEDNESDAY_NOON + SECOND)]

    book = FillBook.empty(Decimal(100)).grown(fills, sequence=2)

    instants = (WEDNESDAY_NOON - SECOND, WEDNESDAY_NOON, WEDNESDAY_NOON + SECOND)
    assert [book.ledger_by(at).cash for at in instants] == [100, 90, 80]
    assert book.ledger_by(instants[-1]) == book.ledger == ledger_of(Decimal(100), fills)


def fill_at(at: datetime) -> BookFill:
    return BookFill(
        execution_id=random_id(),
        order_id=random_id(),
        symbol="SPY",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(10),
        filled_at=at,
    )


_ALL = OrderFilter(status="all")
_LATER = OrderFilter(status="all", after=WEDNESDAY_NOON + 30 * SECOND, limit=3, oldest_first=True)
