"""What leaves the process as telemetry, with the extra `telemetry`: by an allow-list, and no more.

Libraries write spans too, and errors repeat what they were given: so names and values of attributes
are looked at where they leave, events and the words of a status never go out.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from importlib.metadata import version
from threading import Thread
from typing import Any, Final

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    MetricExporter,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.trace import Status

from config.masking import MASK, Mask
from config.telemetry import METRICS, TALLIES, Metric, Wanted

OURS: Final = frozenset(
    f"council.{name}"
    for name in (
        "account",
        "approval_event_id",
        "attempt",
        "channel",
        "client_order_id",
        "command",
        "correlation_id",
        "leg",
        "mode",
        "outcome",
        "request",
        "run",
        "stage",
        "trade",
        "trust",
        "venue",
    )
)
OTHERS: Final = frozenset(
    {
        "error.type",
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.response.finish_reasons",
        "gen_ai.response.model",
        "gen_ai.tool.name",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "mcp.method.name",
        "mcp.protocol.version",
        "rpc.response.status_code",
    }
)
"""Attributes of OpenTelemetry's conventions; those for prompts and answers are absent."""
ENDING: Final = timedelta(seconds=4)
"""What is not sent within it at the end is lost; a host waits no longer for a server."""
_ENDING_MILLISECONDS: Final = ENDING // timedelta(milliseconds=1)
_PLAIN: Final = re.compile(r"[\w.:/@+{}\-]{1,128}")
"""Ids, names, routes: no sentence fits, for there is no blank in it."""
_NAME: Final = re.compile(r"[\w.:/@+{}\- ]{1,128}")


class ClosedExporter(SpanExporter):
    """Lets spans out to `inner` with known attributes only, and no words of errors."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._mask = Mask(())

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export what may be known of `spans`."""
        return self._inner.export([self._closed(span) for span in spans])

    def shutdown(self) -> None:
        """End `inner`."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = _ENDING_MILLISECONDS) -> bool:
        """Let `inner` send what it holds."""
        return self._inner.force_flush(timeout_millis)

    def _closed(self, span: ReadableSpan) -> ReadableSpan:
        name = span.name if _NAME.fullmatch(span.name) else MASK
        return ReadableSpan(
            name=self._mask.text(name),
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes={
                key: self._value(value)
                for key, value in (span.attributes or {}).items()
                if key in OURS or key in OTHERS
            },
            links=span.links,
            kind=span.kind,
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._mask.text(value) if _PLAIN.fullmatch(value) else MASK
        if isinstance(value, Sequence):
            return tuple(self._value(item) for item in value)
        return value


def export(wanted: Wanted, environ: Mapping[str, str]) -> str | None:
    """Set the providers that `wanted` needs; returns a sentence for what this program cannot do."""
    known = ("none", "otlp", "console")
    if unknown := {wanted.traces, wanted.metrics} - {*known}:
        return f"Telemetry goes out by {', '.join(known[1:])}, not by {', '.join(sorted(unknown))}."
    # Of headers that it cannot read it logs the whole, and there stands a key.
    logging.getLogger("opentelemetry.util.re").addFilter(_without_values)
    resource = Resource.create(_named(environ))
    if wanted.traces != "none":
        provider = TracerProvider(resource=resource)
        exporter = ClosedExporter(_span_exporter(wanted.traces))
        provider.add_span_processor(BatchSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
    if wanted.metrics != "none":
        reader = PeriodicExportingMetricReader(_metric_exporter(wanted.metrics))
        meters = MeterProvider(resource=resource, metric_readers=[reader])
        observe(meters)
        metrics.set_meter_provider(meters)
    return None


def observe(meters: MeterProvider) -> None:
    """Let `meters` read what this process has counted."""
    meter = meters.get_meter("council")
    for metric in METRICS:
        name = metric.name.replace("_", ".")
        meter.create_observable_counter(f"{name}.count", [_counts(metric)], description=metric.help)
        if metric.buckets:
            meter.create_observable_counter(f"{name}.total", [_totals(metric)], unit="s")


def end() -> None:
    """Send what is left, spans first, within `ENDING`."""
    # The SDK heeds no limit for spans: where nobody answers it tries again and again.
    sending = Thread(target=_send_left, daemon=True)
    sending.start()
    sending.join(ENDING.total_seconds())


def _send_left() -> None:
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        if isinstance(provider, TracerProvider | MeterProvider):
            provider.force_flush(_ENDING_MILLISECONDS)


def _without_values(record: logging.LogRecord) -> bool:
    record.args = tuple(MASK for _ in record.args or ())
    return True


Callback = Callable[[CallbackOptions], Iterable[Observation]]


def _counts(metric: Metric) -> Callback:
    return lambda _: [
        Observation(own.count, dict(zip(metric.labels, labels, strict=True)))
        for labels, own in TALLIES.of(metric)
    ]


def _totals(metric: Metric) -> Callback:
    return lambda _: [Observation(own.total, {}) for _, own in TALLIES.of(metric)]


def _named(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the name of this program, unless the operator gave it another."""
    own = {"service.version": version("llm-trading-council")}
    if not environ.get("OTEL_SERVICE_NAME"):
        own["service.name"] = "llm-trading-council"
    return own


def _span_exporter(name: str) -> SpanExporter:
    if name == "console":
        # To stderr: stdout belongs to MCP, or to the one document of a command.
        return ConsoleSpanExporter(out=sys.stderr)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - heavy
        OTLPSpanExporter,
    )

    return OTLPSpanExporter()


def _metric_exporter(name: str) -> MetricExporter:
    if name == "console":
        return ConsoleMetricExporter(out=sys.stderr)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415 - heavy
        OTLPMetricExporter,
    )

    return OTLPMetricExporter()
