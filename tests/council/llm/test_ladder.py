"""Second chances: each is given once, and no answer's text is ever mended."""

import json
from typing import Any

import httpx2
import pytest

from council.llm.turns import REPAIRED_CHARACTERS
from council.model.checkpoint import Action
from council.ports import Abstained, Answered
from tests.council.llm.stub import (
    STAY,
    ScriptedGateway,
    completion,
    failure,
    make_models,
    question,
    with_conviction,
)


def format_of(request: dict[str, Any]) -> str:
    return str(request.get("response_format", {}).get("type", "none"))


async def test_a_valid_answer_takes_one_call_in_strict_mode() -> None:
    script = ScriptedGateway(completion())

    result = await make_models(script).ask(question())

    assert isinstance(result, Answered)
    assert (result.answer.action, result.outcome, result.model) == (
        Action.STAY,
        "valid",
        "vendor/served",
    )
    asked = script.requests[0]["response_format"]["json_schema"]
    assert (asked["name"], asked["strict"]) == ("checkpoint", True)
    roles = [message["role"] for message in script.requests[0]["messages"]]
    assert roles == ["system", "user", "user"]


@pytest.mark.parametrize(
    "refusal",
    [
        failure(400, "Invalid schema for response_format"),
        failure(404, "No endpoints found that can handle the requested parameters"),
        failure(422, "$ref is not supported"),
        failure(500, "response_format is not implemented"),
    ],
)
async def test_a_gateway_that_refuses_schemas_is_asked_for_any_json_object(
    refusal: httpx2.Response,
) -> None:
    script = ScriptedGateway(refusal, completion())

    result = await make_models(script, attempts=1).ask(question())

    assert isinstance(result, Answered)
    assert [format_of(request) for request in script.requests] == ["json_schema", "json_object"]
    assert "JSON schema" in script.requests[1]["messages"][-1]["content"]


async def test_the_lowest_step_asks_by_prompt_alone_and_is_remembered() -> None:
    refusal = failure(400, "json is not supported")
    script = ScriptedGateway(refusal, refusal, completion())
    models = make_models(script)

    first = await models.ask(question())
    second = await models.ask(question(own="another"))

    assert isinstance(first, Answered)
    assert isinstance(second, Answered)
    assert [format_of(request) for request in script.requests] == [
        "json_schema",
        "json_object",
        "none",
        "none",
    ]


async def test_below_the_lowest_step_the_model_abstains() -> None:
    script = ScriptedGateway(failure(400, "json is not supported"))

    result = await make_models(script).ask(question())

    assert isinstance(result, Abstained)
    assert result.outcome == "refused"
    assert len(script.requests) == 3


async def test_an_invalid_answer_gets_one_repair_turn_that_names_the_problem() -> None:
    script = ScriptedGateway(completion(with_conviction('"1.5"')), completion())

    result = await make_models(script).ask(question())

    assert isinstance(result, Answered)
    assert result.outcome == "repaired"
    rejected, told = script.requests[1]["messages"][-2:]
    assert rejected == {"role": "assistant", "content": with_conviction('"1.5"')}
    assert "conviction_after: must be a number in JSON, not '1.5'" in told["content"]


@pytest.mark.parametrize(
    "text",
    [
        "I would rather not say.",
        json.dumps(STAY) + json.dumps(STAY),
        json.dumps(STAY)[:-20],
        with_conviction("NaN"),
        with_conviction("true"),
        with_conviction("0.5000000001"),
        with_conviction("-1.5"),
    ],
)
async def test_an_answer_that_stays_invalid_is_an_abstention_and_never_an_opinion(
    text: str,
) -> None:
    script = ScriptedGateway(completion(text))

    result = await make_models(script).ask(question())

    assert isinstance(result, Abstained)
    assert result.outcome == "invalid"
    assert result.reason.startswith("the answer was invalid after one repair: ")
    assert len(script.requests) == 2


async def test_a_rule_of_the_stage_is_repaired_like_a_rule_of_the_type() -> None:
    script = ScriptedGateway(completion(with_conviction("-1.5")), completion())

    result = await make_models(script).ask(question())

    assert isinstance(result, Answered)
    assert "contradicts direction LONG" in script.requests[1]["messages"][-1]["content"]


async def test_only_so_much_of_a_rejected_answer_is_sent_back() -> None:
    script = ScriptedGateway(completion("x" * 50_000), completion())

    await make_models(script).ask(question())

    assert len(script.requests[1]["messages"][-2]["content"]) == REPAIRED_CHARACTERS


async def test_a_cut_answer_is_asked_again_with_twice_the_room_and_shorter() -> None:
    script = ScriptedGateway(completion(json.dumps(STAY), finish="length"), completion())

    result = await make_models(script).ask(question())

    assert isinstance(result, Answered)
    assert result.outcome == "valid"
    first, second = script.requests
    assert second["max_tokens"] == 2 * first["max_tokens"]
    assert "shorter" in second["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("response", "outcome"),
    [(completion("{", finish="length"), "truncated"), (completion(""), "invalid")],
)
async def test_an_answer_cut_or_empty_twice_is_an_abstention(
    response: httpx2.Response, outcome: str
) -> None:
    script = ScriptedGateway(response)

    result = await make_models(script).ask(question())

    assert isinstance(result, Abstained)
    assert result.outcome == outcome
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    "response",
    [completion(None, refusal="I cannot"), completion("{}", finish="content_filter")],
)
async def test_a_model_that_declines_is_not_asked_again(response: httpx2.Response) -> None:
    script = ScriptedGateway(response)

    result = await make_models(script, attempts=3).ask(question())

    assert isinstance(result, Abstained)
    assert result.outcome == "refused"
    assert len(script.requests) == 1


async def test_a_refused_option_is_left_out_and_the_schema_kept() -> None:
    refusal = failure(400, "Unsupported parameter: 'max_tokens', use max_completion_tokens")
    script = ScriptedGateway(refusal, completion())

    result = await make_models(script).ask(question())

    assert isinstance(result, Answered)
    assert "max_tokens" not in script.requests[1]
    assert script.requests[1]["max_completion_tokens"] == script.requests[0]["max_tokens"]
    assert format_of(script.requests[1]) == "json_schema"


async def test_an_unpriced_500_that_says_nothing_of_formats_is_only_retried() -> None:
    script = ScriptedGateway(failure(500, "oops"))

    result = await make_models(script, attempts=2).ask(question())

    assert isinstance(result, Abstained)
    assert {format_of(request) for request in script.requests} == {"json_schema"}
