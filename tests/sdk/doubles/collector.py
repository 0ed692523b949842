"""The receiving side of OTLP over HTTP, decoded with the protocol's own messages."""

import gzip
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.sdk.doubles.server import LocalServer


@dataclass(frozen=True)
class Span:
    """A received span."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_span_id: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    scope: tuple[str, str]
    start_ns: int
    end_ns: int
    status_code: int
    status_message: str
    event_count: int

    def __getitem__(self, name: str) -> Any:
        return self.attributes[name]

    def get(self, name: str) -> Any:
        return self.attributes.get(name)


@dataclass(frozen=True)
class Log:
    """A received log record."""

    event_name: str
    trace_id: str
    span_id: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    time_ns: int


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """How to answer the next request."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def value_of(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None


def attributes_of(pairs: Any) -> dict[str, Any]:
    return {pair.key: value_of(pair.value) for pair in pairs}


class Collector:
    """Keeps what it accepted. ``reply`` queues answers for the next requests; after them all are accepted."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Received] = []
        self.spans: list[Span] = []
        self.logs: list[Log] = []
        self._replies: deque[Reply] = deque()
        self._lock = threading.Lock()
        self._server = LocalServer(self._handle, port)
        self.url = self._server.url

    def reply(self, *replies: Reply) -> None:
        self._replies = deque(replies)

    def forget(self) -> None:
        self.requests, self.spans, self.logs = [], [], []
        self._replies = deque()

    def close(self) -> None:
        self._server.close()

    def _handle(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._lock:
            self.requests.append(Received(request.path, headers, body))
            reply = self._replies.popleft() if self._replies else Reply()
            if reply.status == 200:
                self._take(request.path, gzip.decompress(body))
        request.send_response(reply.status)
        for name, value in reply.headers:
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(reply.body)))
        request.end_headers()
        request.wfile.write(reply.body)

    def _take(self, path: str, body: bytes) -> None:
        if path.endswith("/v1/traces"):
            self.spans += spans_in(body)
        elif path.endswith("/v1/logs"):
            self.logs += logs_in(body)


def spans_in(body: bytes) -> list[Span]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        Span(
            name=span.name,
            kind=span.kind,
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_span_id=span.parent_span_id.hex(),
            attributes=attributes_of(span.attributes),
            resource=attributes_of(of_resource.resource.attributes),
            scope=(of_scope.scope.name, of_scope.scope.version),
            start_ns=span.start_time_unix_nano,
            end_ns=span.end_time_unix_nano,
            status_code=span.status.code,
            status_message=span.status.message,
            event_count=len(span.events),
        )
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def logs_in(body: bytes) -> list[Log]:
    request = ExportLogsServiceRequest.FromString(body)
    return [
        Log(
            # opentelemetry-proto has the field since 1.32.
            event_name=getattr(record, "event_name", None) or attributes_of(record.attributes)["event.name"],
            trace_id=record.trace_id.hex(),
            span_id=record.span_id.hex(),
            attributes=attributes_of(record.attributes),
            resource=attributes_of(of_resource.resource.attributes),
            time_ns=record.time_unix_nano,
        )
        for of_resource in request.resource_logs
        for of_scope in of_resource.scope_logs
        for record in of_scope.log_records
    ]
