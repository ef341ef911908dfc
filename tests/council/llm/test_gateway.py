from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from config.errors import ConfigError
from config.model_schema import GatewayConfig
from council.llm.gateway import ChatRequest, checked_base_url, open_gateway
from council.llm.replies import Reply
from tests.council.llm.stub import ScriptedGateway, Step, completion, failure

REQUEST = ChatRequest("vendor/model", ({"role": "user", "content": "hi"},), {"max_tokens": 9})


async def reply_to(step: Step) -> Reply:
    gateway = open_gateway(
        "https://gateway.invalid/v1",
        "secret-key",
        call_timeout_seconds=5,
        transport=ScriptedGateway(step).transport,
    )
    try:
        return await gateway.send(REQUEST, timeout_seconds=5)
    finally:
        await gateway.aclose()


async def test_an_answer_comes_with_its_model_its_tokens_and_its_cost() -> None:
    reply = await reply_to(completion("hello"))

    assert reply == Reply(
        outcome="answered",
        text="hello",
        finish_reason="stop",
        served_model="vendor/served",
        prompt_tokens=11,
        completion_tokens=7,
        cost_usd=Decimal("0.0125"),
    )


@pytest.mark.parametrize(
    "step",
    [
        failure(401, "Incorrect API key provided: secret-key"),
        httpx2.Response(200, text='{"error": {"code": 502, "message": "key secret-key"}}'),
        httpx2.Response(200, text="<html>authorization: Bearer secret-key</html>"),
    ],
    ids=["error status", "error in a success", "no JSON"],
)
async def test_a_key_that_an_error_repeats_is_hidden(step: Step) -> None:
    reply = await reply_to(step)

    assert "***" in f"{reply.reason} {reply.text}"
    assert "secret-key" not in f"{reply.reason} {reply.text}"


@pytest.mark.parametrize(
    "usage",
    [
        None,
        "free",
        {},
        {"cost": None},
        {"cost": {"total_cost": None}},
        {"cost": {}},
        {"cost": "0.1"},
        {"cost": True},
        {"cost": -1},
    ],
)
async def test_a_cost_that_is_no_amount_is_unknown_and_never_zero(usage: object) -> None:
    reply = await reply_to(completion("hello", usage=usage))

    assert reply.outcome == "answered"
    assert reply.cost_usd is None


@pytest.mark.parametrize(
    ("response", "outcome", "transient"),
    [
        (failure(400, "bad schema"), "refused", False),
        (failure(404, "unknown model"), "refused", False),
        (failure(422, "bad"), "refused", False),
        (failure(302, "elsewhere", location="https://evil.invalid/"), "refused", False),
        (failure(401, "who are you"), "unreachable", False),
        (failure(402, "no balance"), "unreachable", False),
        (failure(403, "bad key"), "unreachable", False),
        (failure(412, "monthly cap"), "unreachable", False),
        (failure(408, "late"), "unreachable", True),
        (failure(409, "conflict"), "unreachable", True),
        (failure(424, "Invalid provider response format"), "unreachable", True),
        (failure(425, "too early"), "unreachable", True),
        (failure(429, "slow down"), "unreachable", True),
        (failure(500, "oops"), "unreachable", True),
        (failure(529, "overloaded"), "unreachable", True),
        (httpx2.Response(502, html="<html>bad gateway</html>"), "unreachable", True),
        (httpx2.Response(200, html="<html>log in</html>"), "garbled", True),
        (httpx2.Response(200, text='{"choices": [{"mess'), "garbled", True),
        (httpx2.Response(200, text=""), "garbled", True),
        (httpx2.Response(200, json=[1]), "garbled", True),
        (httpx2.Response(200, json={"choices": None}), "garbled", True),
        (httpx2.Response(200, json={"choices": []}), "garbled", True),
        (httpx2.Response(200, json={"choices": [None]}), "garbled", True),
        (httpx2.Response(200, json={"choices": [{"message": None}]}), "garbled", True),
        (
            httpx2.Response(200, json={"error": {"message": "upstream"}, "choices": None}),
            "garbled",
            True,
        ),
        (completion("half", finish="error"), "garbled", True),
        (completion("", finish="content_filter"), "refused", False),
        (completion(None, refusal="I cannot help with that"), "refused", False),
    ],
)
async def test_whatever_a_gateway_sends_becomes_a_reply(
    response: httpx2.Response, outcome: str, transient: bool
) -> None:
    reply = await reply_to(response)

    assert (reply.outcome, reply.transient) == (outcome, transient)
    assert reply.reason


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (httpx2.ReadTimeout("slow"), "timed_out"),
        (httpx2.ConnectError("refused"), "unreachable"),
        (httpx2.RemoteProtocolError("dropped"), "unreachable"),
        (httpx2.DecodingError("bad gzip"), "unreachable"),
    ],
)
async def test_a_failing_network_becomes_a_reply_that_may_be_tried_again(
    error: Exception, outcome: str
) -> None:
    reply = await reply_to(error)

    assert (reply.outcome, reply.transient) == (outcome, True)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": None}, ""),
        ({"content": "  "}, ""),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab"),
        ({"tool_calls": [{"function": {"name": "f", "arguments": '{"a": 1}'}}]}, '{"a": 1}'),
        ({"tool_calls": [{"function": None}]}, ""),
        ({"tool_calls": [{"function": {"arguments": "{}"}}] * 2}, ""),
    ],
)
async def test_the_text_is_the_content_or_the_one_tool_calls_arguments(
    message: dict[str, Any], text: str
) -> None:
    reply = await reply_to(completion("", **message))

    assert (reply.outcome, reply.text) == ("answered", text)


