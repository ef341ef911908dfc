from datetime import timedelta
from decimal import Decimal
from statistics import fmean
from typing import Any

import pytest

from council.analytics.book_pricing import Costs
from council.analytics.inputs import AccountWeek, Trade, Verdict, Week
from council.analytics.resampling import FEWEST_WEEKS, Estimate, NotEnoughWeeks
from council.analytics.stage_value import Stage, StageValue, stage_values
from council.model.pitch import Pitch
from tests.builders import CHAIRMAN, MANAGERS, make_leg
from tests.council.analytics.test_shadow_books import assumed
from tests.council.analytics.weeks import (
    ENTRY_AT,
    LABELS,
    decided,
    drawn_moves,
    equity_marks,
    make_fill,
    make_look,
    make_trade,
    make_week,
    moved_week,
    pitched,
    reviewed,
    selling_leg,
)

INSTRUMENTS = ("SPY", "TLT", "GLD", "USO", "UUP")


def value_of(stage: Stage, *weeks: Week, **changes: Any) -> StageValue:
    return next(v for v in stage_values(weeks, assumed(**changes)) if v.stage is stage)


def held(*trades: Trade, name: str = "ALPHA", equity: float = 100_000) -> AccountWeek:
    return AccountWeek(name, equity_marks(equity, equity), trades=trades)


def traded(*accounts: AccountWeek, end: float = 104.0) -> Week:
    return make_week({"SPY": 100.0, "TLT": 50.0}, {"SPY": end, "TLT": 50.0}, accounts=accounts)


def test_a_rejected_trade_that_would_have_gained_cost_its_gain_less_its_costs() -> None:
    trade = make_trade(verdict=Verdict.REJECTED, at=ENTRY_AT - timedelta(minutes=85))
    week = traded(held(trade), held(name="BRAVO"))

    found = value_of(Stage.VETO, week, costs=Costs(0.001, 2))

    (line,) = found.weeks
    assert line.value_usd == pytest.approx(-500 * 4 + 50 + 2)
    assert line.value_bps == pytest.approx(-1_948 / 200_000 * 10_000)
    assert (line.cases, found.cases) == (1, 1)


def test_a_trade_left_to_expire_counts_and_one_that_waits_does_not() -> None:
    expired = held(make_trade(verdict=Verdict.EXPIRED))
    waiting = held(make_trade(verdict=Verdict.WAITING), name="BRAVO")
    week = traded(expired, waiting, end=90.0)

    (line,) = value_of(Stage.VETO, week).weeks

    assert line.value_usd == pytest.approx(5_000)
    assert line.cases == 1


def test_rejecting_a_trade_keeps_what_it_would_have_closed() -> None:
    legs = (selling_leg(100), make_leg(symbol="TLT", quantity=200))
    trade = make_trade(verdict=Verdict.REJECTED, instrument="TLT", legs=legs)

    (line,) = value_of(Stage.VETO, traded(held(trade))).weeks

    assert line.value_usd == pytest.approx(100 * 4)


def test_a_rejected_exit_is_measured_from_its_own_slot() -> None:
    look = make_look()
    trade = make_trade(
        verdict=Verdict.REJECTED,
        checkpoint_id=look.checkpoint_id,
        at=ENTRY_AT + timedelta(days=1, minutes=1),
        legs=(selling_leg(100),),
    )
    rows = ({"SPY": 100.0}, {"SPY": 98.0}, {"SPY": 97.0})

    (line,) = value_of(Stage.VETO, make_week(*rows, accounts=(held(trade),))).weeks

    assert line.value_usd == pytest.approx(-100)


def test_an_exit_that_was_missed_and_asked_again_is_charged_until_it_was_asked_again() -> None:
    missed, filled = (
        make_trade(
            *fills,
            verdict=verdict,
            checkpoint_id=make_look().checkpoint_id,
            at=ENTRY_AT + timedelta(days=day),
            legs=(selling_leg(100),),
        )
        for day, verdict, fills in (
            (1, Verdict.EXPIRED, ()),
            (2, Verdict.APPROVED, (make_fill(-100, 95.0, leg="close"),)),
        )
    )
    rows = [{"SPY": price} for price in (100.0, 98.0, 95.0, 90.0)]
    week = make_week(*rows, accounts=(held(filled, missed),))

    (veto,) = value_of(Stage.VETO, week, costs=Costs(0.001)).weeks
    (checkpoints,) = value_of(Stage.CHECKPOINTS, week).weeks

    assert veto.value_usd == pytest.approx(-300)
    assert checkpoints.value_usd == pytest.approx(500)


def test_what_a_checkpoint_changed_is_set_against_holding_on() -> None:
    trade = make_trade(make_fill(-100, 103.0, leg="close"), checkpoint_id=make_look().checkpoint_id)

    falling = value_of(Stage.CHECKPOINTS, traded(held(trade), end=99.0))
    rising = value_of(Stage.CHECKPOINTS, traded(held(trade), end=104.0))

    assert falling.weeks[0].value_usd == pytest.approx(400)
    assert rising.weeks[0].value_usd == pytest.approx(-100)


