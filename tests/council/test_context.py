import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.context import WeekContext, fold
from council.events import StageCompleted
from council.fact import Fact
from tests.builders import WEEK_ID
from tests.council.fact_examples import deliberation_facts, every_fact

EXAMPLES = every_fact()
ORDERS = st.permutations(EXAMPLES)


def test_a_whole_week_is_folded_into_its_fields() -> None:
    context = fold(WeekContext(WEEK_ID), deliberation_facts())

    assert context.started is not None
    assert context.snapshot is not None
    assert (len(context.packs), len(context.failed_packs)) == (1, 1)
    assert (len(context.pitches), len(context.pitch_abstentions)) == (1, 1)
    assert (len(context.reviews), len(context.review_abstentions)) == (1, 1)
    assert context.decision is not None
    assert context.no_decision is not None
    assert context.completed == {"snapshot"}


def test_the_version_counts_the_events_of_the_weeks_own_stream() -> None:
    own = [fact for fact in EXAMPLES if fact.stream == f"week-{WEEK_ID}"]

    assert fold(WeekContext(WEEK_ID), EXAMPLES).version == len(own)


@given(facts=ORDERS, cut=st.integers(0, len(EXAMPLES)))
def test_folding_in_two_halves_gives_what_folding_at_once_gives(
    facts: list[Fact], cut: int
) -> None:
    start = WeekContext(WEEK_ID)

    halves = fold(fold(start, facts[:cut]), facts[cut:])

    assert halves == fold(start, facts)


@given(facts=ORDERS)
def test_no_order_of_facts_can_break_the_fold_or_what_it_says(facts: list[Fact]) -> None:
    context = fold(WeekContext(WEEK_ID), facts)

    assert all(isinstance(sentence, str) for sentence in context.degraded)
    assert context.version == len([f for f in facts if f.stream == f"week-{WEEK_ID}"])


def test_a_fold_leaves_the_context_before_it_alone() -> None:
    before = WeekContext(WEEK_ID)

    fold(before, EXAMPLES)

    assert before == WeekContext(WEEK_ID)


def test_degradation_names_every_gap_of_the_week() -> None:
    said = " ".join(fold(WeekContext(WEEK_ID), deliberation_facts()).degraded)

    assert "Rehearsal models answer." in said
    assert "Research pack A is by prompted:rehearsal/research, after “sonar: no key”." in said
    assert "Research pack B is missing: “no provider answered”." in said
    assert "BRAVO abstained from pitching: “no answer”." in said
    assert "CHARLIE abstained from reviewing: “no answer”." in said
    assert "No council trade: “2 of 5 managers pitched”." in said
    assert "BRAVO gets no trade: “it abstained”." in said


def test_a_pitch_is_found_by_its_author() -> None:
    context = fold(WeekContext(WEEK_ID), deliberation_facts())

    assert context.pitch_of("ALPHA") is context.pitches[0]
    assert context.pitch_of("BRAVO") is None


def test_a_stage_before_the_snapshot_may_not_ask_for_it() -> None:
    context = fold(WeekContext(WEEK_ID), [StageCompleted(week_id=WEEK_ID, stage="research")])

    with pytest.raises(ValueError, match="no market snapshot"):
        _ = context.frozen_snapshot
