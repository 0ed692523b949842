"""Batches of spans and labels as OTLP over HTTP: encoded once, sent by urllib3, and what the answer means.

https://opentelemetry.io/docs/specs/otlp/#otlphttp: protobuf, gzip; only 429, 502, 503 and 504 may be sent again.
Bytes are made once and sent again as they are, so that the collector recognises what it has already booked.
"""

import gzip
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan

from costspan._attributes import EVALUATION_EVENT, Attributes
from costspan._otlp import encode_spans
from costspan._settings import Settings
from costspan._tracing import scope

TRACES_PATH, LOGS_PATH = "/v1/traces", "/v1/logs"

_CONNECT_TIMEOUT_S = 3.0
_READ_TIMEOUT_S = 10.0
_LONGEST_RETRY_AFTER_S = 300.0
_RETRYABLE = frozenset({429, 502, 503, 504})
# https://opentelemetry.io/docs/specs/otlp/#otlphttp-response: a client bounds what it reads.
_LARGEST_ANSWER = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LabelEvent:
    """An accuracy label as it goes out; ids are 0 where the call is only known by its response id."""

    time_ns: int
    attributes: Attributes
    resource: Resource
    trace_id: int = 0
    span_id: int = 0


Item = ReadableSpan | LabelEvent


@dataclass(frozen=True, slots=True)
class Batch:
    """One request body, ready to be sent and sent again. ``count`` is the number of spans or labels in it."""

    path: str
    body: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch.

    ``is_retryable``: it was not taken and may be sent again, not before ``retry_after_s`` seconds have passed if the
    collector said so. Otherwise it is done with, and ``refused`` of its items were not taken, because of ``reason``.
    """

    is_retryable: bool = False
    retry_after_s: float | None = None
    refused: int = 0
    reason: str = ""


def encode(items: Sequence[Item]) -> list[Batch]:
    """``items`` as at most one batch of spans and one of labels, in their order."""
    spans = [item for item in items if isinstance(item, ReadableSpan)]
    labels = [item for item in items if isinstance(item, LabelEvent)]
    batches = []
    if spans:
        batches.append(_batch(TRACES_PATH, encode_spans(spans), len(spans)))
    if labels:
        batches.append(_batch(LOGS_PATH, _encode_labels(labels).SerializeToString(deterministic=True), len(labels)))
    return batches


def _batch(path: str, message: bytes, count: int) -> Batch:
    return Batch(path, gzip.compress(message, compresslevel=3, mtime=0), count)


def _encode_labels(labels: Sequence[LabelEvent]) -> Any:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs

    by_resource: dict[Resource, list[LabelEvent]] = {}
    for label in labels:
        by_resource.setdefault(label.resource, []).append(label)
    return ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(
                resource=_resource(resource),
                scope_logs=[ScopeLogs(scope=_scope(), log_records=[_log_record(label) for label in its_labels])],
            )
            for resource, its_labels in by_resource.items()
        ]
    )


def _log_record(label: LabelEvent) -> Any:
    from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_INFO, LogRecord

    record = LogRecord(
        time_unix_nano=label.time_ns,
        observed_time_unix_nano=label.time_ns,
        severity_number=SEVERITY_NUMBER_INFO,
        attributes=_key_values(label.attributes),
        trace_id=label.trace_id.to_bytes(16, "big") if label.trace_id else b"",
        span_id=label.span_id.to_bytes(8, "big") if label.span_id else b"",
    )
    # Old releases of opentelemetry-proto lack the field; the attribute event.name says the same.
    if "event_name" in LogRecord.DESCRIPTOR.fields_by_name:
        record.event_name = EVALUATION_EVENT
    return record


def _key_values(attributes: Any) -> list[Any]:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

    def value_of(value: Any) -> Any:
        if isinstance(value, bool):
            return AnyValue(bool_value=value)
        if isinstance(value, int):
            return AnyValue(int_value=value)
        if isinstance(value, float):
            return AnyValue(double_value=value)
        if isinstance(value, str):
            return AnyValue(string_value=value)
        return AnyValue(array_value=ArrayValue(values=[value_of(item) for item in value]))

    return [KeyValue(key=key, value=value_of(value)) for key, value in attributes.items()]


def _resource(resource: Resource) -> Any:
    from opentelemetry.proto.resource.v1 import resource_pb2

    return resource_pb2.Resource(attributes=_key_values(resource.attributes))


def _scope() -> Any:
    from opentelemetry.proto.common.v1 import common_pb2

    return common_pb2.InstrumentationScope(name=scope().name, version=scope().version or "")


class Sender:
    """Sends batches to one collector. Made, used and closed by one thread; knows nothing of retrying."""

    def __init__(self, settings: Settings) -> None:
        import urllib3

        self._pool = urllib3.PoolManager(
            maxsize=1,
            retries=False,
            timeout=urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=_READ_TIMEOUT_S),
        )
        self._failures = (urllib3.exceptions.HTTPError, OSError)
        self._endpoint = settings.endpoint
        self._headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", "User-Agent": "costspan"}
        if settings.api_key is not None:
            self._headers["Authorization"] = f"Bearer {settings.api_key}"

    def send(self, batch: Batch) -> Outcome:
        """One attempt. Network trouble is an outcome; nothing is raised for it."""
        url = self._endpoint + batch.path
        try:
            response = self._pool.request(
                "POST", url, body=batch.body, headers=self._headers, redirect=False, preload_content=False
            )
            answer = response.read(_LARGEST_ANSWER)
            response.release_conn() if len(answer) < _LARGEST_ANSWER else response.close()
        except self._failures as error:
            return Outcome(is_retryable=True, reason=type(error).__name__)
        status = int(response.status)
        if status in _RETRYABLE:
            wait = _seconds(response.headers.get("Retry-After"), time.time())
            return Outcome(is_retryable=True, retry_after_s=wait, reason=f"http_{status}")
        if not 200 <= status < 300:
            return Outcome(refused=batch.count, reason=f"http_{status}")
        return _partial_success(batch, answer)

    def close(self) -> None:
        self._pool.clear()


def _partial_success(batch: Batch, body: bytes) -> Outcome:
    if not body:
        return Outcome()
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    answer = ExportTraceServiceResponse() if batch.path == TRACES_PATH else ExportLogsServiceResponse()
    try:
        answer.ParseFromString(body)
    except DecodeError:
        return Outcome()
    partial = answer.partial_success
    refused = partial.rejected_spans if batch.path == TRACES_PATH else partial.rejected_log_records
    return Outcome(refused=min(max(refused, 0), batch.count), reason="partial_success" if refused > 0 else "")


def _seconds(retry_after: str | None, now: float) -> float | None:
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        wait = float(retry_after)
    else:
        try:
            wait = parsedate_to_datetime(retry_after).timestamp() - now
        except ValueError:
            return None
    return min(max(wait, 0.0), _LONGEST_RETRY_AFTER_S)
