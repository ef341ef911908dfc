from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import NEW_YORK
from config.errors import UsageError
from config.loader import load_config
from config.market_calendar import xnys
from council.simulate import SimulationPlan, check_plan, hash_of, moments_of

PLAN = SimulationPlan(name="plain", first_week=date(2024, 1, 3), weeks=3)


def told(week_id: str) -> list[str]:
    """Return the week's moments as "weekday time deed", in New York."""
    moments = moments_of(week_id, xnys(), load_config().schedule)
    return [f"{m.at.astimezone(NEW_YORK):%a %H:%M} {m.deed}" for m in moments]


def test_a_week_goes_from_its_deliberation_over_five_sessions_to_its_postmortem() -> None:
    week = told("2024-01-10")

    assert week[:7] == [
        "Wed 08:00 deliberate",
        "Wed 09:00 checkpoint",
        "Wed 09:31 open",
        "Wed 12:00 checkpoint",
        "Wed 14:00 checkpoint",
        "Wed 15:50 checkpoint",
        "Wed 16:00 close",
    ]
    assert [line.split()[0] for line in week if line.endswith("close")] == [
        "Wed",
        "Thu",
        "Fri",
        "Tue",
    ]
    assert week[-2:] == ["Tue 16:00 close", "Tue 16:00 postmortem"]


def test_a_half_day_has_no_slot_after_its_close() -> None:
    friday = [line for line in told("2023-11-22") if line.startswith("Fri")]

    assert friday == [
        "Fri 09:00 checkpoint",
        "Fri 09:31 open",
        "Fri 12:00 checkpoint",
        "Fri 13:00 close",
    ]


@given(st.dates(date(2016, 1, 1), date(2030, 1, 1)))
def test_the_moments_of_any_week_stand_in_order_and_before_the_next_week(day: date) -> None:
    wednesday = date.fromordinal(day.toordinal() - (day.weekday() - 2) % 7)
    schedule = load_config().schedule

    moments = moments_of(wednesday.isoformat(), xnys(), schedule)
    following = date.fromordinal(wednesday.toordinal() + 7)
    after = moments_of(following.isoformat(), xnys(), schedule)

    instants = [moment.at for moment in moments]
    assert instants == sorted(instants)
    assert instants[-1] < after[0].at


def test_the_weeks_follow_each_other_on_wednesdays() -> None:
    assert PLAN.week_ids == ("2024-01-03", "2024-01-10", "2024-01-17")


@given(st.uuids(), st.integers(0, 99), st.decimals(0, 1, places=3), st.decimals(0, 1, places=3))
def test_who_rejects_more_rejects_all_that_was_rejected_before(
    trade_id: UUID, seed: int, one: Decimal, other: Decimal
) -> None:
    fewer, more = (replace(PLAN, seed=seed, reject_share=s) for s in sorted((one, other)))

    assert more.turns_down(trade_id) or not fewer.turns_down(trade_id)
    assert not replace(PLAN, reject_share=Decimal(0)).turns_down(trade_id)
    assert replace(PLAN, reject_share=Decimal(1)).turns_down(trade_id)


def test_a_tenth_of_many_trades_is_about_a_tenth() -> None:
    plan = replace(PLAN, reject_share=Decimal("0.1"))

    rejected = sum(plan.turns_down(UUID(int=number)) for number in range(2_000))

    assert 150 < rejected < 250


def test_the_hash_tells_plans_apart_and_takes_no_notice_of_their_names() -> None:
    changes: dict[str, Any] = {
        "weeks": 4,
        "seed": 8,
        "prices": "bars.csv",
        "keep_halts": True,
        "live": True,
    }
    others = {replace(PLAN, **{name: value}).hash for name, value in changes.items()}

    assert len(others) == len(changes)
    assert PLAN.hash not in others
    assert replace(PLAN, name="other").hash == PLAN.hash


def test_a_file_counts_by_its_name_and_content_wherever_it_lies() -> None:
    here = replace(PLAN, prices="/tmp/here/bars.csv", prices_hash="1")  # noqa: S108 - never opened

    assert replace(here, prices="bars.csv").hash == here.hash
    assert replace(here, prices_hash="2").hash != here.hash
    assert replace(here, prices="other.csv").hash != here.hash


def test_what_shows_in_the_facts_counts_and_what_models_may_cost_does_not() -> None:
    config = load_config()
    quiet = config.risk.checkpoint.model_copy(update={"quiet_atr": Decimal(3)})
    budget = config.models.budget.model_copy(update={"month_usd": Decimal(900)})
    bolder = config.model_copy(
        update={"risk": config.risk.model_copy(update={"checkpoint": quiet})}
    )
    richer = config.model_copy(
        update={"models": config.models.model_copy(update={"budget": budget})}
    )

    assert hash_of(bolder) != hash_of(config) == hash_of(richer)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "a b"}, "names no simulation"),
        ({"name": "x" * 41}, "names no simulation"),
        ({"weeks": 0}, "0 weeks cannot be simulated"),
        ({"reject_share": Decimal(2)}, "2 is no share"),
        ({"first_week": date(2024, 1, 4)}, "a Thursday"),
        ({"weeks": 1_000}, "1000 weeks from 2024-01-03 on go beyond the calendar: give fewer"),
        ({"weeks": 9_999_999}, "give 1 to 1,000"),
    ],
)
def test_a_plan_that_cannot_be_played_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_plan(replace(PLAN, **change))
