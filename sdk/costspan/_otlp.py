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

from costspan import _attributes as names

# Their texts are the same from call to call, so they are kept as bytes. So is a count of nothing, of which there are many.
_REPEATED = frozenset((
    names.OPERATION, names.PROVIDER, names.REQUEST_MODEL, names.RESPONSE_MODEL, names.SERVER_ADDRESS, names.OPENAI_API_TYPE,
    names.OPENAI_SERVICE_TIER, names.SERVICE_TIER, names.SPEED, names.REGION, names.FEATURE, names.FEATURE_SOURCE,
    names.COST_STATE, names.USAGE_BASIS, names.ERROR_TYPE,
))  # fmt: skip
_MOST_KEPT = 1024
_LONGEST_KEPT = 200

_HAS_IS_REMOTE = 0x100
_IS_REMOTE = 0x200
_KIND_CLIENT = b"\x30\x03"
_STATUS_UNSET = b"\x7a\x00"
_STATUS_ERROR = b"\x7a\x02\x18\x02"
_START_AND_END = struct.Struct("<BQBQ")
_FLAGS = struct.Struct("<HI")
_DOUBLE = struct.Struct("<d")


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
    return b"\x0a" + _delimited(_key_values(b"\x0a", resource.attributes)) + b"\x1a" + _text(resource.schema_url)


def _scope_head(scope: InstrumentationScope | None) -> bytes:
    """A ``ScopeSpans`` but for its spans."""
    if scope is None:
        return b"\x0a\x00"
    named = b"\x0a" + _text(scope.name) + b"\x12" + _text(scope.version or "")
    attributes = _key_values(b"\x1a", scope.attributes or {})
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
        _key_values(b"\x4a", span.attributes or {}),
        _STATUS_ERROR if span.status.status_code is StatusCode.ERROR else _STATUS_UNSET,
        _FLAGS.pack(0x0185, flags),
    )
    return b"".join(parts)


def _key_values(tag: bytes, attributes: Mapping[str, Any]) -> bytes:
    """``attributes`` as ``KeyValue`` messages, each a field of its own with that ``tag``."""
    parts: list[bytes] = []
    for key, value in attributes.items():
        kind = type(value)
        is_kept = not value if kind is int else kind is str and key in _REPEATED and len(value) <= _LONGEST_KEPT
        stated = _kept_key_value(key, value) if is_kept else _key_value(key, value)
        if stated is not None:
            parts += (tag, stated)
    return b"".join(parts)


def _key_value(key: str, value: Any) -> bytes | None:
    stated = _any_value(value)
    return None if stated is None else _delimited(_key(key) + _varint(len(stated)) + stated)


_kept_key_value = lru_cache(_MOST_KEPT)(_key_value)


@lru_cache(_MOST_KEPT)
def _key(key: str) -> bytes:
    """The key of a ``KeyValue``, up to the length of its value."""
    return b"\x0a" + _text(key) + b"\x12"


def _any_value(value: Any) -> bytes | None:
    """``value`` as an ``AnyValue``, or None if that cannot hold it."""
    if isinstance(value, str):
        return b"\x0a" + _text(value)
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + _varint(value & (1 << 64) - 1) if -(1 << 63) <= value < 1 << 63 else None
    if isinstance(value, float):
        return b"\x21" + _DOUBLE.pack(value)
    if isinstance(value, bytes):
        return b"\x3a" + _delimited(value)
    if isinstance(value, Sequence):
        items = [_any_value(item) for item in value]
        return None if None in items else b"\x2a" + _delimited(b"".join(b"\x0a" + _delimited(item) for item in items if item))
    return None


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
