"""What leaves a test's process as spans, kept for the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler, SamplingResult

from config.telemetry_export import ClosedExporter


class _Until(Sampler):
    """Takes every span until it is over, and none after."""

    is_over = False

    def should_sample(self, *about: Any, **more: Any) -> SamplingResult:
        """Decide on one span."""
        return (ALWAYS_OFF if self.is_over else ALWAYS_ON).should_sample(*about, **more)

    def get_description(self) -> str:
        """Name it."""
        return "until it is over"


@contextmanager
def kept_spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Trace until the end of the context, and no longer.

    The API lets a provider be set once in a process and never taken back, hence its own variable.
    Libraries keep the provider that they met first, so that it must fall silent itself.
    """
    until, exporter = _Until(), InMemorySpanExporter()
    provider = TracerProvider(sampler=until, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ClosedExporter(exporter)))
    with monkeypatch.context() as patch:
        patch.setattr(trace, "_TRACER_PROVIDER", provider)
        try:
            yield exporter
        finally:
            until.is_over = True
