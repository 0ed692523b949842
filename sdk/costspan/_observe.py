"""The life of one call: begun before the client is called, ended once, booked when it has ended."""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from typing import Any, Protocol

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from costspan import _context, _default_feature
from costspan._attributes import call_attributes, request_attributes, span_name
from costspan._attribution import Attribution
from costspan._delivery import Delivery
from costspan._guard import Counters, guard
from costspan._index import CallIndex
from costspan._reading import Facts
from costspan._settings import Settings
from costspan._tracing import SpanSeed, Tracing
from costspan.pricing import Cost, Pricer

_active: "ContextVar[Observation | None]" = ContextVar("costspan_active_call", default=None)


class OpenStream(Protocol):
    """A stream that has not ended."""

    def dropped(self) -> None:
        """End it as abandoned."""


class Engine:
    """What observations need: where spans come from, what they cost, where they go. One for the process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.tracing = Tracing(settings)
        self.delivery = Delivery(settings)
        self.index = CallIndex()
        self.counters = Counters()
        self.open_streams: set[OpenStream] = set()
        # Host and port of servers that refused a request because of the option we added.
        self.refusing_usage_option: set[tuple[str | None, int | None]] = set()
        # Observations begun before a fork belong to the parent.
        self.generation = 0
        self._pricer = Pricer()

    def configure(self, settings: Settings) -> None:
        self.settings = settings
        self.refusing_usage_option.clear()
        self.tracing.configure(settings)
        self.delivery.configure(settings)

    def after_fork(self) -> None:
        self.generation += 1
        self.open_streams = set()
        self.counters.reset()
        self.index.after_fork()
        self.delivery.after_fork()

    def price(self, facts: Facts, start_ns: int) -> Cost | None:
        """What the call costs as far as is known; None if it failed before anything was used."""
        if facts.error_type is not None and facts.reading is None:
            return None
        return self._pricer.price(
            facts.provider,
            facts.response_model or facts.request_model,
            facts.reading.usage if facts.reading else None,
            datetime.fromtimestamp(start_ns // 1_000_000_000, UTC),
            tier=facts.tier,
            incomplete=facts.is_incomplete,
        )


class Observation:
    """One call from its beginning to its end. Holds neither the request, nor the response, nor the client.

    The first end wins: a stream ends by exhaustion, close, error and destruction, often by two of them.
    """

    __slots__ = (
        "__weakref__",
        "_active_token",
        "_attribution",
        "_current",
        "_end_lock",
        "_engine",
        "_generation",
        "_hidden",
        "_inner_failed",
        "_is_in_progress",
        "_name",
        "_outer",
        "_seed",
        "_start_clock_ns",
        "_start_ns",
        "_superseded",
        "facts",
    )

    def __init__(self, engine: Engine, facts: Facts) -> None:
        self.facts = facts
        self._engine = engine
        self._generation = engine.generation
        outer = _active.get()
        # A task that was begun during a call may outlive it, with the context that it inherited.
        self._is_in_progress = False
        self._outer = outer if outer is not None and outer._is_in_progress else None
        self._superseded = False
        self._inner_failed = False
        self._end_lock = threading.Lock()
        self._attribution: Attribution = _default_feature.attribution(
            None if self._outer is None else self._outer._attribution, is_wanted=engine.settings.default_feature
        )
        self._name = span_name(facts.operation, facts.request_model)
        outer_seed = self._outer._seed if self._outer is not None else None
        self._seed: SpanSeed = engine.tracing.begin(self._name, lambda: request_attributes(facts), outer_seed)
        self._start_ns = time.time_ns()
        self._start_clock_ns = time.perf_counter_ns()
        self._hidden: _context.Holding | None = None
        self._current: Any = None
        self._active_token: Token[Observation | None] | None = None

    @property
    def span_context(self) -> SpanContext:
        """The identity of the call's span."""
        return self._seed.context

    def enter(self) -> None:
        """Make this the call in progress, for what the client does meanwhile."""
        self._hidden = _context.hide()
        self._current = self._engine.tracing.make_current(self._seed)
        self._active_token = _active.set(self)
        self._is_in_progress = True

    def leave(self) -> None:
        """Undo ``enter``. Does nothing in another context than that one, where a coroutine may be destroyed."""
        self._is_in_progress = False
        if self._active_token is not None and _active.get() is self:
            self._engine.tracing.restore(self._current)
            _context.show(self._hidden)
            _active.reset(self._active_token)
        self._active_token = self._hidden = None

    def answered(self) -> None:
        """The client gave a result: if this call was made on behalf of another, this one is billed and not that."""
        if self._outer is not None:
            self._outer._superseded = True
            self._outer = None

    def first_chunk(self) -> None:
        """The first chunk of a stream has come."""
        self.facts.time_to_first_chunk_s = (time.perf_counter_ns() - self._start_clock_ns) / 1e9

    def now_ns(self) -> int:
        """The time since the epoch, on the clock of this call: it cannot run backwards within it."""
        return self._start_ns + time.perf_counter_ns() - self._start_clock_ns

    def claim_end(self) -> bool:
        """True for the first who asks: whoever ends the call. Takes no lock that could be waited for."""
        return self._end_lock.acquire(blocking=False) and self._generation == self._engine.generation

    def failed(self, error: BaseException) -> None:
        """Note the error that ended the call."""
        self.facts.error_type = type(error).__name__
        status = getattr(error, "status_code", None)
        self.facts.status_code = status if type(status) is int else None
        if self._outer is not None:
            self._outer._inner_failed = True

    def end(self, settle: Callable[[], None] | None = None) -> None:
        """End the call; ``settle`` completes its facts first. Only the first end does anything.

        Pricing and writing the span are left to the delivery thread, unless the application's own processors
        are waiting for the span.
        """
        if not self.claim_end():
            return
        end_ns = self.now_ns()
        if settle is not None:
            with guard:
                settle()
        if self._is_billed_elsewhere():
            return
        if self.facts.response_id is not None:
            self._engine.index.remember_id(self.facts.response_id, self._seed.context)
        if self._seed.application is None:
            self._engine.delivery.put(lambda: self._book(end_ns))
        else:
            self._engine.delivery.put(self._book(end_ns))

    def end_late(self, settle: Callable[[], None]) -> None:
        """As ``end``, for use in a destructor: everything but noting the time is left to the delivery thread."""
        if self.claim_end():
            end_ns = self.now_ns()

            def settle_and_book() -> ReadableSpan | None:
                with guard:
                    settle()
                return None if self._is_billed_elsewhere() else self._book(end_ns)

            self._engine.delivery.put(settle_and_book, may_start=False)

    def _is_billed_elsewhere(self) -> bool:
        """Whether the call was handed on to another observed one, which is booked in its place."""
        return self._superseded or (self._inner_failed and self.facts.error_type is not None)

    def _book(self, end_ns: int) -> ReadableSpan:
        """The finished span, priced and shown to the application."""
        facts, engine = self.facts, self._engine
        cost = None
        with guard:
            cost = engine.price(facts, self._start_ns)
        attributes = call_attributes(facts, cost, self._attribution)
        is_error = facts.error_type is not None
        span = engine.tracing.end(self._seed, self._name, attributes, self._start_ns, end_ns, is_error=is_error)
        engine.counters.add("calls")
        with guard:
            engine.tracing.show_to_application(self._seed, span)
        return span
