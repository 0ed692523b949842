"""One call, told three times: by the SDK, by the application's own exporter, and by anthropic's native span."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import costspan
from tests.sdk.doubles.clients import anthropic_client
from tests.sdk.doubles.provider import Provider, recording
from tests.support.process import CollectorProcess, data_folder

CLAUDE: Any = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


class Scopes(SpanProcessor):
    """Notes who made the spans that the application exports."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def on_end(self, span: ReadableSpan) -> None:
        self.names.add(span.instrumentation_scope.name if span.instrumentation_scope else "")


@pytest.fixture(scope="module")
def collector() -> Iterator[CollectorProcess]:
    # A process of its own: what exports to it is the global provider of this one.
    with data_folder() as data:
        process = CollectorProcess(data)
        yield process
        assert process.stop() == 0


@pytest.fixture
def application(collector: CollectorProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scopes]:
    """An application whose own OpenTelemetry exports to the same collector."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{collector.url}/v1/traces")))
    scopes = Scopes()
    provider.add_span_processor(scopes)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    costspan.init(endpoint=collector.url, service="shop")
    yield scopes
    assert costspan.shutdown(10), costspan.stats()
    provider.shutdown()


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_a_call_with_a_native_span_is_billed_once(collector: CollectorProcess, application: Scopes, is_stream: bool) -> None:
    feature = f"search-{is_stream}"
    provider = Provider()
    provider.say(recording("messages_stream_cache" if is_stream else "messages_cache_write").answer())
    with anthropic_client(provider) as client, costspan.feature(feature):
        answer = client.messages.create(**CLAUDE, stream=is_stream)
        if is_stream:
            for _ in answer:
                pass
    provider.close()
    assert costspan.flush(10), costspan.stats()
    assert "com.anthropic.sdk.python" in application.names
    with urllib.request.urlopen(f"{collector.url}/api/v1/spend?group_by=feature") as response:
        rows = json.load(response)["rows"]
    assert {row["feature"]: row["calls"] for row in rows if row["feature"] in (feature, None)} == {feature: 1}
