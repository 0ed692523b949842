"""Checks: functions of the application that judge a feature's answers, off the request path.

They run one after the other in a thread of their own, which is started for the first answer. What the thread does not
keep up with is dropped and counted: a judge must not use up the application's memory.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from opentelemetry.trace import SpanContext

from costspan._attribution import Attribution
from costspan._facts import Facts
from costspan._guard import Guard

Judgement = bool | float | str | None

_MOST_WAITING = 1_000
# Calls that a check makes itself (a model as judge) are observed, and not checked again.
_in_check: ContextVar[bool] = ContextVar("costspan_in_check", default=False)


@dataclass(frozen=True, slots=True)
class Output:
    """What a check sees of a call. ``text`` is what the model wrote, all parts and choices joined, None if it wrote none;
    ``response`` the client's own object, None for streams and for clients that build it later."""

    text: str | None
    response: Any = None
    feature: str | None = None
    customer: str | None = None
    user: str | None = None
    session: str | None = None
    tags: Mapping[str, str | int | bool | float] = field(default_factory=dict)
    request_model: str | None = None
    response_model: str | None = None
    finish_reasons: tuple[str, ...] = ()


class Check(NamedTuple):
    """One registered check: the function, and what becomes of its verdict."""

    function: Callable[[Output], Judgement]
    label: Callable[[Judgement, SpanContext, str | None], None]


_Answer = tuple[Output, SpanContext, str | None, tuple[Check, ...]]


class Checks:
    """The checks by feature, and the answers that wait for them."""

    def __init__(self) -> None:
        # What a check raises is the application's own, but nobody's whose call it would disturb.
        self.guard = Guard(BaseException)
        self.dropped = 0
        self._of_feature: dict[str, tuple[Check, ...]] = {}
        self.after_fork()

    def after_fork(self) -> None:
        """In a forked child: no thread, and nothing waits."""
        self.guard.errors.reset()
        self.dropped = 0
        self._waiting: deque[_Answer] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_busy = False

    def add(self, feature: str, check: Check) -> None:
        """Run ``check`` on the answers of ``feature`` from now on."""
        with self._changed:
            self._of_feature = {**self._of_feature, feature: (*self._of_feature.get(feature, ()), check)}

    def clear(self) -> None:
        """Forget all checks."""
        self._of_feature = {}

    def has(self, feature: str | None) -> bool:
        """Whether answers of ``feature`` are to be checked, here and now."""
        return bool(self._of_feature) and feature in self._of_feature and not _in_check.get()

    @property
    def are_any(self) -> bool:
        """Whether answers of any feature are checked."""
        return bool(self._of_feature)

    def put(self, facts: Facts, attribution: Attribution, span: SpanContext) -> None:
        """Have the answer of an ended call checked. A call that failed has none."""
        checks = self._of_feature.get(attribution.feature or "", ())
        if facts.output is None or facts.error_type is not None or not checks:
            return
        parts = facts.output.text
        output = Output(
            text="".join(parts) if parts else None,
            response=facts.output.response,
            feature=attribution.feature,
            customer=attribution.customer,
            user=attribution.user,
            session=attribution.session,
            tags=attribution.tags,
            request_model=facts.request_model,
            response_model=facts.response_model,
            finish_reasons=facts.finish_reasons,
        )
        with self._changed:
            if len(self._waiting) >= _MOST_WAITING:
                self.dropped += 1
                return
            self._waiting.append((output, span, facts.response_id, checks))
            self._changed.notify_all()
            self._start()

    def _start(self) -> bool:
        """Start the thread unless it runs. False if that is no longer possible because the process is ending."""
        if self._thread is None or not self._thread.is_alive():
            thread = threading.Thread(target=self._run, name="costspan-checks", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
        return True

    def wait(self, timeout_s: float) -> bool:
        """Wait until all that waits has been checked. False if ``timeout_s`` passed first."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while self._waiting or self._is_busy:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return False
                if self._start():
                    self._changed.wait(left_s)
                else:
                    copy_context().run(self._judge, self._waiting.popleft())
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
                while not self._waiting:
                    self._changed.wait()
                answer = self._waiting.popleft()
                self._is_busy = True
            self._judge(answer)
            del answer

    def _judge(self, answer: _Answer) -> None:
        _in_check.set(True)
        output, span, response_id, checks = answer
        for check in checks:
            with self.guard:
                verdict = check.function(output)
                if verdict is not None:
                    check.label(verdict, span, response_id)
