from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.analytics.book_pricing import Costs, Holdings, priced
from council.analytics.inputs import AccountWeek, Verdict, Week
from council.analytics.outcomes import account_profit
from council.analytics.shadow_books import (
    Assumptions,
    Book,
    BookKind,
    best_reviewed,
    majority_view,
    shadow_books,
)
from council.model.base import Direction
from council.risk.sizing import equity_share
from tests.builders import CHAIRMAN, MANAGERS, UNIVERSE, make_risk
from tests.council.analytics.weeks import (
    LABELS,
    decided,
    make_fill,
    make_look,
    make_trade,
    make_week,
    moved_week,
    pitched,
    reviewed,
)

RISK = make_risk()
MOVES = st.floats(min_value=-0.2, max_value=0.2)
SHARES = st.dictionaries(st.sampled_from(["SPY", "TLT", "GLD"]), st.floats(-1, 1), max_size=3)
COSTS = st.builds(Costs, st.floats(0, 0.01), st.floats(0, 10))


def sizing(week_id: str, instrument: str, conviction: Decimal) -> Decimal | None:
    return equity_share(conviction, RISK)


def assumed(**changes: Any) -> Assumptions:
    fields: dict[str, Any] = {
        "sizing": sizing,
        "managers": MANAGERS,
        "universe": UNIVERSE,
        "chairman": CHAIRMAN,
    }
    return Assumptions(**{**fields, **changes})


def book_of(kind: BookKind, *weeks: Week, **changes: Any) -> Book:
    return next(book for book in shadow_books(weeks, assumed(**changes)) if book.kind is kind)


def holdings_of(kind: BookKind, *weeks: Week) -> list[Holdings]:
    return [line.holdings for line in book_of(kind, *weeks).weeks]


MARKET: Mapping[str, float] = {"SPY": 0.02, "TLT": -0.01, "IEF": -0.005, "GLD": 0.03}


def five(*views: tuple[str, float], **fields: Any) -> Week:
    pitches = tuple(pitched(name, *view) for name, view in zip(MANAGERS, views, strict=False))
    return moved_week(MARKET, 0, pitches=pitches, labels=LABELS, **fields)


@given(SHARES, st.lists(st.tuples(MOVES, MOVES, MOVES), min_size=1, max_size=6), COSTS)
def test_costs_never_add(
    target: Holdings, moves: list[tuple[float, float, float]], costs: Costs
) -> None:
    weeks = [
        moved_week(dict(zip(("SPY", "TLT", "GLD"), row, strict=True)), number)
        for number, row in enumerate(moves)
    ]
    targets = [target] * len(weeks)

    dear = priced(weeks, targets, costs=costs, equity_usd=100_000)
    free = priced(weeks, targets, costs=Costs(), equity_usd=100_000)

    for paid, unpaid in zip(dear, free, strict=True):
        assert paid.cost >= 0 == unpaid.cost
        if paid.net_return is not None and unpaid.net_return is not None:
            assert paid.net_return <= unpaid.net_return


@given(st.lists(st.tuples(SHARES | st.none(), MOVES, MOVES, MOVES), min_size=2), COSTS, st.data())
def test_a_book_goes_on_from_known_weeks_as_if_it_were_priced_anew(
    lived: list[tuple[Holdings | None, float, float, float]], costs: Costs, data: st.DataObject
) -> None:
    weeks = [
        moved_week(dict(zip(("SPY", "TLT", "GLD"), row[1:], strict=True)), number)
        for number, row in enumerate(lived)
    ]
    targets = [row[0] for row in lived]
    cut = data.draw(st.integers(1, len(weeks) - 1))

    whole = priced(weeks, targets, costs=costs, equity_usd=100_000)
    gone_on = priced(weeks, targets, costs=costs, equity_usd=100_000, known=whole[:cut])

    assert gone_on == whole


@given(st.lists(st.tuples(MOVES, MOVES), min_size=1, max_size=8), COSTS)
def test_flat_earns_nothing_and_pays_nothing(
    moves: list[tuple[float, float]], costs: Costs
) -> None:
    weeks = [moved_week({"SPY": a, "TLT": b}, n) for n, (a, b) in enumerate(moves)]

    flat = book_of(BookKind.FLAT, *weeks, costs=costs)

    assert set(flat.returns.values()) == {0.0}


