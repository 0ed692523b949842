"""Spans of ours as the bytes of an OTLP ``ExportTraceServiceRequest``, written without message objects in between.

Fields and their numbers: https://github.com/open-telemetry/opentelemetry-proto (``trace.proto``, ``common.proto``,
``resource.proto``); how they are written: https://protobuf.dev/programming-guides/encoding/. What a receiver reads is
what it reads from OpenTelemetry's own encoder. That one takes several times as long, which a busy application would
feel: both run under one interpreter lock.
"""

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import StatusCode

_MOST_KEPT = 1024
# A busy application's attributes have some thirty keys, whose values have some ten lengths each.
_MOST_HEADS = 4096

# Fields of ``AnyValue``, with their wire types.
_STRING, _BOOL, _INT, _DOUBLE, _ARRAY, _BYTES = 0x0A, 0x10, 0x18, 0x21, 0x2A, 0x3A
_WITH_LENGTH = (_STRING, _ARRAY, _BYTES)

_HAS_IS_REMOTE = 0x100
_IS_REMOTE = 0x200
_KIND_CLIENT = b"\x30\x03"
_INT64, _UINT64 = 1 << 63, (1 << 64) - 1
_STATUS_UNSET = b"\x7a\x00"
_STATUS_ERROR = b"\x7a\x02\x18\x02"
_START_AND_END = struct.Struct("<BQBQ")
_FLAGS = struct.Struct("<HI")
_EIGHT_BYTES = struct.Struct("<d")


def encode_spans(spans: Sequence[ReadableSpan]) -> bytes:
    """``spans``, as ``Tracing.end`` makes them, in their order: of kind client, without events, links and status text.

    What UTF-8 cannot hold is written as ``?``. An attribute whose value OTLP cannot hold, such as an int of more than
    64 bits, is left out.
    """
    heads: dict[int, bytes] = {}
    by_resource: dict[bytes, dict[bytes, list[bytes]]] = {}
    for span in spans:
        resource, scope = span.resource, span.instrumentation_scope
        if (resource_head := heads.get(id(resource))) is None:
            resource_head = heads[id(resource)] = _resource_head(resource)
        if (scope_head := heads.get(id(scope))) is None:
            scope_head = heads[id(scope)] = _scope_head(scope)
        by_resource.setdefault(resource_head, {}).setdefault(scope_head, []).append(_span(span))
    return b"".join(
        b"\x0a" + _delimited(resource_head + b"".join(_scope_spans(*entry) for entry in by_scope.items()))
        for resource_head, by_scope in by_resource.items()
    )


def _scope_spans(scope_head: bytes, spans: list[bytes]) -> bytes:
    return b"\x12" + _delimited(scope_head + b"".join([b"\x12" + _delimited(span) for span in spans]))


def _resource_head(resource: Resource) -> bytes:
    """A ``ResourceSpans`` but for its spans."""
    return b"\x0a" + _delimited(_key_values(0x0A, resource.attributes)) + b"\x1a" + _text(resource.schema_url)


def _scope_head(scope: InstrumentationScope | None) -> bytes:
    """A ``ScopeSpans`` but for its spans."""
    if scope is None:
        return b"\x0a\x00"
    named = b"\x0a" + _text(scope.name) + b"\x12" + _text(scope.version or "")
    attributes = _key_values(0x1A, scope.attributes or {})
    return b"\x0a" + _delimited(named + attributes) + b"\x1a" + _text(scope.schema_url or "")


def _span(span: ReadableSpan) -> bytes:
    context, parent = span.context, span.parent
    flags = _HAS_IS_REMOTE
    parts = [b"\x0a\x10", context.trace_id.to_bytes(16, "big"), b"\x12\x08", context.span_id.to_bytes(8, "big")]
    if context.trace_state:
        parts += (b"\x1a", _text(context.trace_state.to_header()))
    if parent is not None:
        parts += (b"\x22\x08", parent.span_id.to_bytes(8, "big"))
        flags |= _IS_REMOTE if parent.is_remote else 0
    parts += (
        b"\x2a",
        _text(span.name),
        _KIND_CLIENT,
        _START_AND_END.pack(0x39, span.start_time, 0x41, span.end_time),
        _key_values(0x4A, span.attributes or {}),
        _STATUS_ERROR if span.status.status_code is StatusCode.ERROR else _STATUS_UNSET,
        _FLAGS.pack(0x0185, flags),
    )
    return b"".join(parts)


def _key_values(tag: int, attributes: Mapping[str, Any]) -> bytes:
    """``attributes`` as ``KeyValue`` messages, each a field of its own with that ``tag``."""
    parts: list[bytes] = []
    for key, value in attributes.items():
        kind = type(value)
        if kind is str:
            stated = value.encode("utf-8", "replace")
            parts += (_head(tag, key, _STRING, len(stated)), stated)
        elif kind is int and -_INT64 <= value < _INT64:
            stated = _varint(value & _UINT64)
            parts += (_head(tag, key, _INT, len(stated)), stated)
        elif (field_and_value := _any_value(value)) is not None:
            field, stated = field_and_value
            parts += (_head(tag, key, field, len(stated)), stated)
    return b"".join(parts)


@lru_cache(_MOST_HEADS)
def _head(tag: int, key: str, field: int, length: int) -> bytes:
    """All of a ``KeyValue`` that comes before the ``length`` bytes of its value, which is in that ``field``."""
    of_value = bytes((field,)) + (_varint(length) if field in _WITH_LENGTH else b"")
    of_key = b"\x0a" + _text(key) + b"\x12" + _varint(len(of_value) + length) + of_value
    return bytes((tag,)) + _varint(len(of_key) + length) + of_key


def _any_value(value: Any) -> tuple[int, bytes] | None:
    """``value`` as a field of ``AnyValue`` and what stands in it, or None if there is none that can hold it."""
    if isinstance(value, str):
        return _STRING, value.encode("utf-8", "replace")
    if isinstance(value, bool):
        return _BOOL, b"\x01" if value else b"\x00"
    if isinstance(value, int):
        return (_INT, _varint(value & _UINT64)) if -_INT64 <= value < _INT64 else None
    if isinstance(value, float):
        return _DOUBLE, _EIGHT_BYTES.pack(value)
    if isinstance(value, bytes):
        return _BYTES, value
    if isinstance(value, (tuple, list, Sequence)):
        items = [_any_value(item) for item in value]
        return None if None in items else (_ARRAY, b"".join(_item(*item) for item in items if item is not None))
    return None


def _item(field: int, stated: bytes) -> bytes:
    """An item of an ``ArrayValue``."""
    return b"\x0a" + _delimited(bytes((field,)) + (_delimited(stated) if field in _WITH_LENGTH else stated))


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8", "replace")
    return _varint(len(encoded)) + encoded


def _delimited(data: bytes) -> bytes:
    return _varint(len(data)) + data


@lru_cache(_MOST_KEPT)
def _varint(number: int) -> bytes:
    """``number``, from 0 to 2**64 - 1, in groups of seven bits, the lowest first."""
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    groups.append(number)
    return bytes(groups)
