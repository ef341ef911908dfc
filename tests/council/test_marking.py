"""Marks of prices and equity: once a slot, by what the venues say, and nothing made good."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.errors import VenueUnreachable
from broker.models import Account, Bar, Quote, VenueName
from config.clock import VirtualClock
from config.schema import AssetsFile, Config
from council.marking import discrepancy, mark, mark_problems
from council.ports import Deps, Progress
from council.projections import project
from council.remembered import Remembered
from council.result_facts import EquityMarked, PricesMarked
from store.events import Page, StoredEvent
from store.memory import MemoryEventStore
from tests.builders import CHAIRMAN, MANAGERS, UNIVERSE, WEEK_ID, make_config
from tests.config import nyse
from tests.council.trading.scenes import facts_of, venue_of, with_quote
from tests.fakes import FakeMarketData, FakeVenue, make_bar, make_deps, make_quotes

WEDNESDAY = date(2026, 11, 18)
NOON = nyse.at(WEDNESDAY, "12:00")
ACCOUNTS = (*MANAGERS, CHAIRMAN)
DAY = timedelta(days=1)


def at_noon(config: Config | None = None, **changes: Any) -> Deps:
    return make_deps(config, clock=VirtualClock(NOON), **changes)


def paying(rates: str) -> Config:
    """Return a configuration in which every instrument has `rates` for a year, both of them."""
    config = make_config()
    own = {"dividend_yield": Decimal(rates), "borrow_rate": Decimal(rates), "rates_as_of": NOON}
    instruments = tuple(i.model_copy(update=own) for i in config.assets.instruments)
    assets = AssetsFile(instruments=instruments, volatility_proxy="VIXY")
    return config.model_copy(update={"assets": assets})


def elsewhere(deps: Deps) -> Deps:
    """Return the same world as another process sees it."""
    return replace(deps, remembered=Remembered())


def away(deps: Deps, *accounts: str) -> None:
    for name in accounts:
        venue_of(deps, name).failure = VenueUnreachable("no answer")


def back(deps: Deps, account: str) -> None:
    venue_of(deps, account).failure = None


async def until(instant: datetime, deps: Deps) -> None:
    await deps.clock.sleep(instant - deps.clock.now())


async def equity_of(deps: Deps, account: str) -> list[EquityMarked]:
    facts = await facts_of(deps, f"equity-{account}")
    return [fact for fact in facts if isinstance(fact, EquityMarked)]


async def prices_of(deps: Deps) -> list[PricesMarked]:
    facts = await facts_of(deps, f"marks-{WEEK_ID}")
    return [fact for fact in facts if isinstance(fact, PricesMarked)]


async def test_a_slot_marks_every_price_and_every_account_at_one_instant() -> None:
    deps = at_noon()
    venue_of(deps).held = {"SPY": 500, "TLT": -200}

    facts = await mark(WEEK_ID, deps, slot="12:00")

    assert [fact.about_account for fact in facts] == [None, *ACCOUNTS]
    (prices,), (alpha,) = await prices_of(deps), await equity_of(deps, "ALPHA")
    assert prices.prices == dict.fromkeys(UNIVERSE, Decimal(100))
    assert (prices.source, prices.session_on, prices.marked_at) == ("synthetic", WEDNESDAY, NOON)
    assert (alpha.week_id, alpha.slot, alpha.marked_at) == (WEEK_ID, "12:00", NOON)
    assert (alpha.venue, alpha.account_number) == ("simulated", "PA00000001")
    assert (alpha.equity_usd, alpha.cash_usd) == (Decimal(100_000), Decimal(70_000))
    held = [(p.symbol, p.quantity, float(p.price)) for p in alpha.positions]
    assert held == [("SPY", 500, 100.0), ("TLT", -200, 100.0)]
    assert alpha.cash_usd + sum(p.market_value_usd for p in alpha.positions) == alpha.equity_usd


@pytest.mark.parametrize("other_process", [False, True])
async def test_a_slot_is_marked_once_and_nobody_is_asked_again(other_process: bool) -> None:
    deps = at_noon()
    await mark(WEEK_ID, deps, slot="12:00")
    head = await deps.store.head()
    away(deps, *ACCOUNTS)
    with_quote(deps, Decimal(90))

    again = await mark(WEEK_ID, elsewhere(deps) if other_process else deps, slot="12:00")

    assert again == ()
    assert await deps.store.head() == head


async def test_of_two_processes_at_once_the_first_mark_of_each_stands_and_none_is_lost() -> None:
    deps = at_noon()
    without = {name: desk for name, desk in deps.desks.items() if name != "BRAVO"}
    later = VirtualClock(NOON + timedelta(seconds=1))
    one, other = replace(elsewhere(deps), desks=without), replace(elsewhere(deps), clock=later)

    told = await asyncio.gather(*(mark(WEEK_ID, each, slot="12:00") for each in (one, other)))

    assert [bool(facts) for facts in told] == [True, False]
    assert len(await prices_of(deps)) == 1
    assert [len(await equity_of(deps, name)) for name in ACCOUNTS] == [1] * len(ACCOUNTS)


async def test_each_slot_of_each_session_has_its_marks() -> None:
    deps = at_noon()
    for _ in range(2):
        for slot in ("12:00", "14:00"):
            await mark(WEEK_ID, deps, slot=slot)
        await deps.clock.sleep(DAY)

    marked = [(fact.session_on.day, fact.slot) for fact in await prices_of(deps)]

    assert marked == [(18, "12:00"), (18, "14:00"), (19, "12:00"), (19, "14:00")]


async def test_a_venue_that_is_away_is_told_once_and_marked_when_it_is_back() -> None:
    told: list[Progress] = []
    deps = at_noon(tell=told.append)
    away(deps, "BRAVO")

    first = await mark(WEEK_ID, deps, slot="12:00")
    second = await mark(WEEK_ID, deps, slot="12:00")
    said = mark_problems(WEDNESDAY, "12:00", deps)
    back(deps, "BRAVO")
    third = await mark(WEEK_ID, deps, slot="12:00")

    assert [fact.about_account for fact in first] == [None, *(a for a in ACCOUNTS if a != "BRAVO")]
    assert second == ()
    assert said == ("BRAVO was not marked at 12:00: no answer.",)
    assert [news.message for news in told] == [said[0].rstrip(".")]
    assert [fact.about_account for fact in third] == ["BRAVO"]
    assert mark_problems(WEDNESDAY, "12:00", deps) == ()


async def test_without_prices_the_accounts_are_marked_all_the_same() -> None:
    deps = at_noon(market_data=FakeMarketData(make_deps().calendar))

    first = await mark(WEEK_ID, deps, slot="12:00")
    (said,) = mark_problems(WEDNESDAY, "12:00", deps)
    with_quote(deps, Decimal(90))
    other = elsewhere(deps)
    second = await mark(WEEK_ID, other, slot="12:00")

    assert [fact.about_account for fact in first] == [*ACCOUNTS]
    assert "prices were not marked at 12:00" in said.lower()
    assert [fact.prices for fact in second if isinstance(fact, PricesMarked)] == [{"SPY": 90}]


async def test_an_instrument_without_a_price_is_left_out() -> None:
    deps = at_noon()
    assert isinstance(deps.market_data, FakeMarketData)
    del deps.market_data.quotes["TLT"]
    deps.market_data.quotes["IEF"] = Quote("IEF", Decimal(0), Decimal(0), NOON)

    await mark(WEEK_ID, deps, slot="12:00")

    (prices,) = await prices_of(deps)
    assert prices.prices.keys() == set(UNIVERSE) - {"TLT", "IEF"}


class Unasked(FakeMarketData):
    """Sends every planted bar, whichever days were asked for."""

    async def daily_bars(
        self, symbols: Sequence[str], start_on: date, end_on: date
    ) -> Mapping[str, tuple[Bar, ...]]:
        return {symbol: self.bars.get(symbol, ()) for symbol in symbols}


async def test_the_close_is_that_of_the_day_s_bar_else_the_quote() -> None:
    market_data = Unasked(make_deps().calendar, quotes=make_quotes(UNIVERSE))
    deps = at_noon(market_data=market_data)
    session = deps.calendar.session_on(WEDNESDAY)
    before = deps.calendar.session_on(WEDNESDAY - DAY)
    assert session
    assert before
    market_data.bars = {
        "SPY": (make_bar("SPY", session, Decimal("101.5")),),
        "QQQ": (make_bar("QQQ", before, Decimal(55)),),
    }
    await until(nyse.at(WEDNESDAY, "16:01"), deps)

    await mark(WEEK_ID, deps, slot="close")

    (prices,) = await prices_of(deps)
    assert (prices.prices["SPY"], prices.prices["QQQ"]) == (Decimal("101.5"), Decimal(100))


@pytest.mark.parametrize(
    ("day", "wall", "slot"),
    [
        (WEDNESDAY, "15:59", "close"),
        (WEDNESDAY, "09:00", "open"),
        (WEDNESDAY, "17:00", "15:50"),
        (date(2026, 11, 21), "12:00", "12:00"),
        (date(2026, 11, 25), "12:00", "12:00"),
    ],
    ids=["close too early", "open too early", "after the close", "no session", "another week"],
)
async def test_what_cannot_be_marked_now_is_not_marked_and_said(
    day: date, wall: str, slot: str
) -> None:
    told: list[Progress] = []
    deps = make_deps(clock=VirtualClock(nyse.at(day, wall)), tell=told.append)

    assert await mark(WEEK_ID, deps, slot=slot) == ()
    assert await deps.store.head() == 0
    (news,) = told
    assert news.message.startswith(f"{slot} is not marked: ")


async def test_a_late_mark_says_so_and_knows_when_it_was_taken() -> None:
    told: list[Progress] = []
    deps = at_noon(tell=told.append)
    await until(nyse.at(WEDNESDAY, "13:47"), deps)

    await mark(WEEK_ID, deps, slot="12:00")

    assert [news.message for news in told] == ["12:00 is marked late, at 13:47 New York"]
    (prices,) = await prices_of(deps)
    assert prices.marked_at == nyse.at(WEDNESDAY, "13:47")


async def test_what_is_held_accrues_dividends_and_loans_since_the_mark_before() -> None:
    deps = at_noon(paying("0.0365"))
    venue_of(deps).held = {"SPY": 500, "TLT": -200}
    for days, process in enumerate((deps, elsewhere(deps), deps)):
        await until(NOON + days * DAY, deps)
        await mark(WEEK_ID, process, slot="12:00")
    for slot in ("14:00", "15:50"):
        await until(nyse.at(date(2026, 11, 20), slot), deps)
        await mark(WEEK_ID, elsewhere(deps), slot=slot)

    marks = await equity_of(deps, "ALPHA")

    estimates = [(m.dividends_usd, m.borrow_usd) for m in marks]
    night, two_hours = (Decimal(3), Decimal(2)), (Decimal("0.25"), Decimal("0.1667"))
    rest = (Decimal("0.2292"), Decimal("0.1528"))
    assert estimates == [(0, 0), night, night, two_hours, rest]
    assert {m.equity_usd for m in marks} == {100_000}


async def test_a_close_marked_after_the_next_day_s_slot_counts_no_night_twice() -> None:
    deps = at_noon(paying("0.0365"))
    venue_of(deps).held = {"SPY": 1000}
    await mark(WEEK_ID, deps, slot="12:00")
    await until(nyse.at(WEDNESDAY + DAY, "09:00"), deps)
    await mark(WEEK_ID, deps, slot="09:00")

    await mark(WEEK_ID, deps, slot="close")

    marks = await equity_of(deps, "ALPHA")
    assert [m.dividends_usd for m in marks] == [0, Decimal("8.75"), 0]


async def test_a_gap_of_weeks_is_accrued_too() -> None:
    deps = at_noon(paying("0.0365"))
    venue_of(deps).held = {"SPY": 1000}
    await mark(WEEK_ID, deps, slot="12:00")
    await deps.clock.sleep(timedelta(days=28))

    await mark("2026-12-16", deps, slot="12:00")

    assert [m.dividends_usd for m in await equity_of(deps, "ALPHA")] == [0, 280]


async def test_what_was_held_at_another_venue_accrues_nothing_here() -> None:
    deps = at_noon(paying("0.0365"))
    venue_of(deps).held = {"SPY": 1000}
    await mark(WEEK_ID, deps, slot="12:00")
    venue_of(deps).name = VenueName.ALPACA_PAPER
    await until(NOON + DAY, deps)

    await mark(WEEK_ID, elsewhere(deps), slot="12:00")

    marks = await equity_of(deps, "ALPHA")
    assert [(m.venue, m.dividends_usd) for m in marks] == [
        (VenueName.SIMULATED, Decimal(0)),
        (VenueName.ALPACA_PAPER, Decimal(0)),
    ]


async def test_an_account_that_does_not_add_up_is_marked_as_it_is_and_told() -> None:
    deps = at_noon()
    desk = deps.desks["ALPHA"]

    class Generous(FakeVenue):
        async def account(self) -> Account:
            return replace(await super().account(), equity=Decimal("100000.02"))

    generous = Generous(desk.account.account_number)
    deps = replace(deps, desks={**deps.desks, "ALPHA": replace(desk, venue=generous)})

    await mark(WEEK_ID, deps, slot="12:00")

    (alpha,) = await equity_of(deps, "ALPHA")
    assert (alpha.equity_usd, alpha.cash_usd) == (Decimal("100000.02"), Decimal(100_000))
    (said,) = mark_problems(WEDNESDAY, "12:00", deps)
    assert said.startswith("ALPHA does not add up at 12:00: its equity is $100000.02")


@pytest.mark.parametrize(
    ("price_then", "odd"), [("100", False), ("100.09", False), ("100.2", True), ("50", True)]
)
async def test_positions_may_differ_by_what_prices_move_between_two_questions(
    price_then: str, odd: bool
) -> None:
    venue = FakeVenue(held={"SPY": 500})
    account = await venue.account()
    venue.price = Decimal(price_then)

    assert (discrepancy(account, await venue.positions()) is not None) is odd


class CountingStore(MemoryEventStore):
    """Keeps what was read of it."""

    def __init__(self) -> None:
        super().__init__(project)
        self.reads: list[str] = []

    async def rows(
        self,
        table: str,
        *,
        where: dict[str, Any] | None = None,
        order_by: Sequence[str] = (),
        page: Page | None = None,
    ) -> tuple[dict[str, Any], ...]:
        self.reads.append(table)
        return await super().rows(table, where=where, order_by=order_by, page=page)

    async def read_stream(self, stream: str, after_version: int = 0) -> tuple[StoredEvent, ...]:
        self.reads.append(stream)
        return await super().read_stream(stream, after_version)


async def test_a_mark_reads_one_day_of_marks_and_no_stream() -> None:
    store = CountingStore()
    deps = at_noon(store=store)
    await mark(WEEK_ID, deps, slot="12:00")
    reads: list[Sequence[str]] = []
    for slot in ("14:00", "15:50", "15:50"):
        store.reads.clear()
        await mark(WEEK_ID, deps, slot=slot)
        reads.append(tuple(store.reads))

    assert reads == [("equity_marks",), ("equity_marks",), ()]