async def test_an_error_inside_a_success_is_told_in_its_own_words() -> None:
    body = completion("half an answer").json() | {"error": {"message": "upstream broke"}}

    reply = await reply_to(httpx2.Response(200, json=body))

    assert (reply.outcome, reply.reason) == ("garbled", "the gateway reported upstream broke")


async def test_an_error_inside_a_success_counts_as_the_status_that_it_names() -> None:
    quoted = {"raw": "response_format is not supported", "provider_name": "Vendor"}
    error = {"code": 400, "message": "Provider returned error", "metadata": quoted}
    body = completion("half").json() | {"error": error, "choices": None}

    reply = await reply_to(httpx2.Response(200, json=body))

    assert (reply.outcome, reply.transient, reply.cost_usd) == (
        "refused",
        False,
        Decimal("0.0125"),
    )
    assert reply.reason == ("HTTP 400: Provider returned error - response_format is not supported")


async def test_a_cost_may_be_an_object_with_a_total() -> None:
    reply = await reply_to(completion("hello", usage={"cost": {"total_cost": 0.25}}))

    assert reply.cost_usd == Decimal("0.25")


async def test_a_gateway_is_spoken_to_in_its_own_ids_and_options() -> None:
    script = ScriptedGateway(completion("hello"))
    dialect = GatewayConfig(ids={"vendor/model": "v-endor/model.1"}, require_parameters=True)
    gateway = open_gateway(
        "https://gateway.invalid:8443/api/v1",
        "secret-key",
        call_timeout_seconds=5,
        dialects={"gateway.invalid": dialect},
        transport=script.transport,
    )
    shaped = replace(REQUEST, options={"response_format": {"type": "json_object"}})

    await gateway.send(REQUEST, timeout_seconds=5)
    await gateway.send(shaped, timeout_seconds=5)

    assert [request["model"] for request in script.requests] == ["v-endor/model.1"] * 2
    assert "provider" not in script.requests[0]
    assert script.requests[1]["provider"] == {"require_parameters": True}
    assert gateway.name == "gateway.invalid:8443"
    await gateway.aclose()


async def test_the_body_is_the_request_as_it_stands() -> None:
    script = ScriptedGateway(completion("hello"))
    gateway = open_gateway(
        "https://gateway.invalid/v1",
        "secret-key",
        call_timeout_seconds=5,
        transport=script.transport,
    )

    await gateway.send(REQUEST, timeout_seconds=5)

    assert list(script.requests[0].items()) == [
        ("model", "vendor/model"),
        ("messages", [{"role": "user", "content": "hi"}]),
        ("max_tokens", 9),
    ]
    await gateway.aclose()


async def test_the_wait_that_a_gateway_asks_for_is_read() -> None:
    reply = await reply_to(failure(429, "slow down", **{"Retry-After": "7"}))

    assert reply.retry_after_seconds == 7


async def test_nothing_of_the_environment_reaches_the_gateway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-leak")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-leak")
    monkeypatch.setenv("OPENAI_API_KEY", "key-leak")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Leak: leak\nAuthorization: Bearer leak")
    script = ScriptedGateway(completion("hello"))
    gateway = open_gateway(
        "https://gateway.invalid/v1",
        "secret-key",
        call_timeout_seconds=5,
        transport=script.transport,
    )

    await gateway.send(REQUEST, timeout_seconds=5)

    assert script.headers[0]["authorization"] == "Bearer secret-key"
    assert "leak" not in str(script.headers[0])
    assert set(script.requests[0]) == {"model", "messages", "max_tokens"}
    await gateway.aclose()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "router.requesty.ai/v1",
        "http://router.requesty.ai/v1",
        "http://127.0.0.1.evil.invalid/v1",
        "https://user@router.requesty.ai/v1",
        "https://user:password@router.requesty.ai/v1",
        "https://router.requesty.ai/v1?key=1",
        "https://",
        "http://[::1",
        "file:///etc/passwd",
    ],
)
def test_a_key_is_never_sent_to_an_address_that_is_not_safe(address: str) -> None:
    with pytest.raises(ConfigError, match="REQUESTY_BASE_URL must be an https address"):
        checked_base_url(address)


@pytest.mark.parametrize(
    "address", ["https://router.requesty.ai/v1", "http://127.0.0.1:4010/v1", "http://[::1]:1/v1"]
)
def test_https_anywhere_and_http_on_this_machine_are_taken(address: str) -> None:
    assert checked_base_url(f" {address} ") == address


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="REQUESTY_API_KEY is empty"):
        open_gateway("https://gateway.invalid/v1", " ", call_timeout_seconds=5)
