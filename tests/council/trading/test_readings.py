"""When the rules settle a look at a trade, and when its author is asked again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import pytest

from council.model.checkpoint import Action, Checkpoint, IndicatorReading
from council.model.pitch import FrozenIndicator
from council.trading.readings import Reference, read_again, reference_of, staying_reason

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


def look(
    slot: str,
    readings: Sequence[IndicatorReading] = (),
    *,
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
        profit_usd="0",
        price_usd=price,
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
) -> str | None:
    return staying_reason(
        readings, reference, price=Decimal(price), atr_usd=atr, quiet_atr=Decimal(quiet)
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
