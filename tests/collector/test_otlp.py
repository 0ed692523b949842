"""The OTLP/HTTP receiver, line by line of the specification."""

import gzip
import json
import threading
import time
import zlib

import psycopg
import pytest
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from tests.support.collector import RunningCollector, assert_books_balance, running_collector
from tests.support.otlp import CHAT, CHAT_COST, add_span, labels, traces

PROTOBUF, JSON = "application/x-protobuf", "application/json"


def _json_body(request: ExportTraceServiceRequest) -> bytes:
    """OTLP/JSON as the specification has it: ids as hexadecimal, 64-bit numbers as text."""
    body = json_format.MessageToDict(request, use_integers_for_enums=True)
    for resource in body["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span, original in zip(scope["spans"], request.resource_spans[0].scope_spans[0].spans, strict=True):
                span["traceId"], span["spanId"] = original.trace_id.hex().upper(), original.span_id.hex()
    return json.dumps(body).encode()


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON, "application/json; charset=utf-8"])
@pytest.mark.parametrize("encoding", ["", "gzip", "deflate", "identity"])
def test_full_success_is_an_empty_message_in_the_request_s_type(
    collector: RunningCollector, content_type: str, encoding: str
) -> None:
    request = traces(3, {"costspan.feature": "search"})
    body = request.SerializeToString() if content_type == PROTOBUF else _json_body(request)
    packed = {"gzip": gzip.compress, "deflate": zlib.compress}.get(encoding, bytes)(body)
    answer = collector.request("POST", "/v1/traces", packed, content_type=content_type, content_encoding=encoding)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(content_type.partition(";")[0])
    assert answer.body == (b"" if content_type == PROTOBUF else b"{}")
    (row,) = collector.get("/api/v1/spend?group_by=feature,service")["rows"]
    assert (row["feature"], row["service"], row["calls"], row["cost_usd"]) == ("search", "shop", 3, "0.000705")


def test_json_ids_are_hexadecimal_and_unknown_fields_are_ignored(collector: RunningCollector) -> None:
    request = traces(1)
    body = json.loads(_json_body(request))
    body["resourceSpans"][0]["futureField"] = {"a": [1]}
    assert collector.request("POST", "/v1/traces", json.dumps(body).encode(), content_type=JSON).status == 200
    (row,) = collector.get("/api/v1/calls")["rows"]
    assert row["trace_id"] == request.resource_spans[0].scope_spans[0].spans[0].trace_id.hex()
    assert row["cost_usd"] == CHAT_COST


def test_an_empty_request_is_a_success(collector: RunningCollector) -> None:
    assert collector.request("POST", "/v1/traces", b"", content_type=PROTOBUF).status == 200
    assert collector.request("POST", "/v1/logs", b"{}", content_type=JSON).status == 200


