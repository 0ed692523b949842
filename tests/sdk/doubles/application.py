"""An application with OpenTelemetry of its own."""

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler


class Application:
    """An application with OpenTelemetry of its own."""

    def __init__(self, sampler: Sampler, monkeypatch: pytest.MonkeyPatch) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(
            sampler=sampler, resource=Resource({"service.name": "shop", "team": "search"}), shutdown_on_exit=False
        )
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        # OpenTelemetry lets a process set its global provider only once.
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", self.provider)
        self.tracer = self.provider.get_tracer("shop")

    def spans(self) -> dict[str, Any]:
        return {span.name: span for span in self._exporter.get_finished_spans()}
