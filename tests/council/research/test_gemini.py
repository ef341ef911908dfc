from decimal import Decimal
from typing import Any

import httpx2
import pytest

from council.model.research import Report
from council.research.deep import order_for
from council.research.service import Accepted, Failed, Running
from tests.council.research.scripted import KEY, TASK, Script, gemini, gemini_report, said

ORDER = order_for(TASK)


async def report_of(answer: httpx2.Response) -> Report:
    look = await gemini(Script(gets=[answer])).look("job-1")
    assert isinstance(look, Report)
    return look


async def test_a_job_runs_in_the_background_and_carries_the_key_in_its_own_header() -> None:
    script = Script()

    outcome = await gemini(script).submit(ORDER, "key-1")

    assert outcome == Accepted("job-1")
    sent, (body,) = script.requests[0], script.posted
    assert str(sent.url) == "https://generativelanguage.googleapis.com/v1beta/interactions"
    assert sent.headers["x-goog-api-key"] == KEY
    assert "authorization" not in sent.headers
    assert (body["agent"], body["background"], body["store"]) == (
        "deep-research-preview",
        True,
        True,
    )
    assert body["agent_config"]["type"] == "deep-research"
    assert "search the web" in body["input"]
    assert '"additionalProperties"' in body["input"]


async def test_a_report_is_what_the_agent_said_with_each_source_once() -> None:
    report = await report_of(gemini_report())

    assert report.text == "Growth holds."
    assert [source.url for source in report.sources] == ["https://fed.example"]
    assert report.model == "deep-research-preview"


async def test_a_cost_is_estimated_from_tokens_and_searches() -> None:
    report = await report_of(gemini_report())

    assert report.cost_usd == Decimal("0.5") + Decimal("0.72") + Decimal("2.8")
    assert report.cost_source == "estimate"
    assert (report.prompt_tokens, report.completion_tokens, report.searches) == (
        250_000,
        60_000,
        80,
    )


@pytest.mark.parametrize("usage", [None, [], {"total_input_tokens": 5}, {"total_output_tokens": 5}])
async def test_unknown_tokens_make_an_unknown_cost_and_not_zero(usage: Any) -> None:
    report = await report_of(gemini_report(usage=usage))

    assert (report.cost_usd, report.cost_source) == (None, "none")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("queued", Running),
        ("in_progress", Running),
        ("requires_continuation", Running),
        ("something_new", Running),
        (None, Running),
        (["failed"], Running),
        ("failed", Failed),
        ("cancelled", Failed),
        ("incomplete", Failed),
        ("budget_exceeded", Failed),
        ("requires_action", Failed),
    ],
)
async def test_only_known_ends_end_a_job(status: Any, expected: type) -> None:
    look = await gemini(Script(gets=[said({"status": status})])).look("job-1")

    assert isinstance(look, expected)


@pytest.mark.parametrize(
    "steps",
    [None, [], [7], [{"type": "model_output"}], [{"type": "thought", "content": [{"text": "x"}]}]],
)
async def test_a_finished_job_without_a_word_of_the_agent_has_failed(steps: Any) -> None:
    look = await gemini(Script(gets=[gemini_report(steps=steps)])).look("job-1")

    assert look == Failed("the service finished without a report")


async def test_the_old_shape_of_an_answer_is_no_report() -> None:
    old = gemini_report(steps=None, outputs=[{"type": "text", "text": "Growth holds."}])

    look = await gemini(Script(gets=[old])).look("job-1")

    assert isinstance(look, Failed)
