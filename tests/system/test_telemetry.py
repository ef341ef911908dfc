"""A whole week as a collector sees it: from the command to the order, and nothing that was said."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from config.telemetry_export import OTHERS, OURS

pytestmark = pytest.mark.slow

_START = "from mcp_server.start import main; main()"


class Collector(HTTPServer):
    """Takes what is exported; one request after the other."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.taken: dict[str, list[bytes]] = {}

    def metrics(self) -> set[str]:
        requests = map(ExportMetricsServiceRequest.FromString, self.taken["/v1/metrics"])
        return {
            metric.name
            for request in requests
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def spans(self) -> list[Any]:
        requests = map(ExportTraceServiceRequest.FromString, self.taken["/v1/traces"])
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.taken.setdefault(self.path, []).append(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def home(council_home: Path, tmp_path: Path) -> Path:
    """Return a home that the embedded server's user can reach."""
    folder = council_home / tmp_path.name
    folder.mkdir(mode=0o755)
    return folder


def test_a_week_is_traced_from_the_command_to_its_orders(collector: Collector, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _START, "demo", "--json"],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        },
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    spans = collector.spans()
    by_id = {span.span_id: span for span in spans}
    assert {chain(span, by_id) for span in spans if span.name.startswith("venue POST")} == {
        ("venue POST /orders", "executor.leg", "executor.turn", "council demo")
    }
    asked = [chain(span, by_id)[1:] for span in spans if span.name.startswith("chat ")]
    assert ("council.stage pitch", "council.run", "council demo") in asked
    assert approvals(spans, "council demo") <= approvals(spans, "executor.leg")
    assert approvals(spans, "executor.leg")
    for span in spans:
        assert {pair.key for pair in span.attributes} <= OURS | OTHERS
        assert not span.events
        assert not span.status.message
    counted = {"council.venue.requests.count", "council.append.seconds.total"}
    assert counted <= collector.metrics()


def chain(span: Any, by_id: dict[bytes, Any]) -> tuple[str, ...]:
    """Return the names of a span and of those that it is a part of."""
    names = [span.name]
    while (span := by_id.get(span.parent_span_id)) is not None:
        names.append(span.name)
    return tuple(names)


def approvals(spans: list[Any], name: str) -> set[str]:
    """Return the approvals that spans of a name speak of."""
    return {
        pair.value.string_value
        for span in spans
        for pair in span.attributes
        if span.name == name and pair.key == "council.approval_event_id"
    }
