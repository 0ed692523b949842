"""Spans that a client, or an instrumentation below us, starts for a call that is observed already.

anthropic 2 starts one as soon as the application has OpenTelemetry. It stays the application's own, and is marked, so
that a collector which is sent both does not bill the call twice, in whatever order they come.
"""

from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import Span

from costspan._attributes import OBSERVED
from costspan._observe import is_in_progress


def started(span: Span, attributes: Mapping[str, Any] | None) -> None:
    """A span was started with ``attributes``."""
    if attributes and is_in_progress() and any(name.startswith("gen_ai.") for name in attributes):
        span.set_attribute(OBSERVED, True)
