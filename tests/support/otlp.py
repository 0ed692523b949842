"""OTLP requests made by hand, for what real emitters would not send."""

import os
import time
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5-mini",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.cache_read.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 80,
}
# 200 x 0.25 + 1000 x 0.025 + 80 x 2 dollars per million, as printed on OpenAI's price page
CHAT_COST = "0.000235"


def set_attributes(target: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        if value is None:
            continue
        attribute = target.add()
        attribute.key = key
        if isinstance(value, bool):
            attribute.value.bool_value = value
        elif isinstance(value, int):
            attribute.value.int_value = value
        elif isinstance(value, float):
            attribute.value.double_value = value
        else:
            attribute.value.string_value = str(value)


def add_span(request: ExportTraceServiceRequest, attributes: dict[str, Any], **fields: Any) -> Span:
    """Add a span with ``attributes``; ids, times and status can be given."""
    if not request.resource_spans:
        resource = request.resource_spans.add()
        set_attributes(resource.resource.attributes, {"service.name": "shop"})
        resource.scope_spans.add().scope.name = "costspan"
    span: Span = request.resource_spans[0].scope_spans[0].spans.add()
    span.trace_id = fields.pop("trace_id", None) or os.urandom(16)
    span.span_id = fields.pop("span_id", None) or os.urandom(8)
    span.start_time_unix_nano = fields.pop("start_ns", None) or time.time_ns()
    span.end_time_unix_nano = span.start_time_unix_nano + fields.pop("duration_ns", 250_000_000)
    span.name = "chat"
    if fields.pop("failed", False):
        span.status.code = 2
    assert not fields, fields
    set_attributes(span.attributes, attributes)
    return span


def traces(count: int = 1, attributes: dict[str, Any] | None = None, **fields: Any) -> ExportTraceServiceRequest:
    """A request of ``count`` chat spans, all with ``attributes`` over the usual ones."""
    request = ExportTraceServiceRequest()
    for _ in range(count):
        add_span(request, {**CHAT, **(attributes or {})}, **fields)
    return request


def labels(*records: dict[str, Any]) -> ExportLogsServiceRequest:
    """A request of evaluation results; ``trace_id``, ``span_id`` and ``time_ns`` beside the attributes."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for record in records:
        log = scope.log_records.add()
        log.event_name = "gen_ai.evaluation.result"
        log.time_unix_nano = record.pop("time_ns", time.time_ns())
        log.trace_id = record.pop("trace_id", b"")
        log.span_id = record.pop("span_id", b"")
        set_attributes(log.attributes, record)
    return request
