"""One silent model is an abstention; a stage in which nobody could be asked is not stored."""

import pytest

from council.errors import ModelsUnreachable
from council.events import PitchAbstained, Silence
from council.stages.silence import check_reach
from tests.builders import WEEK_ID


def silent(account: str, outcome: Silence, reason: str = "HTTP 503: down") -> PitchAbstained:
    return PitchAbstained(
        week_id=WEEK_ID, account=account, model="vendor/model", reason=reason, outcome=outcome
    )


def test_a_stage_that_the_budget_stopped_whole_can_be_run_again() -> None:
    facts = [silent(name, "over_budget", "budget: 10.00 of the 10.00 USD") for name in "AB"]

    with pytest.raises(
        ModelsUnreachable, match=r"No model was asked .*raise the cap in models.yaml"
    ):
        check_reach(facts)


def test_a_gateway_that_is_away_is_no_matter_of_the_budget() -> None:
    with pytest.raises(ModelsUnreachable, match=r"No model could be reached .*mend the gateway"):
        check_reach([silent("A", "unreachable"), silent("B", "over_budget")])


def test_one_who_answered_badly_makes_it_a_stage_that_took_place() -> None:
    check_reach([silent("A", "over_budget"), silent("B", "invalid")])
