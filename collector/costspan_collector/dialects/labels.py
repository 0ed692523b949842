"""Evaluation results in log records become labels (OpenTelemetry GenAI, event ``gen_ai.evaluation.result``)."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from costspan_collector.call import Label
from costspan_collector.dialects import attributes as read
from costspan_collector.errors import Permanent

EVENT = "gen_ai.evaluation.result"


def read_labels(request: ExportLogsServiceRequest, now_ns: int) -> tuple[list[Label], list[str]]:
    """The labels in ``request`` and a sentence for each evaluation record that had to be rejected.

    Other log records are accepted and hold no label.
    """
    labels: list[Label] = []
    rejected: list[str] = []
    for resource_logs in request.resource_logs:
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                attributes = read.attributes_of(record.attributes)
                if (record.event_name or attributes.get("event.name")) != EVENT:
                    continue
                try:
                    labels.append(_label(record, attributes, now_ns))
                except Permanent as error:
                    rejected.append(f"log record {EVENT}: {error}")
    return labels, rejected


def _label(record: LogRecord, attributes: Mapping[str, Any], now_ns: int) -> Label:
    name = read.text(attributes.get("gen_ai.evaluation.name"))
    if name is None:
        raise Permanent("gen_ai.evaluation.name is missing")
    located = len(record.trace_id) == 16 and len(record.span_id) == 8
    response_id = read.text(attributes.get("gen_ai.response.id"))
    if not located and response_id is None:
        raise Permanent("neither trace_id with span_id nor gen_ai.response.id says which call is meant")
    value = _score(attributes.get("gen_ai.evaluation.score.value"))
    category = read.text(attributes.get("gen_ai.evaluation.score.label"))
    if value is None and category is None:
        raise Permanent("neither gen_ai.evaluation.score.value nor gen_ai.evaluation.score.label is given")
    return Label(
        name=name,
        observed_time_ns=record.time_unix_nano or record.observed_time_unix_nano or now_ns,
        value=value,
        category=category,
        by=read.text(attributes.get("costspan.label.by")) or "",
        trace_id=record.trace_id if located else None,
        span_id=record.span_id if located else None,
        response_id=response_id,
    )


def _score(value: object) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Permanent(f"gen_ai.evaluation.score.value: {value!r} is not a finite number")
    return Decimal(repr(value))