@given(st.integers(-500, 500), MOVES, st.floats(0, 0.005))
def test_a_book_of_what_the_account_holds_earns_what_the_account_earned(
    quantity: int, move: float, half_spread: float
) -> None:
    paid = 100 * (1 + half_spread * ((quantity > 0) - (quantity < 0)))
    trade = make_trade(make_fill(quantity, paid))
    week = moved_week({"SPY": move}, 0)

    earned = account_profit(week, AccountWeek("ALPHA", trades=(trade,)))
    (line,) = priced(
        [week],
        [{"SPY": quantity * 100 / 100_000}],
        costs=Costs(half_spread),
        equity_usd=100_000,
    )

    assert earned is not None
    assert line.net_return == pytest.approx(float(earned) / 100_000, abs=1e-9)


def test_a_book_drifts_with_prices_and_pays_only_for_what_it_trades() -> None:
    weeks = [moved_week({"SPY": 0.1}, 0), moved_week({"SPY": 0.0}, 1), moved_week({"SPY": 0.0}, 2)]
    targets: list[Holdings | None] = [{"SPY": 0.5}, {"SPY": 0.5}, None]

    lines = priced(weeks, targets, costs=Costs(half_spread=0.01), equity_usd=100_000)

    drifted = 0.55 / (1 + 0.05 - 0.005)
    assert [line.cost for line in lines] == pytest.approx([0.005, 0.01 * (drifted - 0.5), 0.0])
    assert [line.kept for line in lines] == [False, False, True]


def test_an_order_costs_its_fee_once_a_changed_instrument() -> None:
    weeks = [moved_week({"SPY": 0.0, "TLT": 0.0}, number) for number in range(2)]

    first, second = priced(
        weeks, [{"SPY": 0.5}, {"TLT": 0.5}], costs=Costs(order_usd=10), equity_usd=100_000
    )

    assert first.cost == pytest.approx(1e-4)
    assert second.cost == pytest.approx(2e-4, rel=1e-3)


def test_a_fee_weighs_less_on_a_book_that_has_grown() -> None:
    weeks = [moved_week({"SPY": 1.0}, 0), moved_week({"SPY": 0.0}, 1)]

    lines = priced(weeks, [{"SPY": 1.0}, {}], costs=Costs(order_usd=10), equity_usd=100_000)

    assert lines[1].cost == pytest.approx(5e-5, rel=1e-3)


def test_a_book_that_lost_everything_trades_no_more() -> None:
    weeks = [moved_week({"SPY": 1.5}, 0), moved_week({"SPY": 0.0}, 1)]

    lines = priced(weeks, [{"SPY": -1.0}] * 2, costs=Costs(order_usd=10), equity_usd=100_000)

    assert lines[0].net_return == pytest.approx(-1.5001)
    assert lines[1].net_return is None


def test_the_path_has_the_growth_at_every_mark_that_prices_the_book() -> None:
    week = make_week({"SPY": 100.0}, {"SPY": 90.0}, {}, {"SPY": 110.0})

    (line,) = priced([week], [{"SPY": -0.5}], costs=Costs(0.01), equity_usd=100_000)

    assert [growth for _, growth in line.path] == pytest.approx([0.995, 1.045, 0.945])
    assert line.net_return == pytest.approx(-0.055)


def test_a_week_without_a_price_has_no_return_and_the_next_goes_on() -> None:
    weeks = [make_week({"SPY": 100.0}, {}), moved_week({"SPY": 0.02}, 1)]

    book = book_of(BookKind.SPY, *weeks)

    assert book.weeks[0].net_return is None
    assert list(book.returns.values()) == pytest.approx([0.02])


def test_every_pitch_is_traded_by_its_own_book_at_the_accounts_sizes() -> None:
    week = five(("SPY", 1), ("TLT", -0.5), ("GLD", 0))

    alpha, bravo, charlie, delta, _ = shadow_books([week], assumed())[:5]

    assert alpha.account == "ALPHA"
    assert alpha.weeks[0].net_return == pytest.approx(0.5 * 0.02)
    assert bravo.weeks[0].net_return == pytest.approx(0.75 * 0.01)
    assert charlie.weeks[0].holdings == {}
    assert delta.weeks[0].kept
    assert delta.own_returns == {}


