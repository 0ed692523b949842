"""Spans of our own beside an application's OpenTelemetry: which trace they join, and who else is shown them.

Every call is recorded: neither the application's sampler nor ``OTEL_SDK_DISABLED`` decides over the books. No global
provider is set. A span is built when it ends, from figures that were noted before; until then the current context
holds only its identity.
"""

import hashlib
from functools import cache, lru_cache
from typing import Any, NamedTuple

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from costspan._attributes import ENVIRONMENT, SERVICE_NAME, Attributes, request_attributes, span_name
from costspan._facts import Facts
from costspan._settings import Settings

SCOPE_NAME = "costspan"

_SAMPLED = 0x01
_RANDOM_TRACE_ID = 0x02
# One object for all spans of the same flags, since so many are kept.
_trace_flags = cache(TraceFlags)
_UNSET = Status(StatusCode.UNSET)
_ERROR = Status(StatusCode.ERROR)


class SpanSeed(NamedTuple):
    """The identity of a span that has begun.

    ``application`` takes part in the span's end, because its trace is sampled. ``may_be_current`` is false where
    the application's trace is not sampled, since our own flag would switch sampling on below it, and where it has no
    trace at all, since a client would tell its provider of one (anthropic 2 sends the current span along).
    """

    context: SpanContext
    parent: SpanContext | None
    resource: Resource
    application: TracerProvider | None
    may_be_current: bool


@cache
def scope() -> InstrumentationScope:
    """Who made our spans and events: this package, in its version."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return InstrumentationScope(SCOPE_NAME, version(SCOPE_NAME))
    except PackageNotFoundError:
        return InstrumentationScope(SCOPE_NAME)


class Tracing:
    """Begins and ends spans. ``configure`` may be called at any time; an application's provider may come later too."""

    def __init__(self, settings: Settings) -> None:
        self._ids: IdGenerator = RandomIdGenerator()
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        named = {SERVICE_NAME: settings.service, ENVIRONMENT: settings.environment}
        self._named = {name: value for name, value in named.items() if value is not None}
        self._resource_of: tuple[Resource | None, Resource] | None = None

    def resource(self) -> Resource:
        """The application's resource, or one from the standard environment variables, with our settings over it."""
        return self._resource_beside(_application())

    def _resource_beside(self, application: TracerProvider | None) -> Resource:
        base = None if application is None else application.resource
        known = self._resource_of
        if known is None or known[0] is not base:
            made = Resource.create(self._named) if base is None else base.merge(Resource(self._named))
            known = self._resource_of = (base, made)
        return known[1]

    def begin(self, facts: Facts, outer: SpanSeed | None) -> SpanSeed:
        """A new span below ``outer``'s parent if there is an outer call, else below the current span.

        What ``facts`` tell is for the application's sampler to look at.
        """
        application = _application()
        ids = self._ids if application is None else application.id_generator
        parent = trace.get_current_span().get_span_context() if outer is None else outer.parent
        if parent is not None and not parent.is_valid:
            parent = None
        trace_id = parent.trace_id if parent else ids.generate_trace_id()
        if outer is not None:
            is_sampled = outer.may_be_current
        elif parent is not None:
            is_sampled = bool(parent.trace_flags & _SAMPLED)
        else:
            is_sampled = application is not None and _is_sampled(application, trace_id, facts)
        flags = _SAMPLED | (parent.trace_flags & _RANDOM_TRACE_ID if parent else 0)
        return SpanSeed(
            context=SpanContext(
                trace_id,
                ids.generate_span_id(),
                is_remote=False,
                trace_flags=_trace_flags(flags),
                trace_state=parent.trace_state if parent else None,
            ),
            parent=parent,
            # Now, since it cannot be made when the interpreter is shutting down, which is when a call may end.
            resource=self._resource_beside(application),
            application=application if is_sampled else None,
            may_be_current=is_sampled,
        )

    def sibling(self, seed: SpanSeed) -> SpanSeed:
        """A span of its own beside that of ``seed``."""
        context = seed.context
        ids = self._ids if seed.application is None else seed.application.id_generator
        return seed._replace(
            context=SpanContext(
                context.trace_id,
                ids.generate_span_id(),
                is_remote=False,
                trace_flags=context.trace_flags,
                trace_state=context.trace_state,
            )
        )

    def seed_of(self, key: str) -> SpanSeed:
        """A span in a trace of its own, whose ids follow from ``key``: the same wherever it is made."""
        digest = hashlib.sha256(key.encode()).digest()
        context = SpanContext(
            int.from_bytes(digest[:16], "big"),
            int.from_bytes(digest[16:24], "big"),
            is_remote=False,
            trace_flags=_trace_flags(_SAMPLED),
        )
        return SpanSeed(context, None, self.resource(), None, may_be_current=False)

    def make_current(self, seed: SpanSeed) -> Any:
        """Make the span current, so that spans begun meanwhile are its children. Returns what ``restore`` takes."""
        if not seed.may_be_current:
            return None
        return context_api.attach(trace.set_span_in_context(NonRecordingSpan(seed.context)))

    def restore(self, token: Any) -> None:
        """Undo ``make_current``."""
        if token is not None:
            context_api.detach(token)

    def end(
        self, seed: SpanSeed, name: str, attributes: Attributes, start_ns: int, end_ns: int, *, is_error: bool
    ) -> ReadableSpan:
        """The ended span. Its status holds no text: an error's message may quote a prompt."""
        return ReadableSpan(
            name=name,
            context=seed.context,
            parent=seed.parent,
            resource=seed.resource,
            attributes=attributes,
            kind=SpanKind.CLIENT,
            status=_ERROR if is_error else _UNSET,
            start_time=start_ns,
            end_time=end_ns,
            instrumentation_scope=scope(),
        )

    def show_to_application(self, seed: SpanSeed, span: ReadableSpan) -> None:
        """Hand the ended span to the application's own processors, if its trace is sampled."""
        if seed.application is not None:
            seed.application._active_span_processor.on_end(span)


def _application() -> TracerProvider | None:
    # The function that is there to be asked looks into the environment every time as long as there is no provider, and
    # loads the one that it finds named, for which it is not on us to set the time.
    provider: Any = trace._TRACER_PROVIDER
    if provider is None:
        return None
    kind: type = type(provider)
    # A provider that OTEL_SDK_DISABLED has switched off shows nothing to its processors.
    if _is_of_the_sdk(kind) and not getattr(provider, "_disabled", False):
        application: TracerProvider = provider
        return application
    return None


@lru_cache(64)
def _is_of_the_sdk(kind: type) -> bool:
    # Abstract base classes take microseconds to answer.
    return issubclass(kind, TracerProvider)


def _is_sampled(application: TracerProvider, trace_id: int, facts: Facts) -> bool:
    name = span_name(facts.operation, facts.request_model)
    result = application.sampler.should_sample(None, trace_id, name, SpanKind.CLIENT, request_attributes(facts), ())
    return result.decision is Decision.RECORD_AND_SAMPLE
