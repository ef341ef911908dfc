"""Sums of what calls cost: known, estimated, unknown, and never 0 for unknown."""

from decimal import Decimal
from typing import Any

from council.llm.replies import ONCE_BEGUN
from council.llm.spending import Spending, spending_of
from tests.council.fact_examples import make_call


def paid(**changes: Any) -> Any:
    return make_call(**{"prompt_tokens": 100, "completion_tokens": 20, **changes})


def unknown(**changes: Any) -> Any:
    return paid(cost_usd=None, cost_source="none", **changes)


def test_costs_and_tokens_add_up_and_estimates_are_told_apart() -> None:
    calls = (paid(), paid(cost_usd=Decimal("0.5"), cost_source="estimate"))

    total = spending_of(calls)

    assert (total.calls, total.prompt_tokens, total.completion_tokens) == (2, 200, 40)
    assert (total.known_usd, total.estimated_usd) == (Decimal("0.5012"), Decimal("0.5"))
    assert total.cost_usd == total.known_usd


def test_one_unknown_cost_makes_the_whole_unknown_and_never_nothing() -> None:
    total = spending_of((paid(), unknown()))

    assert (total.cost_usd, total.unknown) == (None, 1)
    assert total.known_usd == Decimal("0.0012")


def test_what_nobody_bills_is_not_unknown() -> None:
    calls = (
        paid(),
        unknown(outcome="unreachable", reason="HTTP 503: down"),
        unknown(outcome="refused", reason="HTTP 404: unknown model"),
        unknown(outcome="unreachable", reason="the gateway did not answer (ConnectError)"),
    )

    assert spending_of(calls).cost_usd == Decimal("0.0012")


def test_a_broken_answer_that_was_billed_counts() -> None:
    assert spending_of((paid(outcome="garbled"),)).cost_usd == Decimal("0.0012")


def test_without_a_call_there_is_no_cost_to_speak_of() -> None:
    assert Spending().cost_usd is None


def test_an_error_of_the_server_inside_a_success_may_have_been_billed() -> None:
    begun = unknown(outcome="unreachable", reason=f"HTTP 502: {ONCE_BEGUN}: overloaded")
    quoted = unknown(outcome="unreachable", reason=f"HTTP 502: down, {ONCE_BEGUN}")

    assert spending_of((begun,)).unknown == 1
    assert spending_of((quoted,)).unknown == 0
