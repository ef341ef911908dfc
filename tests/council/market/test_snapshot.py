import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.models import Quote
from config.clock import FixedClock
from config.market_calendar import xnys
from council.errors import NoPrices
from council.market.snapshot import HISTORY_SESSIONS, current_numbers, take_snapshot
from council.model.market import MarketSnapshot
from council.ports import Deps
from tests.builders import LAST_SESSION_ON, NOW, UNIVERSE, WEEK_ID, make_snapshot
from tests.fakes import FakeMarketData, make_bar, make_deps

CALENDAR = xnys()
SESSIONS = CALENDAR.between(date(2025, 6, 1), LAST_SESSION_ON)
NEXT = CALENDAR.on_or_after(LAST_SESSION_ON + timedelta(days=1))


def deps_with(**market: Any) -> Deps:
    return make_deps(market_data=FakeMarketData(CALENDAR, **market))


async def taken(deps: Deps) -> MarketSnapshot:
    return await take_snapshot(WEEK_ID, deps)


async def test_every_instrument_stands_in_the_table_and_the_proxy_beside_it() -> None:
    snapshot = await taken(deps_with())

    assert snapshot.tradable == UNIVERSE
    assert snapshot.volatility_proxy is not None
    assert snapshot.volatility_proxy.symbol == "VIXY"
    assert (snapshot.source, snapshot.without_prices, snapshot.notices) == ("synthetic", (), ())


async def test_the_table_ends_with_the_last_closed_session() -> None:
    snapshot = await taken(deps_with())

    assert {line.last_session_on for line in snapshot.instruments} == {LAST_SESSION_ON}


async def test_a_source_that_serves_the_future_changes_nothing() -> None:
    future = [replace(make_bar("SPY", NEXT), close=Decimal(900), high=Decimal(900))]
    past = [make_bar("SPY", session) for session in SESSIONS]

    class Leaky(FakeMarketData):
        def _bars(self, symbol: str, sessions: Any) -> Any:
            known = tuple(make_bar(symbol, session) for session in sessions)
            return (*known, *future) if symbol == "SPY" else known

    honest = await taken(deps_with(bars={"SPY": tuple(past)}))
    leaky = await taken(make_deps(market_data=Leaky(CALENDAR)))

    assert leaky.content_hash == honest.content_hash


@pytest.mark.parametrize(
    ("now", "last_on"),
    [
        (datetime(2026, 11, 17, 20, 59, tzinfo=UTC), date(2026, 11, 16)),
        (datetime(2026, 11, 17, 21, 0, tzinfo=UTC), date(2026, 11, 17)),
        (datetime(2026, 11, 27, 17, 59, tzinfo=UTC), date(2026, 11, 25)),
        (datetime(2026, 11, 27, 18, 0, tzinfo=UTC), date(2026, 11, 27)),
    ],
    ids=["before the close", "at the close", "on a half day", "after the early close"],
)
async def test_a_session_counts_from_its_close_on(now: datetime, last_on: date) -> None:
    snapshot = await taken(replace(deps_with(), clock=FixedClock(now)))

    assert snapshot.instruments[0].last_session_on == last_on


async def test_no_session_after_the_last_closed_one_is_even_asked_for() -> None:
    market = FakeMarketData(CALENDAR)

    await taken(make_deps(market_data=market))

    ((start_on, end_on),) = market.asked
    assert end_on == LAST_SESSION_ON
    assert len(CALENDAR.between(start_on, end_on)) == HISTORY_SESSIONS


async def test_an_instrument_without_bars_is_left_out_and_named() -> None:
    snapshot = await taken(deps_with(symbols=[s for s in UNIVERSE if s != "USO"]))

    assert snapshot.without_prices == ("USO",)
    assert "USO" not in snapshot.tradable
    assert snapshot.volatility_proxy is None
    assert snapshot.notices == ("There are no prices for USO, VIXY.",)


async def test_without_any_prices_there_is_no_table() -> None:
    with pytest.raises(NoPrices, match="2026-11-17 in file:none"):
        await taken(deps_with(symbols=["VIXY"], source="file:none"))


