"""The life of one call: begun before the client is called, ended once, booked when it has ended."""

import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar, Token
from dataclasses import replace
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from costspan import _context, _default_feature, _operation
from costspan._attributes import OPERATION_ID, call_attributes, span_name
from costspan._attribution import Attribution
from costspan._engine import Engine
from costspan._facts import Facts, Output
from costspan._guard import guard
from costspan._tracing import SpanSeed
from costspan.usage import Reading
from costspan.usage.paths import getter

_STATUS = getter("status_code|raw_response.status_code|response.status_code|response.ResponseMetadata.HTTPStatusCode|code")
# That of all calls which have ended: it is never free.
_ENDED = threading.Lock()
_ENDED.acquire()
_active: "ContextVar[Observation | None]" = ContextVar("costspan_active_call", default=None)


def status_of(error: BaseException) -> int | None:
    """The HTTP status that a client's ``error`` stands for, or None."""
    status = _STATUS(error)
    return status if type(status) is int else None


def is_in_progress() -> bool:
    """Whether an observed call is in progress here."""
    call = _active.get()
    return call is not None and call._is_in_progress


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
        "_end_ns",
        "_engine",
        "_generation",
        "_hidden",
        "_inner_failed",
        "_is_in_progress",
        "_operation",
        "_outer",
        "_seed",
        "_settle",
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
        self._end_ns = 0
        self._settle: Callable[[], None] | None = None
        self._attribution: Attribution = _default_feature.attribution(
            None if self._outer is None else self._outer._attribution, is_wanted=engine.settings.default_feature
        )
        self._operation = _operation.current()
        if engine.checks.has(self._attribution.feature):
            facts.output = Output()
        outer_seed = self._outer._seed if self._outer is not None else None
        self._seed: SpanSeed = engine.tracing.begin(facts, outer_seed)
        self._start_ns = time.time_ns()
        self._start_clock_ns = time.perf_counter_ns()
        self._hidden: _context.Holding | None = None
        self._current: Any = None
        self._active_token: Token[Observation | None] | None = None

    @classmethod
    def of_record(cls, engine: Engine, facts: Facts, key: str, start_ns: int) -> "Observation":
        """A call that was made elsewhere or earlier, at ``start_ns``, as a record of it tells.

        ``key`` names it among all calls: read again, anywhere, it is the same span, and so the same call.
        """
        observation = cls(engine, facts)
        observation._seed = engine.tracing.seed_of(key)
        observation._start_ns = start_ns
        return observation

    @classmethod
    def of_turn(cls, engine: Engine, facts: Facts, start_ns: int) -> "Observation":
        """A call that began at ``start_ns`` over a connection, and was only told of since."""
        observation = cls(engine, facts)
        observation._start_clock_ns -= max(observation._start_ns - start_ns, 0)
        observation._start_ns = min(observation._start_ns, start_ns)
        return observation

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

    def during(self, step: Callable[[], Any]) -> Callable[[], Any]:
        """``step`` as a part of the call."""

        def inside() -> Any:
            with guard:
                self.enter()
            try:
                return step()
            finally:
                with guard:
                    self.leave()

        return inside

    def during_async(self, step: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
        """As ``during``."""

        async def inside() -> Any:
            with guard:
                self.enter()
            try:
                return await step()
            finally:
                with guard:
                    self.leave()

        return inside

    def answered(self) -> None:
        """The client gave a result: if this call was made on behalf of another, this one is billed and not that."""
        if self._outer is not None:
            self._outer._superseded = True
            self._outer = None
        if self._operation is not None and not self._superseded:
            self._operation.answered = self._seed.context

    def first_chunk(self) -> None:
        """The first chunk of a stream has come."""
        self.facts.time_to_first_chunk_s = (time.perf_counter_ns() - self._start_clock_ns) / 1e9

    def now_ns(self) -> int:
        """The time since the epoch, on the clock of this call: it cannot run backwards within it."""
        return self._start_ns + time.perf_counter_ns() - self._start_clock_ns

    def claim_end(self) -> bool:
        """True for the first who asks: whoever ends the call. Takes no lock that could be waited for."""
        if not self._end_lock.acquire(blocking=False):
            return False
        self._end_lock = _ENDED
        return self._generation == self._engine.generation

    def failed(self, error: BaseException) -> None:
        """Note the error that ended the call."""
        self.facts.error_type = type(error).__name__
        self.facts.status_code = status_of(error)
        if self._outer is not None:
            self._outer._inner_failed = True

    def end(self, settle: Callable[[], None] | None = None) -> None:
        """End the call; ``settle`` completes its facts first. Only the first end does anything, and none as long as the
        answer is being made in the background.

        Pricing and writing the span are left to the delivery thread, unless the application's own processors
        are waiting for the span.
        """
        if not self.claim_end():
            return
        self._end_ns = self.now_ns()
        if settle is not None:
            with guard:
                settle()
        if self._is_billed_elsewhere():
            return
        self._remember_id()
        if self.facts.is_unfinished:
            self._end_lock = threading.Lock()
            self._engine.unfinished.add(self)
            return
        if self._seed.application is None:
            self._engine.delivery.put(self)
        else:
            for span in self._book():
                self._engine.delivery.put(span)

    def end_late(self, settle: Callable[[], None]) -> None:
        """As ``end``, for use in a destructor: everything but noting the time is left to the delivery thread."""
        if self.claim_end():
            self._end_ns = self.now_ns()
            self._settle = settle
            self._engine.delivery.put(self, may_start=False)

    def items(self) -> list[ReadableSpan]:
        """The finished spans. Called once, by the delivery thread."""
        settle, self._settle = self._settle, None
        if settle is not None:
            with guard:
                settle()
            if self._is_billed_elsewhere():
                return []
            self._remember_id()
        return self._book()

    def _remember_id(self) -> None:
        if self.facts.response_id is not None:
            self._engine.index.remember_id(self.facts.response_id, self._seed.context)

    def _is_billed_elsewhere(self) -> bool:
        """Whether the call was handed on to another observed one, which is booked in its place."""
        return self._superseded or (self._inner_failed and self.facts.error_type is not None)

    def _book(self) -> list[ReadableSpan]:
        """The finished spans, priced and shown to the application: the call's own, and those of other models within it."""
        facts, engine = self.facts, self._engine
        with guard:
            facts.resolve()
        if facts.reading is None and facts.characters is not None and facts.error_type is None:
            facts.reading = Reading(dict([facts.characters]), "inclusive")
        spans: list[ReadableSpan] = []
        for model, reading in facts.partial:
            with guard:
                spans.append(self._span_of_other_model(model, reading))
        name = span_name(facts.operation, facts.request_model)
        own = self._span(self._seed, name, facts.response_model or facts.request_model, facts.reading)
        engine.counters.add("calls")
        if facts.output is not None:
            with guard:
                engine.checks.put(facts, self._attribution, self._seed.context)
        return [*spans, own]

    def _span(self, seed: SpanSeed, name: str, model: str | None, reading: Reading | None) -> ReadableSpan:
        facts, engine = self.facts, self._engine
        cost = None
        with guard:
            cost = engine.price(facts, model, reading, self._start_ns)
        attributes = call_attributes(facts, reading, cost, self._attribution)
        if self._operation is not None:
            attributes[OPERATION_ID] = self._operation.id
        elif facts.partial:
            attributes[OPERATION_ID] = format(self._seed.context.span_id, "016x")
        is_error = facts.error_type is not None
        span = engine.tracing.end(seed, name, attributes, self._start_ns, self._end_ns, is_error=is_error)
        with guard:
            engine.tracing.show_to_application(seed, span)
        return span

    def _span_of_other_model(self, model: str, reading: Reading) -> ReadableSpan:
        """The span of what another model consumed within this call: a billed call of its own, beside this one."""
        mine = self.facts
        self.facts = replace(mine, request_model=model, response_model=model, response_id=None, reading=reading, output=None)
        try:
            return self._span(self._engine.tracing.sibling(self._seed), span_name(mine.operation, model), model, reading)
        finally:
            self.facts = mine
