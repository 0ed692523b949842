"""The bytes of our spans: what a receiver reads from them is what it reads from OpenTelemetry's own encoder."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans as reference
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from costspan import _attributes as names
from costspan._otlp import _head, _varint, encode_spans
from costspan._tracing import scope

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(max_size=40) | st.sampled_from(["", "a" * 127, "é" * 64, "€" * 300, "😀", "\0"])
# What no attribute of OTLP can hold is left out, and nothing else is.
VALUES = (
    TEXTS
    | st.booleans()
    | INT64
    | st.floats()
    | st.lists(TEXTS, max_size=4).map(tuple)
    | st.sampled_from([2**63, -(2**63) - 1, 10**30])
)
KEYS = TEXTS | st.sampled_from([name for constant, name in vars(names).items() if constant.isupper() and isinstance(name, str)])
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=12)
# Two that are equal are one to a receiver.
RESOURCES: list[Resource] = [
    Resource({"service.name": "shop", "process.pid": 7, "host.ids": ("a", "b"), "ratios": (0.5, 1.5), "flags": (True, False)}),
    Resource({"service.name": "shop", "process.pid": 7, "host.ids": ("a", "b"), "ratios": (0.5, 1.5), "flags": (True, False)}),
    Resource({"service.name": "Büro"}, schema_url="https://opentelemetry.io/schemas/1.30.0"),
    Resource({}),
]
SCOPES = [
    scope(),
    InstrumentationScope("costspan"),
    InstrumentationScope("other", "1", "https://example.com/schema", {"a": "b", "n": (1, 2)}),
    None,
]


@st.composite
def contexts(draw: st.DrawFn) -> SpanContext:
    state = draw(st.none() | st.sampled_from([TraceState(), TraceState([("a", "1")]), TraceState([("a", "1"), ("b", "2")])]))
    return SpanContext(
        draw(st.integers(1, 2**128 - 1)),
        draw(st.integers(1, 2**64 - 1)),
        is_remote=draw(st.booleans()),
        trace_flags=TraceFlags(draw(st.integers(0, 3))),
        trace_state=state,
    )


@st.composite
def spans(draw: st.DrawFn) -> ReadableSpan:
    return ReadableSpan(
        name=draw(TEXTS),
        context=draw(contexts()),
        parent=draw(st.none() | contexts()),
        resource=draw(st.sampled_from(RESOURCES)),
        attributes=draw(ATTRIBUTES),
        kind=SpanKind.CLIENT,
        status=Status(draw(st.sampled_from([StatusCode.UNSET, StatusCode.ERROR]))),
        start_time=draw(st.integers(0, 2**64 - 1)),
        end_time=draw(st.integers(0, 2**64 - 1)),
        instrumentation_scope=draw(st.sampled_from(SCOPES)),
    )


def _read(encoded: bytes) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(encoded)


def _comparable(message: Any) -> bytes:
    # Equality of messages would not hold where a value is not a number.
    encoded: bytes = message.SerializeToString(deterministic=True)
    return encoded


# The first text of a run makes Hypothesis read all of Unicode.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(spans(), max_size=8))
def test_a_receiver_reads_what_it_reads_from_opentelemetry_s_encoder(several: list[ReadableSpan]) -> None:
    ours, theirs = _read(encode_spans(several)), reference(several)
    assert _comparable(ours) == _comparable(theirs), (ours, theirs)


@pytest.mark.parametrize("key", [names.PROVIDER, "costspan.tag.size"])
def test_a_value_is_never_mistaken_for_an_equal_one_of_another_type(key: str) -> None:
    values: list[Any] = [1, True, 1.0, "1", "1.0", "True", ("1",)]
    several = [_span({key: value}) for value in (*values, *reversed(values))]
    assert _comparable(_read(encode_spans(several))) == _comparable(reference(several))


def test_what_utf_8_cannot_hold_is_replaced_and_the_span_goes_out() -> None:
    request = _read(encode_spans([_span({"costspan.feature": "a\ud800b", "k\udfff": "v"}, name="chat \ud800")]))
    (span,) = request.resource_spans[0].scope_spans[0].spans
    assert span.name == "chat ?"
    assert [(stated.key, stated.value.string_value) for stated in span.attributes] == [("costspan.feature", "a?b"), ("k?", "v")]


def test_the_kept_texts_are_bounded() -> None:
    encode_spans([_span({f"costspan.tag.{n}": n * 2**32, "gen_ai.request.model": f"model-{n}"}) for n in range(9_000)])
    for kept in (_head, _varint):
        assert kept.cache_info().currsize == kept.cache_info().maxsize


def _span(attributes: dict[str, Any], name: str = "chat") -> ReadableSpan:
    return ReadableSpan(
        name=name,
        context=SpanContext(1, 2, is_remote=False),
        resource=RESOURCES[0],
        attributes=attributes,
        kind=SpanKind.CLIENT,
        start_time=1,
        end_time=2,
        instrumentation_scope=scope(),
    )
