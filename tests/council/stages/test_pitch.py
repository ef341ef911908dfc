from typing import Any

import pytest

from config.ids import meaning_id
from council.context import WeekContext
from council.events import PitchAbstained, PitchMade
from council.fact import Fact
from council.model.pitch import IndicatorRule
from council.ports import Question
from council.stages.pitch import pitch
from tests.builders import MANAGERS, NOW, WEEK_ID, make_pitch_answer, make_snapshot
from tests.fakes import FakeModels, Reply, abstained, make_deps, usual_answer

CONTEXT = WeekContext(WEEK_ID, snapshot=make_snapshot())


def answering(account: str, reply: Reply) -> FakeModels:
    """Return models of which that of `account` gives `reply` and the others answer as usual."""

    def answer(question: Question[Any]) -> Reply:
        return reply if question.asked_by == account else usual_answer(question)

    return FakeModels(answer)


async def facts_with(models: FakeModels) -> tuple[Fact, ...]:
    return await pitch(CONTEXT, make_deps(models=models))


async def test_every_manager_is_asked_once_and_the_chairman_never() -> None:
    models = FakeModels()

    facts = await facts_with(models)

    assert models.asked_in("pitch") == list(MANAGERS)
    made = [fact.account for fact in facts if isinstance(fact, PitchMade)]
    assert made == list(MANAGERS)


async def test_a_pitch_keeps_its_author_its_time_and_the_model_that_answered() -> None:
    first = (await facts_with(FakeModels()))[0]

    assert isinstance(first, PitchMade)
    assert first.pitch.idea_id == meaning_id("pitch", WEEK_ID, "ALPHA")
    assert (first.pitch.model, first.pitch.made_at) == ("vendor/model-of-alpha", NOW)
    assert first.outcome == "valid"


async def test_an_invalidation_rule_is_frozen_with_the_value_of_the_market_table() -> None:
    rule = IndicatorRule(name="SPY.close", operator="<", threshold=95.0)

    facts = await facts_with(answering("ALPHA", make_pitch_answer(invalidation_rule=rule)))

    assert isinstance(facts[0], PitchMade)
    assert isinstance(facts[1], PitchMade)
    frozen = facts[0].pitch.invalidation_rule
    assert frozen is not None
    assert (str(frozen), frozen.current) == ("SPY.close < 95", 100.25)
    assert facts[1].pitch.invalidation_rule is None


async def test_indicators_are_frozen_with_the_value_of_the_market_table() -> None:
    rules = (
        IndicatorRule(name="TLT.rsi_14", operator="<", threshold=40.0),
        IndicatorRule(name="VIXY.close", operator=">", threshold=120.0),
    )

    facts = await facts_with(answering("ALPHA", make_pitch_answer(indicators=rules)))

    numbers = CONTEXT.frozen_snapshot.numbers()
    assert isinstance(facts[0], PitchMade)
    frozen = {rule.name: rule.current for rule in facts[0].pitch.indicators}
    assert frozen == {name: numbers[name] for name in ("TLT.rsi_14", "VIXY.close")}


async def test_a_silent_manager_abstains_and_the_others_go_on() -> None:
    facts = await facts_with(answering("BRAVO", abstained("no answer within 5 s")))

    silent = facts[1]
    assert isinstance(silent, PitchAbstained)
    assert (silent.account, silent.reason) == ("BRAVO", "no answer within 5 s")
    assert sum(isinstance(fact, PitchMade) for fact in facts) == len(MANAGERS) - 1


@pytest.mark.parametrize(
    "answer",
    [
        make_pitch_answer(instrument="ARKK"),
        make_pitch_answer(conviction=-1),
        make_pitch_answer(
            indicators=(IndicatorRule(name="SPY.made_up", operator=">", threshold=1.0),)
        ),
    ],
    ids=["outside of the universe", "against its direction", "on an unknown number"],
)
async def test_an_answer_that_breaks_a_rule_is_no_pitch(answer: Any) -> None:
    facts = await facts_with(answering("ALPHA", answer))

    assert isinstance(facts[0], PitchAbstained)
