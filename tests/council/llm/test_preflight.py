"""The gateway is asked what it serves before anybody asks a model."""

import httpx2
import pytest

from council.llm.models import GatewayModels
from council.llm.preflight import asked_of
from council.ports import Answered
from tests.council.llm.stub import (
    ScriptedGateway,
    completion,
    config_with_fallback,
    failure,
    make_models,
    make_store,
    question,
)

CONFIG = config_with_fallback()
EVERYBODY = frozenset(
    model for own in asked_of(CONFIG).values() for model in (own.model, *own.fallbacks)
)


def listing(*models: str, **flags: object) -> httpx2.Response:
    return httpx2.Response(200, json={"data": [{"id": model, **flags} for model in sorted(models)]})


async def looked(*steps: httpx2.Response | Exception) -> tuple[GatewayModels, ScriptedGateway]:
    script = ScriptedGateway(*steps)
    models = make_models(script, config=CONFIG)
    await models.look()
    return models, script


async def test_a_gateway_that_lists_everybody_changes_nothing() -> None:
    models, _ = await looked(listing(*EVERYBODY))

    assert models.notices == ()
    assert models.model_for("ALPHA") == "vendor-0/model-0"
    assert models.catalog.lists("vendor/next")


async def test_a_model_that_is_not_listed_gives_way_before_it_is_asked() -> None:
    gone = listing(*EVERYBODY - {"vendor-0/model-0"})
    models, script = await looked(gone, completion())

    result = await models.ask(question())

    assert isinstance(result, Answered)
    assert [request["model"] for request in script.requests[1:]] == ["vendor/next"]
    assert models.notices[0] == (
        "gateway.invalid does not list vendor-0/model-0: vendor/next answers for ALPHA."
    )


async def test_who_has_no_listed_model_is_named_and_asked_all_the_same() -> None:
    models, script = await looked(listing("vendor/next"), completion())

    await models.ask(question("BRAVO"))

    assert script.requests[1]["model"] == "vendor-1/model-1"
    assert (
        "gateway.invalid does not list vendor-4/model-4: ECHO and research-B will hardly be "
        "answered for." in models.notices
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (failure(404, "no such page"), "HTTP 404: no such page"),
        (failure(500, "oops."), "HTTP 500: oops"),
        (httpx2.Response(200, html="<html>log in</html>"), "its answer lists none"),
        (httpx2.Response(200, json={"data": []}), "its answer lists none"),
        (httpx2.ReadTimeout("slow"), "no answer within 8 s"),
        (httpx2.ConnectError("refused"), "it did not answer (ConnectError)"),
    ],
)
async def test_a_list_that_does_not_come_is_told_and_fails_nothing(
    answer: httpx2.Response | Exception, why: str
) -> None:
    models, _ = await looked(answer, completion())

    result = await models.ask(question())

    assert isinstance(result, Answered)
    assert models.notices == (
        f"gateway.invalid did not say which models it serves ({why}): all are asked as "
        "configured, and prices come from the configuration.",
    )


async def test_a_model_listed_without_schemas_is_not_asked_for_one() -> None:
    models, script = await looked(
        listing(*EVERYBODY, supports_output_json_schema=False), completion()
    )

    await models.ask(question())

    assert script.requests[1]["response_format"] == {"type": "json_object"}


async def test_an_answer_of_a_model_that_is_gone_since_is_not_paid_again() -> None:
    store = make_store()
    before = make_models(ScriptedGateway(completion()), config=CONFIG, store=store)
    first = await before.ask(question())
    script = ScriptedGateway(listing("vendor/next"), completion())
    after = make_models(script, config=CONFIG, store=store)
    await after.look()

    second = await after.ask(question())

    assert second == first
    assert len(script.requests) == 1


async def test_an_answer_of_a_fallback_is_not_paid_again_where_the_list_does_not_come() -> None:
    store = make_store()
    script = ScriptedGateway(listing("vendor/next"), completion(), failure(500, "oops"))
    before = make_models(script, config=CONFIG, store=store)
    await before.look()
    first = await before.ask(question())
    after = make_models(script, config=CONFIG, store=store)
    await after.look()

    second = await after.ask(question())

    assert second == first
    assert len(script.requests) == 3


async def test_a_fallback_that_answered_after_a_404_is_not_paid_again() -> None:
    store = make_store()
    refused = ScriptedGateway(failure(404, "unknown model"), completion())
    first = await make_models(refused, config=CONFIG, store=store).ask(question())
    script = ScriptedGateway(listing("vendor/next"), completion())
    after = make_models(script, config=CONFIG, store=store)
    await after.look()

    second = await after.ask(question())

    assert second == first
    assert len(script.requests) == 1
