from decimal import Decimal
from typing import Any

import httpx2
import pytest

from council.model.research import Report, Source
from council.research.deep import order_for
from council.research.perplexity import open_perplexity
from council.research.service import Accepted, Failed, KeyRefused, NotAccepted, Running, Unclear
from tests.council.research.scripted import (
    KEY,
    PERPLEXITY,
    TAKEN,
    TASK,
    Script,
    perplexity,
    said,
    sonar_report,
)

ORDER = order_for(TASK)


async def report_of(answer: httpx2.Response) -> Report:
    look = await perplexity(Script(gets=[answer])).look("job-1")
    assert isinstance(look, Report)
    return look


async def test_a_job_is_handed_in_with_its_key_effort_and_schema() -> None:
    script = Script()

    outcome = await perplexity(script).submit(ORDER, "key-1")

    assert outcome == Accepted("job-1")
    sent, (body,) = script.requests[0], script.posted
    assert str(sent.url) == "https://api.perplexity.ai/async/chat/completions"
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert body["idempotency_key"] == "key-1"
    request = body["request"]
    assert (request["model"], request["reasoning_effort"]) == ("sonar-deep-research", "medium")
    assert request["response_format"]["json_schema"]["schema"] == ORDER.schema
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert "search the web" in request["messages"][1]["content"]


async def test_without_a_schema_on_the_wire_it_stands_in_the_prompt() -> None:
    script = Script()
    config = PERPLEXITY.model_copy(update={"asks_for_schema": False})

    await open_perplexity(config, KEY, script.transport).submit(ORDER, "key-1")

    request = script.posted[0]["request"]
    assert "response_format" not in request
    assert "macro_regime" in request["messages"][1]["content"]
    assert '"additionalProperties"' in request["messages"][1]["content"]


async def test_a_report_brings_its_sources_its_cost_and_no_thoughts() -> None:
    report = await report_of(sonar_report("<think>Buy it all.</think>Growth holds [1]."))

    assert report.text == "Growth holds [1]."
    assert report.sources == (
        Source(title="Minutes", url="https://fed.example/minutes", published="2026-11-17"),
    )
    assert (report.cost_usd, report.cost_source) == (Decimal("0.4125"), "provider")
    assert (report.prompt_tokens, report.completion_tokens, report.searches) == (2_000, 9_000, 30)


async def test_bare_citations_are_sources_and_other_things_are_none() -> None:
    cited = ["https://a.example", "https://a.example", "javascript:alert(1)", 7]

    report = await report_of(sonar_report("x", search_results=None, citations=cited))

    assert [source.url for source in report.sources] == ["https://a.example"]


@pytest.mark.parametrize("usage", [None, {}, {"cost": 0.4}, {"cost": {"total_cost": "dear"}}])
async def test_a_cost_that_is_not_named_is_unknown_and_not_zero(usage: Any) -> None:
    report = await report_of(sonar_report("x", usage=usage))

    assert (report.cost_usd, report.cost_source) == (None, "none")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("CREATED", Running),
        ("IN_PROGRESS", Running),
        ("SOMETHING_NEW", Running),
        (None, Running),
        (["FAILED"], Running),
        ("FAILED", Failed),
        ("COMPLETED", Failed),
    ],
)
async def test_a_status_that_nobody_knows_means_that_the_job_goes_on(
    status: Any, expected: type
) -> None:
    look = await perplexity(Script(gets=[said({"status": status})])).look("job-1")

    assert isinstance(look, expected)


@pytest.mark.parametrize("response", [[], {}, {"choices": []}, {"choices": [{"message": 1}]}])
async def test_a_finished_job_without_text_has_failed(response: Any) -> None:
    answer = said({"status": "COMPLETED", "response": response})

    look = await perplexity(Script(gets=[answer])).look("job-1")

    assert look == Failed("the service finished without a report")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (httpx2.ConnectError("no route"), NotAccepted("", transient=True)),
        (said({}, 429), NotAccepted("", transient=True)),
        (said({}, 400), NotAccepted("", transient=False)),
        (said({}, 401), NotAccepted("", transient=False)),
        (said({}, 302), NotAccepted("", transient=False)),
        (httpx2.ReadTimeout("late"), Unclear("")),
        (httpx2.RemoteProtocolError("cut"), Unclear("")),
        (said({}, 500), Unclear("")),
        (said({}, 408), Unclear("")),
        (httpx2.Response(200, text="<html>"), Unclear("")),
        (said({"id": "../../v1/models"}), Unclear("")),
        (said({"id": 7}), Unclear("")),
    ],
)
async def test_what_surely_took_no_job_is_told_from_what_may_have(step: Any, expected: Any) -> None:
    outcome = await perplexity(Script(posts=[step])).submit(ORDER, "key-1")

    assert type(outcome) is type(expected)
    assert getattr(outcome, "transient", None) == getattr(expected, "transient", None)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(401, KeyRefused), (403, KeyRefused), (410, Failed), (404, Running), (503, Running)],
)
async def test_a_look_that_fails_does_not_fail_the_job(status: int, expected: type) -> None:
    look = await perplexity(Script(gets=[said({}, status)])).look("job-1")

    assert isinstance(look, expected)


async def test_a_redirect_is_not_followed_and_a_repeated_key_is_masked() -> None:
    moved = httpx2.Response(307, headers={"location": "https://thief.example"}, json={})
    echoed = said({"error": {"message": f"bad key {KEY}\u202e"}}, 401)
    script = Script(posts=[moved, echoed])
    service = perplexity(script)

    first, second = await service.submit(ORDER, "k"), await service.submit(ORDER, "k")

    assert {request.url.host for request in script.requests} == {"api.perplexity.ai"}
    assert isinstance(first, NotAccepted)
    assert isinstance(second, NotAccepted)
    assert second.reason == "HTTP 401: bad key ***"


async def test_an_endless_answer_is_cut_off() -> None:
    endless = httpx2.Response(200, content=b"[" * 9_000_000)

    look = await perplexity(Script(gets=[endless])).look("job-1")

    assert isinstance(look, Running)
    assert "more than" in look.reason


async def test_the_same_job_comes_back_for_the_same_key() -> None:
    script = Script(posts=[said(TAKEN)])
    service = perplexity(script)

    assert await service.submit(ORDER, "k") == await service.submit(ORDER, "k")
    assert service.knows_keys
