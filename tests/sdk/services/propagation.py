"""How a service passes on what it knows: by OpenTelemetry's instrumentation, by its API, or by our helpers alone."""

from contextlib import AbstractContextManager, contextmanager
from typing import Any

from opentelemetry import context, propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased

import costspan

INSTRUMENTED, UNSAMPLED, BY_HAND, HELPERS = "instrumented", "unsampled", "by_hand", "helpers"


def set_up(app: Any, how: str) -> None:
    """What the service does when it starts."""
    if how not in (INSTRUMENTED, UNSAMPLED):
        return
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

    sampler = ParentBased(ALWAYS_ON if how == INSTRUMENTED else ALWAYS_OFF)
    trace.set_tracer_provider(TracerProvider(sampler=sampler))
    FastAPIInstrumentor.instrument_app(app)
    HTTPXClientInstrumentor().instrument()


def outgoing(how: str) -> dict[str, str]:
    """The headers of a request to the next service."""
    headers: dict[str, str] = {}
    if how == BY_HAND:
        propagate.inject(headers)
    elif how == HELPERS:
        costspan.inject(headers)
    return headers


def incoming(how: str, headers: Any) -> AbstractContextManager[Any]:
    """Around the handling of a request with these headers."""
    return costspan.extract(headers) if how == HELPERS else _attached(headers if how == BY_HAND else None)


@contextmanager
def _attached(headers: Any) -> Any:
    token = None if headers is None else context.attach(propagate.extract(headers))
    yield
    if token is not None:
        context.detach(token)
