"""The plan of faults: repeatable, bounded, and read from text."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.exchange.errors import FaultPlanUnreadable
from broker.exchange.faults import BURST, CLEAN_EVERY, FaultKind, FaultPlan
from broker.exchange.rules import AssetRules

ALL = FaultPlan(seed=7, posts=1, gets=1, deletes=1)
AT = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
SUBJECTS = [f"SIM1 order-{number}" for number in range(400)]

plans = st.builds(
    FaultPlan,
    seed=st.integers(0, 1000),
    posts=st.floats(0, 1),
    gets=st.floats(0, 1),
    deletes=st.floats(0, 1),
    kinds=st.lists(st.sampled_from(FaultKind), min_size=1, unique=True).map(tuple),
)


@given(plans, st.sampled_from(["GET", "POST", "PATCH", "DELETE"]), st.text(), st.integers(1, 200))
def test_no_request_fails_for_ever(plan: FaultPlan, method: str, subject: str, first: int) -> None:
    tries = range(first, first + CLEAN_EVERY)

    assert None in [plan.fault_for(method, subject, attempt) for attempt in tries]


@given(plans, st.sampled_from(["GET", "POST", "DELETE"]), st.text(), st.integers(1, 200))
def test_a_fault_hangs_on_nothing_but_the_request(
    plan: FaultPlan, method: str, subject: str, attempt: int
) -> None:
    again = FaultPlan(plan.seed, plan.posts, plan.gets, plan.deletes, plan.kinds)

    assert plan.fault_for(method, subject, attempt) == again.fault_for(method, subject, attempt)


def test_a_share_of_one_half_fails_half_of_the_first_tries() -> None:
    plan = FaultPlan(seed=1, posts=0.5)

    faulty = sum(plan.fault_for("POST", subject, 1) is not None for subject in SUBJECTS)

    assert 160 <= faulty <= 240
    assert plan.fault_for("GET", SUBJECTS[0], 1) is None


def test_another_seed_is_another_run() -> None:
    one, other = (
        [FaultPlan(seed=seed, posts=0.5).fault_for("POST", subject, 1) for subject in SUBJECTS]
        for seed in (1, 2)
    )

    assert one != other


def test_every_kind_occurs_where_it_can() -> None:
    met = {
        method: {
            fault.kind
            for subject in SUBJECTS
            for attempt in (1, 2, 3)
            if (fault := ALL.fault_for(method, subject, attempt))
        }
        for method in ("POST", "GET", "DELETE")
    }

    assert met["POST"] == set(FaultKind)
    assert met["GET"].isdisjoint({FaultKind.LATE, FaultKind.LOST, FaultKind.SPURIOUS})
    assert met["DELETE"] == set(FaultKind) - {FaultKind.GARBAGE, FaultKind.SPURIOUS}


def test_a_refusal_is_made_up_only_where_an_earlier_try_may_have_arrived() -> None:
    plan = FaultPlan(posts=1, kinds=(FaultKind.SPURIOUS,))

    kinds = {plan.fault_for("POST", subject, 1).kind for subject in SUBJECTS}  # type: ignore[union-attr]  # all are faulty

    assert kinds == {FaultKind.LATE}


def test_too_many_requests_come_in_bursts() -> None:
    plan = FaultPlan(seed=3, posts=0.3)
    bursts = [
        [plan.fault_for("POST", subject, attempt) for attempt in range(1, 1 + BURST)]
        for subject in SUBJECTS
    ]

    opened = [burst for burst in bursts if burst[0] and burst[0].kind is FaultKind.THROTTLED]

    assert opened
    assert all(fault and fault.kind is FaultKind.THROTTLED for burst in opened for fault in burst)


def test_a_late_request_is_late_by_no_more_than_the_plan_says() -> None:
    plan = FaultPlan(posts=1, kinds=(FaultKind.LATE,), latest=timedelta(seconds=12))

    delays = [fault.delay for s in SUBJECTS if (fault := plan.fault_for("POST", s, 1))]

    assert timedelta(seconds=0.2) <= min(delays)
    assert timedelta(seconds=10) < max(delays) <= timedelta(seconds=12)


def test_a_plan_is_read_from_text() -> None:
    text = "seed=7, posts=0.5,gets=0.25,kinds=late+spurious,latest=12,stuck=0.1,flips=600,stream=9"

    plan = FaultPlan.parsed(text)

    assert plan == FaultPlan(
        seed=7,
        posts=0.5,
        gets=0.25,
        kinds=(FaultKind.LATE, FaultKind.SPURIOUS),
        latest=timedelta(seconds=12),
        stream=9,
        stuck=0.1,
        flips=timedelta(minutes=10),
    )
    assert FaultPlan.parsed("") == FaultPlan()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("puts=0.5", "knows no 'puts': use seed, posts"),
        ("posts", "posts is a share from 0 to 1, not ''"),
        ("posts=1.5", "posts is a share from 0 to 1, not '1.5'"),
        ("gets=nan", "gets is a share from 0 to 1, not 'nan'"),
        ("seed=-1", "seed is a whole number, not '-1'"),
        ("latest=1e9", "latest is a number of seconds, a day at most, not '1e9'"),
        ("kinds=drop+fire", "There is no fault 'fire': choose from drop, lost"),
        ("seed=1,seed=2", "says seed twice"),
    ],
)
def test_what_is_no_plan_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(FaultPlanUnreadable, match=said):
        FaultPlan.parsed(text)


def test_some_cancellations_never_end() -> None:
    plan = FaultPlan(stuck=0.25)

    stuck = sum(plan.is_stuck(subject) for subject in SUBJECTS)

    assert 60 <= stuck <= 140
    assert not any(FaultPlan().is_stuck(subject) for subject in SUBJECTS)


def test_short_flags_flip_with_time_but_never_beyond_the_asset_s_own() -> None:
    plan = FaultPlan(flips=timedelta(minutes=5))
    hours = [AT + timedelta(minutes=5 * number) for number in range(100)]

    free = [plan.as_of(AssetRules("SPY"), at) for at in hours]
    rigid = AssetRules("USO", shortable=False, easy_to_borrow=False)
    hard = [plan.as_of(rigid, at) for at in hours]

    assert {rules.shortable for rules in free} == {True, False}
    assert {rules.easy_to_borrow for rules in free} == {True, False}
    assert set(hard) == {rigid}
    assert plan.as_of(AssetRules("SPY"), AT) == plan.as_of(
        AssetRules("SPY"), AT + timedelta(minutes=4)
    )
