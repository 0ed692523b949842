"""Which span belongs to which response, for the latest calls of this process."""

import re
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span, SpanContext, TraceFlags

from costspan._facts import text_or_none
from costspan.usage.paths import getter

_MOST_REMEMBERED = 10_000
# Where responses keep what tells them from all others: most clients, cohere 1, google-genai, AWS.
_RESPONSE_ID = getter("id|generation_id|response_id|ResponseMetadata.RequestId")
# Where clients keep the bare HTTP response that an observed one was made from (mistralai's streams).
_HTTP_RESPONSE = getter("response|http_response")
# https://www.w3.org/TR/trace-context/#traceparent-header
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class CallReference:
    """Which call: its span, if the call was made in this process, and the provider's response id, if there is one."""

    span: SpanContext | None
    response_id: str | None


class CallIndex:
    """Which span belongs to which response, for the latest calls. Keeps no response alive."""

    def __init__(self) -> None:
        self.after_fork()

    def after_fork(self) -> None:
        self._lock = threading.RLock()
        self._span_of_id: OrderedDict[str, SpanContext] = OrderedDict()
        self._span_of_object: dict[int, tuple[weakref.ref[Any], SpanContext]] = {}

    def remember_id(self, response_id: str, span: SpanContext) -> None:
        """For responses that bear an id."""
        with self._lock:
            if response_id in self._span_of_id:
                self._span_of_id.move_to_end(response_id)
            self._span_of_id[response_id] = span
            if len(self._span_of_id) > _MOST_REMEMBERED:
                self._span_of_id.popitem(last=False)

    def remember_object(self, response: Any, span: SpanContext) -> None:
        """For responses without an id of their own. Forgotten together with ``response``.

        What cannot be referred to weakly, such as a dict, is remembered by the id that it holds, or not at all.
        """
        if type(response).__weakrefoffset__ == 0:
            if (response_id := text_or_none(_RESPONSE_ID(response))) is not None:
                self.remember_id(response_id, span)
            return
        key = id(response)
        known = self._span_of_object

        def forget(_: Any) -> None:
            known.pop(key, None)

        known[key] = (weakref.ref(response, forget), span)

    def find(self, call: Any, argument: str = "call") -> CallReference:
        """The call behind ``call``: a response of a client, its stream, a response id, a handle, or a span.

        Raises TypeError if ``call``, which is the public function's ``argument``, is none of these.
        """
        if isinstance(call, SpanContext):
            return CallReference(_valid(call), None)
        if isinstance(call, (Span, ReadableSpan)):
            return CallReference(_valid(call.get_span_context()), None)
        if isinstance(call, str) and call:
            handle = _TRACEPARENT.fullmatch(call)
            return CallReference(self._span_of_id.get(call), call) if handle is None else CallReference(_span_of(handle), None)
        span = self._of_object(call) or self._of_object(_HTTP_RESPONSE(call))
        response_id = text_or_none(_RESPONSE_ID(call))
        if span is None and response_id is not None:
            span = self._span_of_id.get(response_id)
        if span is None and response_id is None:
            raise TypeError(
                f"{argument}: {type(call).__name__} is no response of an observed client; "
                "give the response, its stream, the response's id as a str, its handle, or its span"
            )
        return CallReference(span, response_id)

    def _of_object(self, response: Any) -> SpanContext | None:
        known = self._span_of_object.get(id(response))
        return known[1] if known is not None and known[0]() is response else None


def handle_of(span: SpanContext) -> str:
    """The name of ``span`` among all spans, as a W3C traceparent."""
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags & 0xFF:02x}"


def _span_of(handle: re.Match[str]) -> SpanContext:
    trace_id, span_id, flags = (int(part, 16) for part in handle.groups())
    return _valid(SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags)))


def _valid(span: SpanContext | None) -> SpanContext:
    if span is None or not span.is_valid:
        raise TypeError("call: the span has no id (nothing records it); give the response, or its id as a str")
    return span