def test_the_mean_of_the_managers_leaves_out_who_abstained() -> None:
    assert holdings_of(BookKind.MEAN_OF_MANAGERS, five(("SPY", 1), ("SPY", -1), ("TLT", 0.5))) == [
        {"SPY": pytest.approx(0.0), "TLT": pytest.approx(0.25)}
    ]


def test_the_best_reviewed_pitch_is_the_one_that_the_decision_recorded() -> None:
    week = five(("SPY", 1), ("TLT", -0.5))
    reviews = (reviewed("CHARLIE", week.pitches[0], 9), reviewed("CHARLIE", week.pitches[1], 2))
    undecided = five(("SPY", 1), ("TLT", -0.5), reviews=reviews)
    recorded = five(
        ("SPY", 1), ("TLT", -0.5), reviews=reviews, decision=decided("SPY", 1, best="P2")
    )

    assert best_reviewed(undecided) == week.pitches[0]
    assert best_reviewed(recorded) == week.pitches[1]
    assert best_reviewed(week) is None


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        ([("SPY", 1), ("TLT", 2), ("SPY", 0.5)], ("SPY", Direction.LONG, "0.5")),
        ([("SPY", 1), ("SPY", -1), ("TLT", -2)], ("TLT", Direction.SHORT, "-2")),
        ([("GLD", 1), ("SPY", 1)], ("GLD", Direction.LONG, "1")),
        ([("GLD", 0), ("SPY", 0), ("SPY", 2)], ("", Direction.FLAT, "0")),
        ([("SPY", -1), ("SPY", -1), ("SPY", -2)], ("SPY", Direction.SHORT, "-1.5")),
    ],
)
def test_the_majority_is_the_view_of_most_then_of_the_surer_then_of_the_first(
    views: list[tuple[str, float]], expected: tuple[str, Direction, str]
) -> None:
    found = majority_view(five(*views), MANAGERS)

    assert found is not None
    assert (found.instrument, found.direction) == expected[:2]
    assert found.conviction == Decimal(expected[2])


def test_rejected_trades_make_a_book_in_equal_parts_and_expired_ones_do_not() -> None:
    rejected = make_trade(verdict=Verdict.REJECTED)
    short = make_trade(verdict=Verdict.REJECTED, instrument="TLT", target_quantity=-250)
    late = make_trade(verdict=Verdict.EXPIRED)
    change = make_trade(verdict=Verdict.REJECTED, checkpoint_id=make_look().checkpoint_id)
    accounts = tuple(
        AccountWeek(name, trades=(trade,))
        for name, trade in zip(MANAGERS, (rejected, short, late, change), strict=False)
    )

    (holdings,) = holdings_of(BookKind.REJECTED, moved_week(MARKET, 0, accounts=accounts))

    assert holdings == {"SPY": pytest.approx(0.25), "TLT": pytest.approx(-0.125)}


def test_the_market_books_hold_what_their_names_say() -> None:
    week = moved_week({**MARKET, "QQQ": 0.0}, 0)

    assert holdings_of(BookKind.SIXTY_FORTY, week) == [{"SPY": 0.6, "IEF": 0.4}]
    assert holdings_of(BookKind.EQUAL_WEIGHT, week) == [
        dict.fromkeys(("SPY", "QQQ", "TLT", "IEF", "GLD"), pytest.approx(0.2))
    ]


def test_spy_is_bought_once_and_held() -> None:
    weeks = [moved_week({"SPY": 0.05}, number) for number in range(3)]

    book = book_of(BookKind.SPY, *weeks, costs=Costs(0.001, 5))

    assert [line.cost for line in book.weeks] == pytest.approx([0.001 + 5e-5, 0, 0])
    assert list(book.returns.values())[1:] == pytest.approx([0.05, 0.05], rel=2e-3)


def test_a_size_that_is_unknown_is_no_trade() -> None:
    book = book_of(BookKind.DECISION, five(decision=decided("SPY", 1)), sizing=lambda *_: None)

    assert book.weeks[0].holdings == {}
