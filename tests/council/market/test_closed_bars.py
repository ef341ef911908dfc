"""Daily bars are fetched once, then only the newest; a rewritten history is fetched anew."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from broker.models import Bar
from config.clock import VirtualClock
from config.market_calendar import Session, xnys
from council.market.closed_bars import OVERLAP_BARS, closed_bars, session_date
from council.ports import Deps
from tests.fakes import FakeMarketData, make_bar, make_deps

CALENDAR = xnys()
SESSIONS = CALENDAR.between(date(2026, 9, 1), date(2026, 11, 20))
MONDAY = 30
"""The number of a session to begin with."""


@dataclass
class CountingMarketData(FakeMarketData):
    """Counts the bars that were sent, multiplies all of them by `factor`, has none after `until`.

    With `pauses` it lets others run before it answers.
    """

    factor: Decimal = Decimal(1)
    until: date | None = None
    pauses: bool = False
    sent: list[tuple[tuple[str, ...], int]] = field(default_factory=list)

    async def daily_bars(
        self, symbols: Sequence[str], start_on: date, end_on: date
    ) -> Mapping[str, tuple[Bar, ...]]:
        if self.pauses:
            await asyncio.sleep(0)
        last_on = min(end_on, self.until or end_on)
        found = await super().daily_bars(symbols, start_on, last_on)
        self.sent.append((tuple(symbols), sum(map(len, found.values()))))
        return {
            symbol: tuple(replace(bar, close=bar.close * self.factor) for bar in bars)
            for symbol, bars in found.items()
        }


def market_at(number: int) -> tuple[Deps, CountingMarketData]:
    """Return dependencies shortly before the open of a session."""
    source = CountingMarketData(CALENDAR)
    clock = VirtualClock(before(number))
    return make_deps(market_data=source, clock=clock), source


def before(number: int) -> datetime:
    return SESSIONS[number].open_at - timedelta(hours=1)


def window(number: int) -> tuple[Session, ...]:
    """Return the twenty sessions that have closed before that one opens."""
    return SESSIONS[number - 20 : number]


async def test_the_four_looks_of_a_day_fetch_the_history_once() -> None:
    deps, source = market_at(MONDAY)

    looks = [await closed_bars(("SPY", "TLT"), window(MONDAY), deps) for _ in range(4)]

    assert source.sent == [(("SPY", "TLT"), 40)]
    assert looks[1:] == looks[:-1]
    assert [session_date(bar) for bar in looks[0]["SPY"]] == [s.session_on for s in window(MONDAY)]


async def test_the_next_day_fetches_the_new_bar_with_a_few_to_compare() -> None:
    deps, source = market_at(MONDAY)
    await closed_bars(("SPY",), window(MONDAY), deps)
    await deps.clock.sleep(before(MONDAY + 1) - deps.clock.now())

    bars = await closed_bars(("SPY",), window(MONDAY + 1), deps)

    assert source.sent == [(("SPY",), 20), (("SPY",), OVERLAP_BARS + 1)]
    assert bars["SPY"] == tuple(make_bar("SPY", session) for session in window(MONDAY + 1))


async def test_a_history_that_was_adjusted_overnight_is_fetched_anew() -> None:
    deps, source = market_at(MONDAY)
    await closed_bars(("SPY",), window(MONDAY), deps)
    await deps.clock.sleep(before(MONDAY + 1) - deps.clock.now())
    source.factor = Decimal("0.5")

    bars = await closed_bars(("SPY",), window(MONDAY + 1), deps)

    assert [sent for _, sent in source.sent] == [20, OVERLAP_BARS + 1, 20]
    halves = [make_bar("SPY", session).close / 2 for session in window(MONDAY + 1)]
    assert [bar.close for bar in bars["SPY"]] == halves


async def test_a_symbol_that_is_new_is_fetched_alone() -> None:
    deps, source = market_at(MONDAY)
    await closed_bars(("SPY",), window(MONDAY), deps)

    bars = await closed_bars(("SPY", "GLD"), window(MONDAY), deps)

    assert source.sent[1:] == [(("GLD",), 20)]
    assert len(bars["SPY"]) == len(bars["GLD"]) == 20


async def test_a_longer_window_is_fetched_from_its_beginning() -> None:
    deps, source = market_at(MONDAY)
    await closed_bars(("SPY",), window(MONDAY)[5:], deps)

    bars = await closed_bars(("SPY",), window(MONDAY), deps)

    assert [sent for _, sent in source.sent] == [15, 20]
    assert len(bars["SPY"]) == 20


async def test_a_symbol_without_bars_stays_without() -> None:
    deps, source = market_at(MONDAY)
    source.symbols = ["SPY"]

    assert await closed_bars(("USO",), window(MONDAY), deps) == {"USO": ()}
    await deps.clock.sleep(before(MONDAY + 1) - deps.clock.now())
    assert await closed_bars(("USO",), window(MONDAY + 1), deps) == {"USO": ()}


async def test_a_bar_that_the_source_did_not_have_yet_is_asked_for_again() -> None:
    deps, source = market_at(MONDAY)
    source.until = SESSIONS[MONDAY - 2].session_on
    early = await closed_bars(("SPY",), window(MONDAY), deps)
    source.until = None

    bars = await closed_bars(("SPY",), window(MONDAY), deps)

    assert (len(early["SPY"]), len(bars["SPY"])) == (19, 20)
    assert [sent for _, sent in source.sent] == [19, OVERLAP_BARS + 1]


async def test_a_source_that_had_nothing_once_is_asked_again() -> None:
    deps, source = market_at(MONDAY)
    source.until = SESSIONS[0].session_on
    assert await closed_bars(("SPY",), window(MONDAY), deps) == {"SPY": ()}
    source.until = None

    assert len((await closed_bars(("SPY",), window(MONDAY), deps))["SPY"]) == 20


async def test_a_bar_read_moments_after_the_close_is_read_again_once_it_is_final() -> None:
    deps, source = market_at(MONDAY)
    closed_at = SESSIONS[MONDAY - 1].close_at
    late = make_deps(market_data=source, clock=VirtualClock(closed_at + timedelta(minutes=1)))
    source.factor = Decimal("0.99")
    await closed_bars(("SPY",), window(MONDAY), late)
    source.factor = Decimal(1)
    await late.clock.sleep(timedelta(hours=2))

    bars = await closed_bars(("SPY",), window(MONDAY), late)

    assert bars["SPY"] == tuple(make_bar("SPY", session) for session in window(MONDAY))
    assert deps.remembered.bars == {}


async def test_two_reads_at_once_of_a_rewritten_history_both_end_well() -> None:
    deps, source = market_at(MONDAY)
    await closed_bars(("SPY",), window(MONDAY), deps)
    await deps.clock.sleep(before(MONDAY + 1) - deps.clock.now())
    source.factor = Decimal("0.5")
    source.pauses = True

    first, second = await asyncio.gather(
        *(closed_bars(("SPY",), window(MONDAY + 1), deps) for _ in range(2))
    )

    halves = [make_bar("SPY", session).close / 2 for session in window(MONDAY + 1)]
    assert [bar.close for bar in first["SPY"]] == halves
    assert first == second
