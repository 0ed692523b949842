"""The spans by which work enters a process: requests that it serves and tasks that it consumes, and what they are called.

Told of every span that starts (``_span_starts``). Nothing here keeps a span alive.
"""

import weakref
from collections.abc import Mapping
from contextvars import ContextVar, Token
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind

ROUTE, TASK = "route", "task"

_HTTP_ROUTE = "http.route"
_HTTP_METHODS = ("http.request.method", "http.method")
_TASK_NAMES = ("celery.task_name", "taskiq.task_name", "messaging.destination.template")
_DESTINATIONS = ("messaging.destination.name", "messaging.destination")
# Such a destination has a name made up for one connection.
_PASSING = ("messaging.destination.temporary", "messaging.destination.anonymous", "messaging.temp_destination")
# The name of a span may be a raw path. These instrumentations say in it, from the start, what their attributes say
# late or, unsampled, never; what stands before the name proper.
_TELLING_NAMES = {"opentelemetry.instrumentation.celery": "run/", "opentelemetry.instrumentation.django": ""}
_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})


class Entry:
    """One entry span. ``source`` is ``route`` or ``task``. Refers to the span weakly, to learn what is said later."""

    __slots__ = ("_at_start", "_feature", "_span", "source")

    def __init__(self, source: str, span: Span, at_start: str | None) -> None:
        self.source = source
        self._span = weakref.ref(span)
        self._at_start = at_start
        self._feature: str | None = None

    def feature(self) -> str | None:
        """What the work is called: a route with its method, or a task. None as long as nobody has said."""
        if self._feature is None:
            said = getattr(self._span(), "attributes", None)
            self._feature = (_named(self.source, said) if said else None) or self._at_start
        return self._feature


# By the id of a span that has not been destroyed: the entry that it is or lies below.
_known: dict[int, tuple[weakref.KeyedRef[int, Span], Entry]] = {}
_carried: ContextVar[Entry | None] = ContextVar("costspan_entry", default=None)


def _forget(reference: "weakref.KeyedRef[int, Span]") -> None:
    known = _known.get(reference.key)
    if known is not None and known[0] is reference:
        del _known[reference.key]


def enclosing() -> Entry | None:
    """The entry of the current span, else the one that came along with work given to a thread."""
    known = _known and _known.get(trace.get_current_span().get_span_context().span_id)
    if not known:
        return _carried.get()
    entry = known[1]
    # While the span is sure to be there.
    entry.feature()
    return entry


def carry(entry: Entry | None) -> Token[Entry | None]:
    """Work that was given away under ``entry`` begins. Give the result to ``put_down``."""
    return _carried.set(entry)


def put_down(token: Token[Entry | None]) -> None:
    """The work has ended."""
    _carried.reset(token)


def started(
    span: Span,
    tracer: Any,
    name: str,
    context: Any = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, Any] | None = None,
    *_: Any,
    **__: Any,
) -> None:
    """A span was started by ``tracer``, with these arguments."""
    said = attributes or {}
    entry: Entry
    if kind is SpanKind.SERVER or (kind is SpanKind.INTERNAL and _HTTP_ROUTE in said):
        entry = Entry(ROUTE, span, _named(ROUTE, said) or _telling(tracer, name))
    elif kind is SpanKind.CONSUMER:
        entry = Entry(TASK, span, _named(TASK, said) or _telling(tracer, name))
    else:
        parent = _known and _known.get(trace.get_current_span(context).get_span_context().span_id)
        if not parent:
            return
        entry = parent[1]
    span_id = span.get_span_context().span_id
    if span_id and span_id not in _known:
        _known[span_id] = (weakref.KeyedRef(span, _forget, span_id), entry)


def _telling(tracer: Any, name: str) -> str | None:
    before = _TELLING_NAMES.get(getattr(getattr(tracer, "_instrumentation_scope", None), "name", ""))
    if before is None or not name.startswith(before):
        return None
    proper = name.removeprefix(before)
    # A request that fits no route is called by its method.
    return None if proper in _METHODS or proper == "HTTP" else proper


def _named(source: str, said: Mapping[str, Any]) -> str | None:
    return _route(said) if source == ROUTE else _task(said)


def _route(said: Mapping[str, Any]) -> str | None:
    route = _text(said, (_HTTP_ROUTE,))
    if route is not None:
        method = _text(said, _HTTP_METHODS)
        return f"{method} {route}" if method in _METHODS else route
    service, method = _text(said, ("rpc.service",)), _text(said, ("rpc.method",))
    return f"{service}/{method}" if service and method else None


def _task(said: Mapping[str, Any]) -> str | None:
    task = _text(said, _TASK_NAMES)
    if task is not None or any(said.get(name) for name in _PASSING):
        return task
    return _text(said, _DESTINATIONS)


def _text(said: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = said.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return None
