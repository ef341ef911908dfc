"""What a trace says of requests: routes and statuses, and no address as it was asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.mcp_server.web import browser, client, running
from tests.spans import kept_spans

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    with kept_spans(monkeypatch) as exporter:
        yield exporter


def only(kept: InMemorySpanExporter) -> ReadableSpan:
    (span,) = kept.get_finished_spans()
    return span


async def test_a_request_is_named_by_its_route_and_joins_the_callers_trace(
    kept: InMemorySpanExporter, tmp_path: Path
) -> None:
    async with running(tmp_path) as transport, browser(transport) as here:
        await here.get("/trades/a-secret-word", headers={"traceparent": CALLER})

    span = only(kept)
    assert span.context is not None
    assert trace.format_trace_id(span.context.trace_id) in CALLER
    assert span.attributes is not None
    assert span.attributes["http.request.method"] == "GET"
    assert "a-secret-word" not in span.to_json()


async def test_an_address_that_leads_nowhere_is_not_in_the_trace(
    kept: InMemorySpanExporter, tmp_path: Path
) -> None:
    async with running(tmp_path) as transport, browser(transport) as here:
        await here.get("/a-secret-word?key=a-secret-word")

    span = only(kept)
    assert span.name == "GET"
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.response.status_code": 404,
    }
    assert "a-secret-word" not in span.to_json()


async def test_health_is_named_by_its_route(kept: InMemorySpanExporter, tmp_path: Path) -> None:
    async with running(tmp_path) as transport, browser(transport) as here:
        await here.get("/health")

    assert only(kept).name == "GET /health"


async def test_a_tool_is_traced_with_its_name_and_without_what_it_was_told(
    kept: InMemorySpanExporter, tmp_path: Path
) -> None:
    async with running(tmp_path) as transport, client(transport) as asking:
        await asking.call_tool("ask_council", {"question": "a secret word"})

    served = [span for span in kept.get_finished_spans() if span.name == "tools/call ask_council"]
    assert len(served) == 1
    assert dict(served[0].attributes or {})["gen_ai.tool.name"] == "ask_council"
    assert "a secret word" not in "".join(span.to_json() for span in kept.get_finished_spans())
