"""All measures in one value: numbers of a week, gaps, exposure, books, and what is missing."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import fmean
from typing import Any

import pytest

from broker.exchange.prices import SyntheticPrices
from config.schema import InstrumentConfig, SizingPolicy
from council.analytics.shadow_books import BookKind
from council.analytics.stage_value import Stage
from council.model.market import Correlation
from council.ports import Deps
from council.result_facts import EquityMarked, HeldPosition
from council.results.assumptions import HALF_SPREAD, assumptions_of
from council.results.exposure import betas, exposure_of
from council.week_results import (
    Results,
    read_results,
    results_of,
    week_numbers,
)
from tests.builders import (
    CHAIRMAN,
    MANAGERS,
    UNIVERSE,
    make_config,
    make_instrument,
    make_risk,
    make_snapshot,
)
from tests.council.analytics.weeks import make_week, week_id_of
from tests.council.result_examples import result_facts
from tests.council.week_results_scenes import LATER, Record, at, week_of

FLAT = {"SPY": 100.0, "TLT": 100.0, "IEF": 100.0}
RISEN = {"SPY": 102.0, "TLT": 99.0, "IEF": 100.0}


async def traded_week(**fields: Any) -> Deps:
    """ALPHA holds 500 SPY from the open on, the council decides the same; the week ends."""
    record = Record()
    record.begin(views={"ALPHA": ("SPY", 1.0), "BRAVO": ("TLT", -1.0)}, decides=("SPY", 1.0))
    record.mark(0, 0, "open", FLAT, **fields)
    record.trade("ALPHA", 500, 100.01)
    record.mark(0, 6, "close", RISEN, **fields)
    return await record.deps()


async def test_accounts_stand_in_the_order_of_the_configuration_and_the_chairman_last() -> None:
    results = await read_results(await traded_week())

    assert results.accounts == (*MANAGERS, CHAIRMAN)
    assert [own.account for own in results.to_date] == list(results.accounts)
    assert [own.account for own in results.by_week[week_of(0)]] == list(results.accounts)
    assert results.chairman == CHAIRMAN


async def test_the_numbers_of_a_week_are_of_its_accounts_and_books() -> None:
    results = await read_results(await traded_week())

    numbers = week_numbers(results, week_of(0))

    assert numbers.until_at == LATER
    assert [own.account for own in numbers.accounts] == [*MANAGERS, CHAIRMAN]
    assert numbers.accounts[0].profit_usd == Decimal("995.00")
    books = {(book.book, book.account): book.net_return for book in numbers.books}
    assert books["pitch", "ALPHA"] == pytest.approx(0.5 * (0.02 - HALF_SPREAD))
    assert books["decision", None] == books["pitch", "ALPHA"]
    assert numbers.notices == ()


async def test_a_week_that_was_never_marked_says_so_and_has_no_numbers() -> None:
    record = Record()
    record.begin()
    deps = await record.deps()

    results = await read_results(deps)

    sentence = "Week 2026-11-18 began and was never marked in a session: it is in no number."
    assert (results.weeks, results.notices, results.exposure) == ((), (sentence,), None)
    assert week_numbers(results, week_of(0)).notices == (sentence,)


async def test_a_store_without_weeks_has_empty_results() -> None:
    results = await read_results(await Record().deps())

    assert (results.weeks, results.by_week, results.notices) == ((), {}, ())
    assert [own.profit_usd for own in results.to_date] == [None] * 6
    assert [stage.stage for stage in results.stages] == list(Stage)


async def test_what_is_missing_is_said_account_by_account() -> None:
    record = Record()
    record.begin()
    record.mark(0, 0, "open", FLAT, accounts=["ALPHA", "BRAVO", "CHARLIE"])
    record.mark(0, 0, "12:00", FLAT, accounts=["BRAVO", "DELTA"])
    record.mark(0, 6, "close", FLAT, accounts=["ALPHA", "DELTA", "ECHO", CHAIRMAN])

    notices = (await read_results(await record.deps())).notices

    week = "week 2026-11-18"
    end = f"was not marked at the end of {week}: its numbers reach to"
    entry = f"was not marked at the entry of {week}: its numbers begin at"
    assert notices == (
        f"BRAVO {end} 2026-11-18 12:00 New York.",
        f"CHARLIE {end} 2026-11-18 09:31 New York.",
        f"DELTA {entry} 2026-11-18 12:00 New York.",
        f"ECHO {entry} 2026-11-24 16:05 New York.",
        f"{CHAIRMAN} {entry} 2026-11-24 16:05 New York.",
    )


async def test_an_account_whose_last_close_was_marked_the_next_morning_reaches_the_end() -> None:
    record = Record()
    record.begin()
    record.mark(0, 0, "open", FLAT)
    record.mark(0, 6, "close", FLAT, accounts=[*MANAGERS[1:], CHAIRMAN])
    morning = at(0, 6, "close") + timedelta(hours=16)
    record.mark(0, 6, "close", {}, accounts=["ALPHA"], instant=morning)

    assert (await read_results(await record.deps())).notices == ()


async def test_a_week_that_still_runs_says_how_far_its_numbers_reach() -> None:
    record = Record()
    record.begin()
    record.mark(0, 0, "open", FLAT)
    record.mark(0, 1, "12:00", FLAT)

    notices = (await read_results(await record.deps())).notices

    assert notices == (
        "Week 2026-11-18 has no end yet: its numbers reach to 2026-11-19 12:00 New York.",
    )


async def test_a_week_without_prices_has_equities_and_says_so() -> None:
    record = Record()
    record.begin()
    record.mark(0, 0, "open", {})
    record.mark(0, 6, "close", {})

    results = await read_results(await record.deps())

    sentence = "No prices were marked in week 2026-11-18: no book of it has a return."
    assert results.notices == (sentence,)
    assert results.to_date[0].profit_usd == 0


async def test_what_paper_leaves_out_is_of_the_week_before_the_mark_that_estimates_it() -> None:
    record = Record()
    record.begin(0)
    record.begin(1)
    costs: dict[str, Any] = {"dividends_usd": Decimal(10), "borrow_usd": Decimal(1)}
    for number, day, slot in ((0, 0, "open"), (0, 6, "close"), (1, 0, "09:00"), (1, 0, "open")):
        record.mark(number, day, slot, FLAT, **costs)
    record.mark(1, 0, "close", FLAT, **costs)

    results = await read_results(await record.deps())

    gaps = [results.gaps[week_of(number)][0] for number in (0, 1)]
    assert [(gap.dividends_usd, gap.borrow_usd) for gap in gaps] == [
        (Decimal(30), Decimal(3)),
        (Decimal(10), Decimal(1)),
    ]
    assert week_numbers(results, week_of(0)).accounts[0].dividends_usd == 30


async def test_exposure_is_of_all_accounts_at_the_newest_marks() -> None:
    config = make_config()
    bond = InstrumentConfig(symbol="TLT", asset_class="bonds", name="TLT", duration_years=16)
    assets = config.assets.model_copy(update={"instruments": (bond,)})
    record = Record(config.model_copy(update={"assets": assets}))
    record.begin()
    record.mark(0, 0, "open", FLAT)
    record.held["ALPHA"]["TLT"] = 100
    record.held["BRAVO"]["TLT"] = -40
    record.mark(0, 0, "close", RISEN)

    exposure = (await read_results(await record.deps())).exposure

    assert exposure is not None
    assert exposure.equity_usd == 600_000 + 60 * 99
    assert [(c.asset_class, c.long_usd, c.short_usd) for c in exposure.classes] == [
        ("bonds", Decimal(9_900), Decimal(-3_960))
    ]
    assert exposure.dv01_usd == 60 * 99 * 16 * Decimal("0.0001")
    assert (exposure.without_beta, exposure.beta) == (("TLT",), None)


def test_betas_come_from_thirty_closes_on() -> None:
    rows = [
        {"SPY": 100.0 * (1.01 if day % 2 else 1.0), "TLT": 100.0 * (1.02 if day % 2 else 1.0)}
        for day in range(33)
    ]

    few, enough = betas([make_week(*rows[:31])]), betas([make_week(*rows[:32])])

    assert few == {}
    assert enough["SPY"] == pytest.approx(1.0)
    assert enough["TLT"] == pytest.approx(2.0, rel=0.02)


def test_before_enough_closes_are_marked_a_beta_is_that_of_the_market_table() -> None:
    lines = [
        make_instrument(symbol, indicators={"realised_volatility_20d": volatility})
        for symbol, volatility in (("SPY", 0.2), ("TLT", 0.3))
    ]
    alike = Correlation(first="SPY", second="TLT", value=0.5)
    table = make_snapshot(instruments=tuple(lines), correlations=(alike,))
    held = HeldPosition(
        symbol="TLT", quantity=100, price=Decimal(100), market_value_usd=Decimal(10_000)
    )
    (example,) = [fact for fact in result_facts() if isinstance(fact, EquityMarked)]
    worth = {"equity_usd": Decimal(10_000), "positions": (held,)}

    seen = exposure_of([], [example.model_copy(update=worth)], make_config(), table)

    assert seen is not None
    assert seen.beta == pytest.approx(0.5 * 0.3 / 0.2)


def test_books_are_sized_by_the_policy_in_force() -> None:
    risk = make_risk(sizing_policy=SizingPolicy.VOLATILITY_TARGET)
    config = make_config().model_copy(update={"risk": risk})
    calm = make_instrument("TLT", indicators={"realised_volatility_20d": 0.2})
    known = {week_id_of(0): make_snapshot(instruments=(calm,))}

    sizing = assumptions_of([], config, known).sizing

    assert sizing(week_id_of(0), "TLT", Decimal(-2)) == Decimal("0.5")
    assert sizing(week_id_of(0), "SPY", Decimal(2)) is None
    assert sizing(week_id_of(1), "TLT", Decimal(2)) is None


def test_books_pay_the_spread_that_the_exchange_quotes_on_the_mean_of_its_instruments() -> None:
    prices, noon = SyntheticPrices(7), datetime(2026, 11, 18, 17, 0, 30, tzinfo=UTC)

    quotes = [
        quote
        for symbol in UNIVERSE
        for minutes in range(0, 60, 10)
        if (quote := prices.quote_at(symbol, noon + timedelta(minutes=minutes)))
    ]

    mean = fmean(float((quote.ask - quote.bid) / (quote.ask + quote.bid)) for quote in quotes)
    assert mean == pytest.approx(HALF_SPREAD, rel=0.25)


def test_results_of_plain_weeks_need_no_store() -> None:
    week = make_week(FLAT, RISEN)

    results: Results = results_of([week], make_config(), until_at=LATER)

    kinds = {book.kind: book for book in results.books if book.account is None}
    assert kinds[BookKind.SPY].returns[week.week_id] == pytest.approx(0.02 - HALF_SPREAD)
    assert results.weeks == (week,)
    assert week_numbers(results, week.week_id).accounts == ()


async def test_nothing_of_a_store_alone_is_touched() -> None:
    record = Record()
    record.begin()
    record.live(0, [FLAT] * 4)
    deps = await record.deps(calendar=None, models=None, market_data=None, desks={})

    results = await read_results(deps)

    assert results.weeks[0].week_id == date(2026, 11, 18).isoformat()


async def test_the_past_is_seen_as_it_was() -> None:
    record = Record()
    record.begin()
    record.live(0, [FLAT, RISEN, FLAT])
    deps = await record.deps()
    await read_results(deps)

    results = await read_results(deps, until_at=at(0, 0, "close"))

    assert len(results.weeks[0].marks) == 2
    assert len((await read_results(deps)).weeks[0].marks) == 3
