"""The wire is the contract: OpenTelemetry's own SDK and exporter book into the collector."""

from decimal import Decimal

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

from tests.support.collector import RunningCollector, assert_books_balance
from tests.support.otlp import CHAT, CHAT_COST


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_opentelemetry_s_exporter_is_understood(collector: RunningCollector, compression: Compression) -> None:
    resource = Resource.create({"service.name": "shop", "deployment.environment.name": "production"})
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{collector.url}/v1/traces", compression=compression)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("an.instrumentation")
    with tracer.start_as_current_span("POST /search"), tracer.start_as_current_span("chat gpt-5-mini", attributes=CHAT):
        pass
    assert provider.force_flush()
    provider.shutdown()
    (row,) = collector.get("/api/v1/spend?group_by=service,environment,provider,model,operation")["rows"]
    assert {name: row[name] for name in ("service", "environment", "provider", "model", "operation", "calls")} == {
        "service": "shop",
        "environment": "production",
        "provider": "openai",
        "model": "gpt-5-mini",
        "operation": "chat",
        "calls": 1,
    }
    assert Decimal(row["cost_usd"]) == Decimal(CHAT_COST)
    (call,) = collector.get("/api/v1/calls")["rows"]
    assert call["parent_span_id"] is not None


def test_the_exporter_sees_success_only_after_the_commit(collector: RunningCollector) -> None:
    provider = TracerProvider()
    exporter = OTLPSpanExporter(endpoint=f"{collector.url}/v1/traces")
    spans = []
    for _ in range(3):
        with provider.get_tracer("t").start_as_current_span("chat", attributes=CHAT) as span:
            spans.append(span)
    for _ in range(2):  # a resend after a lost answer
        assert exporter.export(spans) is SpanExportResult.SUCCESS
        assert assert_books_balance(collector.database_url) == 3
