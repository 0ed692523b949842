"""Which span belongs to which response, for the latest calls of this process."""

import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import SpanContext

_MOST_REMEMBERED = 10_000


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
        with self._lock:
            self._span_of_id[response_id] = span
            self._span_of_id.move_to_end(response_id)
            if len(self._span_of_id) > _MOST_REMEMBERED:
                self._span_of_id.popitem(last=False)

    def remember_object(self, response: Any, span: SpanContext) -> None:
        """For responses without an id of their own. Forgotten together with ``response``.

        What cannot be referred to weakly, such as a dict, is not remembered.
        """
        if type(response).__weakrefoffset__ == 0:
            return
        key = id(response)
        known = self._span_of_object

        def forget(_: Any) -> None:
            known.pop(key, None)

        known[key] = (weakref.ref(response, forget), span)

    def find(self, call: Any) -> CallReference:
        """The call behind ``call``: a response of a client, its stream, or a response id.

        Raises TypeError if ``call`` is none of these.
        """
        if isinstance(call, str) and call:
            return CallReference(self._span_of_id.get(call), call)
        known = self._span_of_object.get(id(call))
        span = known[1] if known is not None and known[0]() is call else None
        response_id = call.get("id") if isinstance(call, dict) else getattr(call, "id", None)
        if not isinstance(response_id, str) or not response_id:
            response_id = None
        if span is None and response_id is not None:
            span = self._span_of_id.get(response_id)
        if span is None and response_id is None:
            raise TypeError(
                f"call: {type(call).__name__} is no response of an observed client; "
                "give the response, its stream, or the response's id as a str"
            )
        return CallReference(span, response_id)
