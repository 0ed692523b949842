"""The engine: spans of a trace request to calls, by the tables of the dialects."""

from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from costspan_collector.call import Call
from costspan_collector.dialects import attributes as read
from costspan_collector.dialects.basis import disjoint
from costspan_collector.dialects.dialect import SEMCONV, Dialect
from costspan_collector.dialects.facts import Facts, counts, dimensions, gather
from costspan_collector.errors import Permanent

_NS_PER_DAY = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Accepted:
    """The time window within which a call may start, as nanoseconds since the epoch."""

    oldest_ns: int
    newest_ns: int

    @classmethod
    def around(cls, now_ns: int, retention_days: int) -> "Accepted":
        """From ``retention_days`` before ``now_ns`` to a day after it."""
        return cls(now_ns - retention_days * _NS_PER_DAY, now_ns + _NS_PER_DAY)


def read_calls(request: ExportTraceServiceRequest, window: Accepted) -> tuple[list[Call], list[str]]:
    """The calls in ``request`` and, for each span that had to be rejected, one sentence that names what was wrong.

    Spans that are no model calls are neither: they are accepted and carry no money.
    """
    calls: list[Call] = []
    rejected: list[str] = []
    for resource_spans in request.resource_spans:
        resource = gather(SEMCONV, resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                try:
                    call = read_span(SEMCONV, span, resource, window)
                except Permanent as error:
                    rejected.append(f"span {span.span_id.hex()} ({span.name[:80]}): {error}")
                else:
                    if call is not None:
                        calls.append(call)
    return calls, rejected


def read_span(dialect: Dialect, span: Span, resource: Facts, window: Accepted) -> Call | None:
    """The call that ``span`` reports, or None if it is no billable leaf. Raises ``Permanent`` for bad figures."""
    facts = gather(dialect, span.attributes)
    if facts.value("operation") not in dialect.leaf_operations or facts.flag("observed"):
        return None
    _check(span, window)
    usage, basis = disjoint(counts(facts.stated), counts(facts.meters))
    error_type = facts.text("error_type")
    if error_type is None and span.status.code == Status.STATUS_CODE_ERROR:
        error_type = "_OTHER"
    return Call(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id or None,
        start_time_ns=span.start_time_unix_nano,
        end_time_ns=max(span.end_time_unix_nano, span.start_time_unix_nano),
        dimensions=dimensions(facts, resource),
        response_id=facts.text("response_id"),
        request_model=facts.text("request_model"),
        response_model=facts.text("response_model"),
        user=facts.text("user") or resource.text("user"),
        session=facts.text("session") or resource.text("session"),
        operation_id=facts.text("operation_id"),
        error_type=error_type,
        usage=usage,
        basis=basis if usage is not None else None,
        incomplete=facts.flag("incomplete"),
        tier=facts.text("tier"),
        region=facts.text("region"),
        conditions=facts.conditions,
        streamed=facts.flag("streamed"),
        time_to_first_chunk_ns=read.seconds_as_ns(facts.value("time_to_first_chunk_s")),
        value_usd=read.amount(facts.value("value_usd")),
        charged_usd=read.amount(facts.value("charged_usd")),
        reported_cost_usd=read.amount(facts.value("reported_cost_usd")),
        tags=facts.tags,
    )


def _check(span: Span, window: Accepted) -> None:
    if len(span.trace_id) != 16 or not any(span.trace_id):
        raise Permanent(f"trace_id: {span.trace_id.hex() or 'empty'} is not 16 non-zero bytes")
    if len(span.span_id) != 8 or not any(span.span_id):
        raise Permanent(f"span_id: {span.span_id.hex() or 'empty'} is not 8 non-zero bytes")
    start = span.start_time_unix_nano
    if not window.oldest_ns <= start <= window.newest_ns:
        raise Permanent(
            f"start_time_unix_nano: {start} is outside the accepted window of {window.oldest_ns} to {window.newest_ns} "
            "(the retention of raw calls to a day ahead)"
        )
