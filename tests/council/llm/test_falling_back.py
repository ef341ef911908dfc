"""Who speaks when the first model fails: the chair is filled, a manager's seat is not."""

from dataclasses import replace

from council.ports import Abstained, Answered
from tests.council.llm.stub import (
    ScriptedGateway,
    completion,
    config_with_fallback,
    failure,
    make_models,
    make_store,
    question,
)

REFUSAL = completion(refusal="I cannot help with that.")


async def test_where_the_first_model_fails_a_question_that_may_fall_back_gets_an_answer() -> None:
    script, store = ScriptedGateway(REFUSAL, completion()), make_store()
    models = make_models(script, config=config_with_fallback(), store=store)
    chair = replace(question(), may_fall_back=True)

    first = await models.ask(chair)
    replayed = await models.ask(chair)

    assert isinstance(first, Answered)
    assert replayed == first
    assert [request["model"] for request in script.requests] == ["vendor-0/model-0", "vendor/next"]


async def test_no_other_model_speaks_for_a_manager() -> None:
    script = ScriptedGateway(REFUSAL, completion())

    result = await make_models(script, config=config_with_fallback()).ask(question())

    assert isinstance(result, Abstained)
    assert result.outcome == "refused"
    assert [request["model"] for request in script.requests] == ["vendor-0/model-0"]


async def test_where_all_fail_nobody_answers() -> None:
    script = ScriptedGateway(REFUSAL, failure(404, "unknown model"))
    models = make_models(script, config=config_with_fallback())

    result = await models.ask(replace(question(), may_fall_back=True))

    assert isinstance(result, Abstained)
    assert result.outcome == "refused"
    assert len(script.requests) == 2
