"""Who is told of the spans that the application's OpenTelemetry starts.

``Tracer.start_span`` of the OpenTelemetry SDK is watched, rather than a span processor added: a processor cannot be
taken out again, has to wait for a provider to be set, and is not shown the spans that are not sampled, by whose absence
the name of a feature would depend on a sampling rate.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from opentelemetry.sdk.trace import Tracer
from opentelemetry.trace import Span

from costspan import _entry_spans, _native_spans
from costspan._guard import guard
from costspan._replacement import Replacement


def _around_start_span(start_span: Callable[..., Span], is_wanted: Callable[[], bool]) -> Callable[..., Span]:
    # (name, context, kind, attributes, ...)
    @wraps(start_span)
    def watching(tracer: Any, *args: Any, **kwargs: Any) -> Span:
        span = start_span(tracer, *args, **kwargs)
        if is_wanted():
            with guard:
                _entry_spans.started(span, tracer, *args, **kwargs)
                _native_spans.started(span, args[3] if len(args) > 3 else kwargs.get("attributes"))
        return span

    return watching


_replacement = Replacement(Tracer, "start_span", _around_start_span)


def apply() -> None:
    """Watch from now on."""
    _replacement.apply()


def undo() -> None:
    """Put the very same function back."""
    _replacement.undo()
