"""Who is asked for whom, fallbacks, and many questions at once."""

import asyncio

import httpx2
import pytest

from config.clock import SystemClock, VirtualClock
from config.errors import ConfigError, UsageError
from council.llm.journal import Journal
from council.llm.models import open_models
from council.ports import Abstained, Answered
from tests.builders import MANAGERS, NOW, make_config
from tests.council.llm.stub import (
    ScriptedGateway,
    completion,
    config_with_fallback,
    failure,
    make_models,
    make_store,
    question,
)


async def test_six_questions_take_the_time_of_one() -> None:
    together = asyncio.Barrier(6)

    async def answer_when_all_have_asked() -> httpx2.Response:
        async with asyncio.timeout(5):
            await together.wait()
        return completion()

    script = ScriptedGateway(answer_when_all_have_asked)
    models = make_models(script, clock=SystemClock())

    results = await asyncio.gather(
        *(models.ask(question(asked_by)) for asked_by in (*MANAGERS, "BOARD"))
    )

    assert all(isinstance(result, Answered) for result in results)
    assert len({request["model"] for request in script.requests}) == 6


@pytest.mark.parametrize(
    "refusal",
    [
        failure(404, "Provider and/or model not supported"),
        failure(400, "The model vendor/old does not exist"),
        failure(410, "retired"),
    ],
)
async def test_a_model_that_is_not_served_gives_way_to_its_fallback(
    refusal: httpx2.Response,
) -> None:
    script = ScriptedGateway(refusal, completion())
    store = make_store()
    models = make_models(script, config=config_with_fallback(), store=store)

    first = await models.ask(question())
    replayed = await models.ask(question())

    assert isinstance(first, Answered)
    assert replayed == first
    assert [request["model"] for request in script.requests] == ["vendor-0/model-0", "vendor/next"]


async def test_a_model_that_is_not_served_and_has_no_fallback_abstains() -> None:
    result = await make_models(ScriptedGateway(failure(404, "unknown model"))).ask(question())

    assert isinstance(result, Abstained)
    assert (result.model, result.reason) == ("vendor-0/model-0", "HTTP 404: unknown model")


def test_research_packs_have_models_of_their_own() -> None:
    models = make_models(ScriptedGateway(completion()))

    assert models.model_for("research-B") == "vendor-4/model-4"


def test_an_account_without_a_model_is_named() -> None:
    models = make_models(ScriptedGateway(completion()))

    with pytest.raises(UsageError, match=r"models\.yaml names no model for ZULU"):
        models.model_for("ZULU")


async def test_rehearsal_needs_neither_address_nor_key() -> None:
    clock = VirtualClock(NOW)
    models = open_models(
        make_config(), mode="rehearsal", journal=Journal(make_store(), clock), clock=clock
    )

    assert models.model_for("ALPHA").startswith("rehearsal/")
    await models.aclose()


def test_live_models_need_an_address() -> None:
    clock = VirtualClock(NOW)

    with pytest.raises(ConfigError):
        open_models(
            make_config(),
            mode="live",
            journal=Journal(make_store(), clock),
            clock=clock,
            api_key="key",
        )
