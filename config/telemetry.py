"""Traces and counts from tool call to order: the one home of their names, in OpenTelemetry's terms.

Spans go through OpenTelemetry's API, which does nothing until a provider is set: by `configure`,
where the standard OTEL_* variables ask for it, or by `opentelemetry-instrument`. Counts stay in
this process as well, for `/metrics`. Nothing here may hold a secret, a prompt or what a model
wrote; what leaves passes `config.telemetry_export`, which knows the only attributes there are.
"""

import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import accumulate
from threading import Lock
from typing import Final, Literal

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

LOGGED: Final = frozenset({"correlation_id", "run", "stage", "account", "trade"})
"""What a step is about that every log line within it says too."""
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_TRACES: Final = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_METRICS: Final = ("OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
_BOTH: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"

Kind = Literal["internal", "client", "server"]
Said = str | int | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """Something that is counted; with `buckets` (seconds, ascending) it is a duration.

    It equals itself alone, so that a count need not hash all of it.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


TOOL_CALLS: Final = Metric("council_tool_calls", "Calls of MCP tools.", ("tool", "outcome"))
TURNS: Final = Metric("council_executor_turns", "Turns of accounts by outcome.", ("outcome",))
VENUE_REQUESTS: Final = Metric(
    "council_venue_requests", "Requests to venues by HTTP status.", ("venue", "status")
)
APPEND_SECONDS: Final = Metric(
    "council_append_seconds", "Durable appends to the log.", buckets=_SECONDS
)
METRICS: Final = (TOOL_CALLS, TURNS, VENUE_REQUESTS, APPEND_SECONDS)


@dataclass(slots=True)
class Tally:
    """What one metric came to for one set of labels; `total` is in seconds, for durations."""

    count: int = 0
    total: float = 0.0
    within: list[int] = field(default_factory=list)
    """How many were within each bucket, the larger ones counting the smaller."""
    last_at: float = 0.0
    """When it was counted last, by the monotonic clock."""


class Tallies:
    """The counts of this process; any thread may add to them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: dict[tuple[Metric, tuple[str, ...]], Tally] = {}

    def add(self, metric: Metric, labels: tuple[str, ...], seconds: float = 0.0) -> None:
        """Count once more, with how long it took where that is what is counted."""
        with self._lock:
            tally = self._found.get((metric, labels))
            if tally is None:
                # Here each is counted in the shortest bucket alone, the last being for the rest.
                places = [0] * (len(metric.buckets) + 1)
                tally = self._found[metric, labels] = Tally(within=places)
            tally.count += 1
            tally.total += seconds
            tally.last_at = time.monotonic()
            tally.within[bisect_left(metric.buckets, seconds)] += 1

    def of(self, metric: Metric) -> list[tuple[tuple[str, ...], Tally]]:
        """Return the labels of a metric with what was counted, at this moment."""
        with self._lock:
            return [
                (labels, Tally(own.count, own.total, [*accumulate(own.within[:-1])], own.last_at))
                for (known, labels), own in self._found.items()
                if known is metric
            ]

    def seconds_since(self, metric: Metric) -> float | None:
        """Return how long ago a metric was counted last, whatever its labels; None if never."""
        last_at = max((own.last_at for _, own in self.of(metric)), default=None)
        return None if last_at is None else time.monotonic() - last_at


TALLIES: Final = Tallies()
"""Of this process, as its loggers are: nothing that is decided depends on them."""

_FIELDS: ContextVar[Mapping[str, str]] = ContextVar("telemetry_fields", default={})  # noqa: B039 - never changed


class Step:
    """A span under way; says nothing where nobody traces."""

    __slots__ = ("_span",)

    def __init__(self, span: trace.Span | None) -> None:
        self._span = span

    def says(self, about: Mapping[str, Said | None]) -> None:
        """Add attributes; None leaves one out."""
        if self._span is not None:
            for name, value in about.items():
                if value is not None:
                    self._span.set_attribute(attribute(name), value)

    def failed(self, kind: str) -> None:
        """Mark it as failed; `kind` is a class of errors or outcomes, never a sentence."""
        if self._span is not None:
            self._span.set_attribute("error.type", kind)
            self._span.set_status(StatusCode.ERROR)

    def is_called(self, name: str) -> None:
        """Name it by what is known only now."""
        if self._span is not None:
            self._span.update_name(name)


_SILENT: Final = Step(None)


@contextmanager
def step(
    name: str, about: Mapping[str, Said | None] | None = None, kind: Kind = "internal"
) -> Iterator[Step]:
    """Trace what is done within, and let its log lines say what it is about.

    Names without a dot are ours: `account` becomes the attribute `council.account`. What is
    `LOGGED` holds for the steps within as well. A `client` waits for somebody else, a `server` is
    waited for.
    """
    about = about or {}
    logged = {key: str(value) for key, value in about.items() if key in LOGGED and value}
    token = _FIELDS.set({**_FIELDS.get(), **logged}) if logged else None
    try:
        if not is_traced():
            yield _SILENT
            return
        tracer = trace.get_tracer("council")
        with tracer.start_as_current_span(
            name, kind=SpanKind[kind.upper()], record_exception=False, set_status_on_exception=False
        ) as span:
            own = Step(span)
            own.says({**_FIELDS.get(), **about})
            try:
                yield own
            except BaseException as error:
                own.failed(type(error).__name__)
                raise
    finally:
        if token is not None:
            _FIELDS.reset(token)


@contextmanager
def timed(metric: Metric, *labels: str) -> Iterator[None]:
    """Count what is done within, and how long it takes, unless it fails."""
    began = time.perf_counter()
    yield
    TALLIES.add(metric, labels, time.perf_counter() - began)


def count(metric: Metric, *labels: str) -> None:
    """Count once more."""
    TALLIES.add(metric, labels)


def say(about: Mapping[str, Said | None]) -> None:
    """Add attributes to the step under way, if there is one."""
    if is_traced():
        Step(trace.get_current_span()).says(about)


def is_traced() -> bool:
    """Whether anybody takes the spans of this process."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def fields() -> dict[str, str]:
    """Return what log lines of this moment are about, with the trace where there is one."""
    found = dict(_FIELDS.get())
    if is_traced():
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            found["trace_id"] = trace.format_trace_id(context.trace_id)
    return found


def attribute(name: str) -> str:
    """Return the attribute that a name stands for."""
    return name if "." in name else f"council.{name}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the standard OTEL_* variables ask to be exported, and how."""

    traces: str = "none"
    metrics: str = "none"

    @property
    def anything(self) -> bool:
        """Whether anything is to leave this process."""
        return (self.traces, self.metrics) != ("none", "none")


def wanted_by(environ: Mapping[str, str]) -> Wanted:
    """Read the standard variables; without any of them nothing is exported."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Wanted()
    return Wanted(_exporter(environ, *_TRACES), _exporter(environ, *_METRICS))


def _exporter(environ: Mapping[str, str], chosen: str, endpoint: str) -> str:
    if name := environ.get(chosen, "").strip().lower():
        return name
    return "otlp" if environ.get(endpoint) or environ.get(_BOTH) else "none"


def configure(environ: Mapping[str, str]) -> str | None:
    """Export what the OTEL_* variables ask for; returns a sentence where that cannot be done.

    Nothing is loaded where nothing is asked for.
    """
    wanted = wanted_by(environ)
    if not wanted.anything or is_traced():
        return None
    try:
        # An extra: most installations export nothing, and it takes its time to load.
        from config import telemetry_export  # noqa: PLC0415
    except ImportError:
        return "Telemetry is asked for by OTEL_*, but not installed: add the extra `telemetry`."
    try:
        return telemetry_export.export(wanted, environ)
    except ValueError as error:
        return f"Telemetry does not go out as OTEL_* asks, mend them: {error}"


def end() -> None:
    """Send what is left before the process ends, within seconds; harmless where nothing leaves."""
    if "config.telemetry_export" in sys.modules:
        from config import telemetry_export  # noqa: PLC0415 - as above

        telemetry_export.end()