def test_the_trades_of_the_entry_are_no_checkpoints_doing() -> None:
    (line,) = value_of(Stage.CHECKPOINTS, traded(held(make_trade(make_fill(500, 100.0))))).weeks

    assert (line.value_usd, line.cases) == (0.0, 0)


def test_delay_is_the_fill_against_the_price_of_the_proposal() -> None:
    late = make_trade(make_fill(500, 100.5), reference_price=Decimal(99))
    lucky = make_trade(make_fill(-200, 100.0), reference_price=Decimal(99))

    (line,) = value_of(Stage.APPROVAL_DELAY, traded(held(late), held(lucky, name="BRAVO"))).weeks

    assert line.value_usd == pytest.approx(-750 + 200)
    assert line.cases == 2


def test_another_instruments_delay_is_measured_from_the_marks() -> None:
    trade = make_trade(make_fill(-10, 49.0, symbol="TLT", leg="close"))

    (line,) = value_of(Stage.APPROVAL_DELAY, traded(held(trade))).weeks

    assert line.value_usd == pytest.approx(-10)


def test_a_week_whose_accounts_nobody_marked_is_left_out() -> None:
    week = traded(AccountWeek("ALPHA", trades=(make_trade(verdict=Verdict.REJECTED),)))

    assert value_of(Stage.VETO, week).weeks == ()


def council_week(number: int, moves: dict[str, float], *, chooses: int, favours: int) -> Week:
    """Return a week in which reviews favour and the chairman chooses by place in the results.

    Place 0 did best. Every manager is long its own instrument at conviction 1.
    """
    pitches = [pitched(n, s, 1) for n, s in zip(MANAGERS, INSTRUMENTS, strict=True)]
    ordered = sorted(pitches, key=lambda pitch: -moves[pitch.instrument])
    best = ordered[favours]
    label = next(label for label, name in LABELS.items() if name == best.account)
    return moved_week(
        moves,
        number,
        pitches=tuple(pitches),
        reviews=_praise(best, pitches),
        labels=LABELS,
        decision=decided(ordered[chooses].instrument, 1, best=label),
        accounts=(AccountWeek(CHAIRMAN, equity_marks(100_000, 100_000)),),
    )


def _praise(best: Pitch, pitches: list[Pitch]) -> Any:
    return tuple(reviewed("ECHO", pitch, 9 if pitch is best else 3) for pitch in pitches[:4])


def planted(count: int, *, chooses: int, favours: int) -> list[Week]:
    return [
        council_week(number, moves, chooses=chooses, favours=favours)
        for number, moves in enumerate(drawn_moves(count, seed=11))
    ]


def test_a_chairman_that_throws_value_away_has_a_value_below_zero() -> None:
    weeks = planted(30, chooses=4, favours=1)

    found = value_of(Stage.CHAIRMAN, *weeks)

    assert isinstance(found.mean_bps, Estimate)
    assert found.mean_bps.high < 0
    assert found.mean_bps.is_certain
    assert isinstance(found.mean_usd, Estimate)
    assert found.mean_usd.mean == pytest.approx(found.mean_bps.mean * 10)
    assert (len(found.weeks), found.cases) == (30, 30)


def test_reviewers_that_find_the_winner_have_a_value_above_zero() -> None:
    found = value_of(Stage.REVIEW, *planted(30, chooses=0, favours=0))

    assert isinstance(found.mean_bps, Estimate)
    assert found.mean_bps.low > 0
    by_hand = [week.value_bps for week in found.weeks]
    assert found.mean_bps.mean == pytest.approx(fmean(by_hand))


def test_a_chairman_is_set_against_the_majority_too() -> None:
    found = value_of(Stage.CHAIRMAN_OVER_MAJORITY, *planted(20, chooses=4, favours=1))

    assert isinstance(found.mean_bps, Estimate)
    assert found.mean_bps.mean < 0


def test_a_chairman_that_always_follows_the_reviews_shows_nothing_to_measure() -> None:
    found = value_of(Stage.CHAIRMAN, *planted(20, chooses=1, favours=1))

    assert {week.value_usd for week in found.weeks} == {0.0}
    assert found.mean_usd == NotEnoughWeeks((), FEWEST_WEEKS)


def test_few_weeks_say_so_by_name_for_every_stage() -> None:
    weeks = planted(3, chooses=4, favours=1)

    values = stage_values(weeks, assumed())

    assert {type(value.mean_usd) for value in values} == {NotEnoughWeeks}
    chairman = next(value for value in values if value.stage is Stage.CHAIRMAN)
    assert chairman.mean_bps == NotEnoughWeeks(tuple(week.week_id for week in weeks), FEWEST_WEEKS)


def test_a_week_without_a_decision_is_no_week_of_the_chairman() -> None:
    week = planted(1, chooses=0, favours=1)[0]
    undecided = Week(week.week_id, week.marks, week.accounts, week.pitches, week.reviews, LABELS)

    assert value_of(Stage.CHAIRMAN, undecided).weeks == ()
    assert len(value_of(Stage.REVIEW, undecided).weeks) == 1
