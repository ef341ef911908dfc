"""When the rules settle a look at a trade, and when its author is asked again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import pytest

from council.context import WeekContext
from council.model.base import Direction
from council.model.checkpoint import Action, Checkpoint, IndicatorReading
from council.model.pitch import FrozenIndicator
from council.trading.readings import (
    Reference,
    event_of,
    frozen_invalidation,
    read_again,
    reference_of,
    staying_reason,
)
from tests.builders import (
    CHAIRMAN,
    WEEK_ID,
    make_decision,
    make_instrument,
    make_pitch,
    make_snapshot,
)

TRADE = UUID(int=1)
NOBODY = UUID(int=0)
ENTRY = Decimal(100)


def indicator(operator: str, threshold: float, current: float) -> FrozenIndicator:
    return FrozenIndicator.model_validate(
        {"name": "SPY.rsi_14", "operator": operator, "threshold": threshold, "current": current}
    )


def reading(name: str = "SPY.rsi_14", *, crossed: bool = False) -> IndicatorReading:
    (found,) = read_again(
        [FrozenIndicator(name=name, operator=">", threshold=70.0, current=60.0)],
        {name: 75.0 if crossed else 65.0},
    )
    return found


def ending(now: float | None) -> IndicatorReading:
    (found,) = read_again(
        [FrozenIndicator(name="SPY.close", operator="<", threshold=95.0, current=100.0)],
        {} if now is None else {"SPY.close": now},
    )
    return found


def look(
    slot: str,
    readings: Sequence[IndicatorReading] = (),
    *,
    invalidation: Sequence[IndicatorReading] = (),
    proxy: str | None = None,
    action: Action = Action.STAY,
    price: str | None = "100",
    decided_by: Any = "model",
) -> Checkpoint:
    return Checkpoint(
        checkpoint_id=uuid5(TRADE, slot),
        week_id="2026-11-18",
        slot=slot,
        taken_at=datetime(2026, 11, 18, 17, 0, tzinfo=UTC),
        account="ALPHA",
        trade_id=TRADE,
        action=action,
        conviction_before=Decimal(1),
        conviction_after=Decimal(1),
        reason_delta="because",
        indicators=tuple(readings),
        invalidation=tuple(invalidation),
        profit_usd="0",
        price_usd=price,
        proxy_price_usd=proxy,
        decided_by=decided_by,
        model=None,
    )


def stays(
    readings: Sequence[IndicatorReading],
    reference: Reference,
    *,
    price: str = "100",
    atr: float | None = 2.0,
    quiet: str = "1",
    **more: Any,
) -> str | None:
    return staying_reason(
        readings, reference, price=Decimal(price), atr_usd=atr, quiet_atr=Decimal(quiet), **more
    )


@pytest.mark.parametrize(
    ("operator", "current", "now", "crossed"),
    [
        (">", 60.0, 71.0, True),
        (">", 71.0, 60.0, True),
        (">", 60.0, 70.0, False),
        (">=", 60.0, 70.0, True),
        ("<", 60.0, 71.0, True),
        ("<=", 60.0, 70.0, False),
        (">", 60.0, None, False),
    ],
)
def test_a_rule_has_crossed_when_it_holds_now_and_did_not_or_the_other_way_round(
    operator: str, current: float, now: float | None, *, crossed: bool
) -> None:
    numbers = {} if now is None else {"SPY.rsi_14": now}

    (found,) = read_again([indicator(operator, 70.0, current)], numbers)

    assert (found.crossed, found.now) == (crossed, now)


@pytest.mark.parametrize(
    ("price", "atr", "quiet", "settled"),
    [
        ("101.99", 2.0, "1", True),
        ("98", 2.0, "1", False),
        ("98", 2.0, "1.5", True),
        ("100", 2.0, "0", False),
        ("100", None, "1", False),
        ("100", 0.0, "1", False),
    ],
)
def test_a_move_of_less_than_the_quiet_atrs_is_settled_by_the_rules(
    price: str, atr: float | None, quiet: str, *, settled: bool
) -> None:
    reason = stays([reading()], Reference(ENTRY), price=price, atr=atr, quiet=quiet)

    assert (reason is not None) is settled


def test_a_crossing_or_an_unknown_value_is_never_settled_by_the_rules() -> None:
    unknown = read_again([indicator(">", 70.0, 60.0)], {})

    assert stays([reading(crossed=True)], Reference(ENTRY)) is None
    assert stays(unknown, Reference(ENTRY)) is None


def test_a_trade_without_an_indicator_has_nothing_that_a_rule_could_check() -> None:
    assert stays([], Reference(ENTRY)) is None


def test_an_author_that_stayed_is_not_asked_again_about_the_same_crossing() -> None:
    crossed = [reading(crossed=True)]

    reference = reference_of(ENTRY, [look("12:00", crossed)], carried_out=NOBODY)

    assert stays(crossed, reference) == (
        "No further frozen indicator crossed (1 had, as its author knew); "
        "the price is 0.0 ATR from its author's last look."
    )


def test_an_author_is_asked_about_another_crossing() -> None:
    reference = reference_of(ENTRY, [look("12:00", [reading(crossed=True)])], carried_out=NOBODY)

    both = [reading(crossed=True), reading("SPY.macd", crossed=True)]
    assert stays(both, reference) is None


def test_an_indicator_that_went_back_and_crosses_again_counts_anew() -> None:
    there, back = [reading(crossed=True)], [reading()]
    looks = [look("09:00", there), look("12:00", back, decided_by="rules")]

    reference = reference_of(ENTRY, looks, carried_out=NOBODY)

    assert stays(back, reference) is not None
    assert stays(there, reference) is None


def test_the_price_counts_from_the_authors_last_look() -> None:
    reference = reference_of(ENTRY, [look("12:00", [reading()], price="103")], carried_out=NOBODY)

    assert stays([reading()], reference, price="104.9") is not None
    assert stays([reading()], reference, price="105") is None
    assert stays([reading()], reference, price="101") is None


def test_a_look_without_a_price_leaves_the_entry_as_it_was() -> None:
    reference = reference_of(ENTRY, [look("12:00", [reading()], price=None)], carried_out=NOBODY)

    assert reference.price == ENTRY


def test_a_look_that_the_rules_settled_does_not_move_the_price_that_counts() -> None:
    drifted = look("12:00", [reading()], price="101.5", decided_by="rules")

    reference = reference_of(ENTRY, [drifted], carried_out=NOBODY)

    assert stays([reading()], reference, price="102") is None


def test_a_wish_that_was_not_carried_out_is_asked_about_again() -> None:
    crossed = [reading(crossed=True)]
    exit_wish = look("12:00", crossed, action=Action.EXIT)

    refused = reference_of(ENTRY, [exit_wish], carried_out=NOBODY)
    carried_out = reference_of(ENTRY, [exit_wish], carried_out=exit_wish.checkpoint_id)

    assert stays(crossed, refused) is None
    assert stays(crossed, carried_out) is not None


def test_a_change_that_never_came_reopens_a_crossing_that_its_author_had_let_pass() -> None:
    crossed = reading(crossed=True)
    looks = [look("10:00", [crossed]), look("12:00", [crossed], action=Action.EXIT, price="90")]

    reference = reference_of(ENTRY, looks, carried_out=None)

    assert stays([crossed], reference_of(ENTRY, looks[:1], carried_out=None)) is not None
    assert stays([crossed], reference) is None


def test_an_invalidation_that_is_met_is_its_authors_to_judge() -> None:
    reference = Reference(ENTRY)

    assert stays([reading()], reference, invalidation=[ending(94.9)]) is None
    assert stays([reading()], reference, invalidation=[ending(None)]) is None
    assert stays([reading()], reference, invalidation=[ending(95.0)]) == (
        "No frozen indicator crossed; no invalidation is met; the price is 0.0 ATR from entry."
    )


def test_an_author_that_stayed_beside_its_invalidation_is_asked_when_it_is_met_anew() -> None:
    met, clear = [ending(94.0)], [ending(96.0)]
    stayed = look("10:00", [reading()], invalidation=met)
    back = look("12:00", [reading()], invalidation=clear, decided_by="rules")

    known = reference_of(ENTRY, [stayed], carried_out=NOBODY)
    anew = reference_of(ENTRY, [stayed, back], carried_out=NOBODY)

    told = stays([reading()], known, invalidation=met)
    assert told is not None
    assert "the invalidation is met, as its author knew" in told
    assert stays([reading()], anew, invalidation=met) is None


def test_the_chairmans_trade_ends_by_any_rule_of_the_pitches_that_it_followed() -> None:
    rules = [
        FrozenIndicator(name="SPY.close", operator="<", threshold=level, current=100.0)
        for level in (95.0, 96.0, 97.0)
    ]
    pitches = (
        make_pitch("ALPHA", invalidation_rule=rules[0]),
        make_pitch("BRAVO", invalidation_rule=rules[1]),
        make_pitch("CHARLIE", invalidation_rule=rules[0]),
        make_pitch("DELTA"),
        make_pitch(
            "ECHO", direction=Direction.SHORT, conviction=Decimal(-1), invalidation_rule=rules[2]
        ),
    )
    context = WeekContext(WEEK_ID, pitches=pitches, decision=make_decision())

    assert frozen_invalidation(CHAIRMAN, context) == (rules[0], rules[1])
    assert frozen_invalidation("BRAVO", context) == (rules[1],)
    assert frozen_invalidation("DELTA", context) == ()


CALM = make_instrument("VIXY", last_close=Decimal(20), indicators={"atr_14": 1.5})


def event(price: str | None, *looks: Checkpoint, proxy: Any = CALM) -> str | None:
    reference = reference_of(
        ENTRY, looks, carried_out=NOBODY, proxy_price=proxy.last_close if proxy else None
    )
    return event_of(
        make_snapshot(volatility_proxy=proxy),
        reference,
        proxy_price=None if price is None else Decimal(price),
        event_atr=Decimal(2),
    )


def test_a_jump_of_the_volatility_proxy_is_an_event() -> None:
    assert event("23") == "VIXY rose by 2.0 ATR since the week began"
    assert event("22.99") is None
    assert event("10") is None
    assert stays([reading()], Reference(ENTRY), event=event("23")) is None


def test_fear_counts_from_the_authors_last_look() -> None:
    seen, settled = look("12:00", proxy="23"), look("12:00", proxy="23", decided_by="rules")

    assert event("25.9", seen) is None
    assert event("26", seen) == "VIXY rose by 2.0 ATR since its author's last look"
    assert event("23", settled) is not None


def test_a_look_from_before_fear_was_kept_counts_from_the_week_before_it() -> None:
    assert event("23", look("12:00", proxy=None)) is not None


def test_a_proxy_without_a_price_settles_nothing_and_a_market_without_one_has_no_events() -> None:
    unknown = make_instrument("VIXY", last_close=Decimal(20), indicators={"atr_14": None})

    assert event(None) == "VIXY has no price now, so that fear since the week began is unknown"
    assert event(None, proxy=None) is None
    assert event("90", proxy=unknown) is None