async def test_stale_gapped_and_short_bars_are_said_once_each() -> None:
    stale = tuple(make_bar("SPY", session) for session in SESSIONS[:-3])
    gapped = tuple(make_bar("QQQ", s) for i, s in enumerate(SESSIONS) if i not in {330, 340})
    short = {
        symbol: tuple(make_bar(symbol, s) for s in SESSIONS[-60:])
        for symbol in ("GLD", "USO", "VIXY")
    }

    snapshot = await taken(deps_with(bars={"SPY": stale, "QQQ": gapped, **short}))

    assert snapshot.notices == (
        "The last prices are older than the session of 2026-11-17 for SPY (of 2026-11-12).",
        "Of the last 60 sessions some are missing for QQQ (2).",
        "The history is too short for some indicators "
        "(GLD, USO, VIXY: return_60d, distance_from_average_200d).",
    )


async def test_equal_bars_give_an_equal_hash_and_other_bars_another() -> None:
    first, again = await taken(deps_with()), await taken(deps_with())
    other = await taken(deps_with(bars={"SPY": (make_bar("SPY", SESSIONS[-1], Decimal(7)),)}))

    assert first == again
    assert first.content_hash != other.content_hash


async def test_the_correlations_of_all_pairs_are_frozen_and_no_number_of_the_table() -> None:
    snapshot = await taken(deps_with())

    assert len(snapshot.correlations) == len(UNIVERSE) * (len(UNIVERSE) - 1) / 2
    assert snapshot.correlation("QQQ", "SPY") == snapshot.correlation("SPY", "QQQ")
    assert (snapshot.correlation("SPY", "SPY"), snapshot.correlation("SPY", "VIXY")) == (1, None)
    assert {name.split(".")[0] for name in snapshot.numbers()} == {*UNIVERSE, "VIXY"}
    assert not any("correlation" in name for name in snapshot.numbers())


async def test_the_hash_seals_the_correlations() -> None:
    snapshot = await taken(deps_with())

    other = snapshot.model_copy(update={"correlations": snapshot.correlations[1:]})

    assert snapshot.content_hash == snapshot.computed_hash() != other.computed_hash()
    assert MarketSnapshot.model_validate_json(snapshot.model_dump_json()) == snapshot


async def test_a_snapshot_from_before_there_were_correlations_reads_and_keeps_its_hash() -> None:
    stored = make_snapshot().model_dump(mode="json", exclude={"content_hash", "correlations"})
    text = json.dumps(stored, sort_keys=True, separators=(",", ":"))
    stored["content_hash"] = hashlib.sha256(text.encode()).hexdigest()

    read = MarketSnapshot.model_validate_json(json.dumps(stored))

    assert read.correlations == ()
    assert read.content_hash == read.computed_hash()


async def test_a_bar_that_starts_at_midnight_in_new_york_belongs_to_its_session() -> None:
    bars = tuple(
        replace(make_bar("SPY", s), start_at=s.open_at - timedelta(hours=9, minutes=30))
        for s in SESSIONS
    )

    class Midnight(FakeMarketData):
        def _bars(self, symbol: str, sessions: Any) -> Any:
            return bars if symbol == "SPY" else super()._bars(symbol, sessions)

    snapshot = await taken(make_deps(market_data=Midnight(CALENDAR)))

    assert snapshot.instruments[0].last_session_on == LAST_SESSION_ON
    assert snapshot.notices == ()


async def test_current_numbers_take_the_newest_quote_for_the_session_under_way() -> None:
    now = NEXT.open_at + timedelta(hours=1)
    quote = Quote("SPY", Decimal("109.9"), Decimal("110.1"), now)
    deps = replace(deps_with(), clock=FixedClock(now))

    numbers = await current_numbers(("SPY", "QQQ"), {"SPY": quote}, deps)

    before = (await taken(deps)).numbers()
    assert numbers["SPY.close"] == 110
    assert numbers["SPY.return_1d"] == pytest.approx(110 / before["SPY.close"] - 1, abs=1e-5)
    assert numbers["QQQ.rsi_14"] == before["QQQ.rsi_14"]


async def test_a_quote_from_before_the_last_close_is_no_news() -> None:
    quote = Quote("SPY", Decimal(1), Decimal(1), NOW - timedelta(days=3))

    numbers = await current_numbers(("SPY",), {"SPY": quote}, deps_with())

    assert numbers["SPY.close"] > 1


async def test_a_symbol_without_prices_has_no_current_numbers() -> None:
    assert await current_numbers(("USO",), {}, deps_with(symbols=["SPY"])) == {}