@pytest.mark.parametrize(
    ("attributes", "fields", "words"),
    [
        ({"gen_ai.usage.input_tokens": -5}, {}, "gen_ai.usage.input_tokens: -5 is not a count"),
        ({"gen_ai.usage.output_tokens": "many"}, {}, "gen_ai.usage.output_tokens: 'many' is not a count"),
        ({"gen_ai.usage.output_tokens": 1.5}, {}, "1.5 is not a count"),
        ({}, {"start_ns": 10**9}, "start_time_unix_nano: 1000000000 is outside the accepted window"),
        ({}, {"start_ns": 13_600_000_000 * 10**9}, "is outside the accepted window"),  # the year 2400
        ({}, {"trace_id": b"\0" * 16}, "trace_id: 00000000000000000000000000000000 is not 16 non-zero bytes"),
        ({}, {"span_id": b"\1" * 4}, "span_id: 01010101 is not 8 non-zero bytes"),
    ],
)
def test_a_bad_span_rejects_itself_and_not_its_neighbours(
    collector: RunningCollector, attributes: dict[str, object], fields: dict[str, object], words: str
) -> None:
    request = traces(2)
    add_span(request, {**CHAT, **attributes}, **fields)
    answer = collector.post_protobuf("/v1/traces", request)
    assert answer.status == 200
    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert partial.rejected_spans == 1
    assert words in partial.error_message
    assert assert_books_balance(collector.database_url) == 2


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"\xff\xff\xff", {"content_type": PROTOBUF}, 400, "not a valid protobuf ExportTraceServiceRequest"),
        (b"{", {"content_type": JSON}, 400, "not valid JSON"),
        (b"[]", {"content_type": JSON}, 400, "must be a JSON object, not list"),
        (b'{"resourceSpans": 3}', {"content_type": JSON}, 400, "does not fit ExportTraceServiceRequest"),
        (
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}',
            {"content_type": JSON},
            400,
            "'xyz' is not hexadecimal",
        ),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, {"content_type": JSON}, 400, "JSON"),
        (b"abc", {"content_type": PROTOBUF, "content_encoding": "gzip"}, 400, "not valid gzip"),
        (gzip.compress(b"x" * 100, mtime=0)[:-9], {"content_type": PROTOBUF, "content_encoding": "gzip"}, 400, "ends early"),
        (b"abc", {"content_type": PROTOBUF, "content_encoding": "br"}, 400, "'br' is not supported; allowed: gzip"),
        (
            gzip.compress(b"\0" * 3_000_000, mtime=0),
            {"content_type": PROTOBUF, "content_encoding": "gzip"},
            413,
            "inflates to more than 1048576",
        ),
        (b"\0" * 2_000_000, {"content_type": JSON}, 413, "larger than 1048576 bytes"),
    ],
)  # fmt: skip
def test_errors_are_a_status_message_in_the_request_s_type(
    database_url: str, body: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    with running_collector(database_url, body_limit_bytes=1 << 20) as collector:
        answer = collector.request("POST", "/v1/traces", body, **headers)
        assert answer.status == status
        assert answer.headers["content-type"] == headers["content_type"]
        is_protobuf = headers["content_type"] == PROTOBUF
        message = Status.FromString(answer.body).message if is_protobuf else answer.json["message"]
        assert words in message
        assert collector.post_protobuf("/v1/traces", traces(1)).status == 200


def test_an_unknown_content_type_is_refused(collector: RunningCollector) -> None:
    answer = collector.request("POST", "/v1/traces", b"<x/>", content_type="text/xml")
    assert answer.status == 415
    assert "'text/xml' is not supported; allowed: application/x-protobuf, application/json" in answer.json["message"]


def test_a_bad_label_is_rejected_by_name(collector: RunningCollector) -> None:
    request = labels({"gen_ai.evaluation.name": "correct", "gen_ai.evaluation.score.value": 1.0})
    answer = collector.post_protobuf("/v1/logs", request)
    partial = ExportLogsServiceResponse.FromString(answer.body).partial_success
    assert partial.rejected_log_records == 1
    assert "neither trace_id with span_id nor gen_ai.response.id" in partial.error_message


def test_nul_and_very_long_values_do_not_break_the_books(collector: RunningCollector) -> None:
    attributes = {"costspan.feature": "a\0b\tc\n\\d", "costspan.customer": "x" * 100_000, "user.id": "ü" * 5000}
    assert collector.post_protobuf("/v1/traces", traces(1, attributes)).status == 200
    (row,) = collector.get("/api/v1/calls")["rows"]
    assert row["feature"] == "ab\tc\n\\d"
    assert row["customer"] == "x" * 1024
    assert row["user"] == "ü" * 1024


def test_spans_that_are_no_calls_carry_no_money(collector: RunningCollector) -> None:
    request = ExportTraceServiceRequest()
    for operation in ("invoke_agent", "execute_tool", "invoke_workflow", None):
        add_span(request, {**CHAT, "gen_ai.operation.name": operation})
    assert collector.post_protobuf("/v1/traces", request).status == 200
    assert collector.get("/api/v1/calls")["rows"] == []


def test_a_full_queue_answers_503_with_retry_after(database_url: str) -> None:
    with running_collector(database_url, queue_calls=1000) as collector, psycopg.connect(database_url) as connection:
        # with the writer's lock held here, what is accepted must wait
        connection.execute("SELECT 1 FROM project_writer WHERE project_id = 1 FOR UPDATE")
        waiting = threading.Thread(target=collector.post_protobuf, args=("/v1/traces", traces(700)))
        waiting.start()
        time.sleep(0.5)
        answer = collector.post_protobuf("/v1/traces", traces(700))
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert "701 calls wait to be written; at most 1000 may" in Status.FromString(answer.body).message
        connection.rollback()
        waiting.join(20)
        assert assert_books_balance(database_url) == 700
