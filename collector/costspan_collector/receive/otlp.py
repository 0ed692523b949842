"""OTLP bodies to messages: protobuf and JSON, to the letter of the OTLP specification, section "OTLP/HTTP"."""

import binascii
from typing import Any, TypeVar

import orjson
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from costspan_collector.errors import Permanent

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

Request = TypeVar("Request", bound=Message)

# OTLP/JSON writes these as hex where protobuf's JSON mapping would write base64.
_HEX_FIELDS = {"traceId", "spanId", "parentSpanId"}
_DEEPEST = 64


def decode_traces(body: bytes, content_type: str) -> ExportTraceServiceRequest:
    """The trace request in ``body``. Raises ``Permanent`` with what is wrong and where."""
    return _decode(ExportTraceServiceRequest(), body, content_type)


def decode_logs(body: bytes, content_type: str) -> ExportLogsServiceRequest:
    """The logs request in ``body``. Raises ``Permanent`` with what is wrong and where."""
    return _decode(ExportLogsServiceRequest(), body, content_type)


def _decode(message: Request, body: bytes, content_type: str) -> Request:
    if content_type == JSON:
        return _from_json(message, body)
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise Permanent(f"body is not a valid protobuf {type(message).__name__}: {error}") from None
    return message


def _from_json(message: Request, body: bytes) -> Request:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Permanent(f"body is not valid JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise Permanent(f"body must be a JSON object, not {type(parsed).__name__}")
    ids_to_base64(parsed, 0)
    try:
        json_format.ParseDict(parsed, message, ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise Permanent(f"body does not fit {type(message).__name__}: {error}") from None
    return message


def ids_to_base64(value: Any, depth: int) -> None:
    """Rewrite hex ids in place as the base64 that protobuf's JSON parser expects.

    Raises ``Permanent`` for an id that is not hex, naming field and value, and for nesting deeper than 64.
    """
    if depth > _DEEPEST:
        raise Permanent(f"body is nested deeper than {_DEEPEST} levels")
    if isinstance(value, list):
        for item in value:
            ids_to_base64(item, depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in _HEX_FIELDS and isinstance(item, str):
                value[name] = _base64(name, item)
            elif isinstance(item, (dict, list)):
                ids_to_base64(item, depth + 1)


def _base64(name: str, text: str) -> str:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raise Permanent(f"{name}: {text[:40]!r} is not hexadecimal") from None
    return binascii.b2a_base64(raw, newline=False).decode()
