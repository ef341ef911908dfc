"""What holds of all weeks: sums, order, no look ahead, and books that earn what accounts earn."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.schema import SizingPolicy
from council.analytics.shadow_books import BookKind
from council.week_results import Results, read_results
from tests.builders import make_config, make_risk
from tests.council.week_results_scenes import ACCOUNTS, LATER, Record, at, run, week_of

SYMBOLS = ("SPY", "IEF", "TLT")
FEW = settings(max_examples=8, deadline=None)

seeds = st.integers(0, 10_000)
counts = st.integers(1, 3)


def drawn(seed: int, weeks: int, *, skips: bool = False) -> Record:
    """Draw weeks with trades of all fates; with `skips` some marks are missing."""
    source, record = Random(seed), Record()  # noqa: S311 - a seeded draw
    for number in range(weeks):
        _drawn_week(record, number, source, skips=skips)
    record.mark(weeks, 0, "open", _prices(source))
    return record


def _drawn_week(record: Record, number: int, source: Random, *, skips: bool) -> None:
    views = {name: (source.choice(SYMBOLS), source.choice([-1.0, 0.5, 1.5])) for name in ACCOUNTS}
    decides = views.pop(ACCOUNTS[-1])
    record.begin(number, views=views, decides=decides)
    fates = {name: source.choice(["fill", "reject", "wait", "expire"]) for name in ACCOUNTS}
    tickets = {
        name: record.propose(
            name, source.choice([-100, 50, 200]), number=number, symbol=source.choice(SYMBOLS)
        )
        for name in ACCOUNTS
    }
    for name, ticket in tickets.items():
        _end_early(record, fates[name], ticket, number)
    if not (skips and source.random() < 0.3):
        record.mark(number, 0, "open", _prices(source), accounts=_seen(source, skips=skips))
    for name, ticket in tickets.items():
        if fates[name] == "fill":
            record.approve(ticket, at(number, 0, "open"))
            price = round(source.uniform(95, 105), 2)
            record.fill(ticket, at(number, 0, "open") + timedelta(minutes=1), price, parts=[10])
    for day in (0, 1, 2, 5, 6):
        for slot in ("12:00", "close"):
            if not (skips and source.random() < 0.3):
                record.mark(number, day, slot, _prices(source), accounts=_seen(source, skips=skips))


def _end_early(record: Record, fate: str, ticket: Any, number: int) -> None:
    if fate == "reject":
        record.reject(ticket, at(number, 0, "open") - timedelta(minutes=5))
    elif fate == "expire":
        record.expire(ticket, at(number, 6, "close"))


def _seen(source: Random, *, skips: bool) -> Sequence[str]:
    return [name for name in ACCOUNTS if not (skips and source.random() < 0.2)]


def _prices(source: Random) -> dict[str, float]:
    return {symbol: round(source.uniform(90, 110), 2) for symbol in SYMBOLS}


async def results_of(record: Record, change: Callable[[Any], None] | None = None) -> Results:
    deps = await record.deps()
    if change:
        change(deps)
    return await read_results(deps)


@FEW
@given(seed=seeds, weeks=counts)
def test_the_profits_of_the_weeks_add_up_to_the_profit_to_date(seed: int, weeks: int) -> None:
    results = run(results_of(drawn(seed, weeks)))

    for own in results.to_date:
        told = [one.profit_usd for week in results.by_week.values() for one in week]
        names = [one.account for week in results.by_week.values() for one in week]
        mine = [p for p, name in zip(told, names, strict=True) if name == own.account]
        assert sum((p for p in mine if p is not None), Decimal(0)) == own.profit_usd


@FEW
@given(seed=seeds, weeks=counts, days=st.integers(0, 24), minutes=st.integers(0, 1439))
def test_what_came_later_changes_nothing_of_what_was_known(
    seed: int, weeks: int, days: int, minutes: int
) -> None:
    record = drawn(seed, weeks, skips=True)
    until_at = at(0, 0, "09:00") + timedelta(days=days, minutes=minutes)

    seen = run(_read(record, until_at))

    assert seen == run(_read(record, until_at, stored_until_at=until_at))


async def _read(
    record: Record, until_at: datetime, *, stored_until_at: datetime | None = None
) -> Any:
    deps = await record.deps(until_at=stored_until_at)
    return await read_results(deps, until_at=until_at)


@FEW
@given(seed=seeds, weeks=counts, order=st.randoms(use_true_random=False))
def test_the_order_in_which_facts_are_stored_says_nothing(
    seed: int, weeks: int, order: Random
) -> None:
    record, shuffled = drawn(seed, weeks, skips=True), drawn(seed, weeks, skips=True)
    pairs = list(zip(shuffled.streams, shuffled.told, strict=True))
    order.shuffle(pairs)
    shuffled.streams, shuffled.told = [s for s, _ in pairs], [event for _, event in pairs]

    assert run(results_of(shuffled)) == run(results_of(record))


@FEW
@given(moves=st.lists(st.floats(-0.1, 0.1), min_size=6, max_size=6), short=st.booleans())
def test_a_book_of_the_accounts_own_trade_earns_what_the_account_earns_up_to_costs(
    moves: list[float], *, short: bool
) -> None:
    conviction, quantity = (-1.0, -500) if short else (1.0, 500)
    prices = [{"SPY": 100.0}, *({"SPY": round(100 * (1 + move), 2)} for move in moves)]
    record = Record()
    record.begin(views={"ALPHA": ("SPY", conviction)}, decides=("SPY", conviction))
    record.mark(0, 0, "open", prices[0])
    record.trade("ALPHA", quantity, 100.0)
    for day, row in zip((0, 1, 2, 5, 6), prices[1:], strict=False):
        record.mark(0, day, "close", row)

    results = run(results_of(record))

    (book,) = [book for book in results.books if book.account == "ALPHA"]
    (decision,) = [book for book in results.books if book.kind is BookKind.DECISION]
    earned = results.to_date[0].profit_usd
    line = book.weeks[0]
    assert earned is not None
    assert line.gross_return is not None
    assert 100_000 * line.gross_return == pytest.approx(float(earned), abs=1e-6)
    assert line.cost == pytest.approx(0.5 * 0.0001)
    assert decision.weeks[0].net_return == line.net_return


def test_the_policy_of_the_books_is_that_of_the_accounts() -> None:
    linear = make_risk(sizing_policy=SizingPolicy.LINEAR, linear_share_per_unit=Decimal("0.2"))
    record = Record(make_config().model_copy(update={"risk": linear}))
    record.begin(views={"ALPHA": ("SPY", 1.5)})
    record.live(0, [{"SPY": 100.0}, {"SPY": 110.0}])

    results = run(results_of(record))

    assert results.books[0].weeks[0].holdings == {"SPY": pytest.approx(0.3)}


def test_nothing_is_known_before_the_first_mark() -> None:
    record = drawn(1, 1)

    assert run(_weeks_at(record, at(0, 0, "09:00"))) == ()
    assert [w.week_id for w in run(_weeks_at(record, LATER))] == [week_of(0)]


async def _weeks_at(record: Record, until_at: datetime) -> Any:
    return (await read_results(await record.deps(), until_at=until_at)).weeks
