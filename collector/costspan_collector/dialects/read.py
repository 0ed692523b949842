"""The engine: spans of a trace request to calls, by the tables of the dialects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from costspan_collector.call import Call, Dimensions
from costspan_collector.dialects import attributes as read
from costspan_collector.dialects.basis import disjoint
from costspan_collector.dialects.dialect import SEMCONV, Dialect
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
        resource = read.attributes_of(resource_spans.resource.attributes)
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


def read_span(dialect: Dialect, span: Span, resource: Mapping[str, Any], window: Accepted) -> Call | None:
    """The call that ``span`` reports, or None if it is no billable leaf. Raises ``Permanent`` for bad figures."""
    attributes = read.attributes_of(span.attributes)
    facts = _Facts(dialect, attributes, resource)
    if facts.text("operation") not in dialect.leaf_operations:
        return None
    _check(span, window)
    usage, basis = disjoint(
        _counts(attributes, dialect.usage.items()),
        _counts(attributes, dialect.meters.items()),
    )
    failed = span.status.code == Status.STATUS_CODE_ERROR
    return Call(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id or None,
        start_time_ns=span.start_time_unix_nano,
        end_time_ns=max(span.end_time_unix_nano, span.start_time_unix_nano),
        dimensions=facts.dimensions(),
        response_id=facts.text("response_id"),
        request_model=facts.text("request_model"),
        response_model=facts.text("response_model"),
        user=facts.text("user"),
        session=facts.text("session"),
        operation_id=facts.text("operation_id"),
        error_type=(facts.text("error_type") or "_OTHER") if failed else facts.text("error_type"),
        usage=usage,
        basis=basis if usage is not None else None,
        incomplete=facts.flag("incomplete"),
        tier=facts.text("tier"),
        streamed=facts.flag("streamed"),
        time_to_first_chunk_ns=read.seconds_as_ns(attributes, dialect.facts["time_to_first_chunk_s"]),
        value_usd=read.amount(attributes, dialect.facts["value_usd"]),
        reported_cost_usd=read.amount(attributes, dialect.facts["reported_cost_usd"]),
        tags=_tags(attributes, dialect.tag_prefix),
    )


class _Facts:
    """One span's facts by name, whatever the dialect calls them."""

    def __init__(self, dialect: Dialect, attributes: Mapping[str, Any], resource: Mapping[str, Any]) -> None:
        self._names = dialect.facts
        self._attributes = attributes
        self._resource = resource

    def text(self, fact: str) -> str | None:
        names = self._names.get(fact, ())
        return read.text(self._attributes, names) or read.text(self._resource, names)

    def flag(self, fact: str) -> bool:
        found = read.first(self._attributes, self._names.get(fact, ()))
        return found is not None and found[1] is True

    def dimensions(self) -> Dimensions:
        return Dimensions(
            environment=self.text("environment"),
            service=self.text("service"),
            feature=self.text("feature"),
            customer=self.text("customer"),
            provider=self.text("provider"),
            model=self.text("response_model") or self.text("request_model"),
            operation=self.text("operation"),
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


def _counts(attributes: Mapping[str, Any], table: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for meter, names in table:
        value = read.count(attributes, names)
        if value is not None:
            counts[meter] = value
    return counts


def _tags(attributes: Mapping[str, Any], prefix: str | None) -> dict[str, str]:
    if prefix is None:
        return {}
    return {
        name[len(prefix) :]: str(value).replace("\x00", "")[: read.LONGEST_TEXT]
        for name, value in attributes.items()
        if name.startswith(prefix) and value is not None
    }
