"""Operations: what joins several attempts at one thing, such as the retries and fallbacks of a router."""

import secrets
from contextvars import ContextVar, Token
from types import TracebackType
from typing import final

from opentelemetry.trace import SpanContext

_current: ContextVar["Operation | None"] = ContextVar("costspan_operation", default=None)


def current() -> "Operation | None":
    """The operation under way here, or None."""
    return _current.get()


@final
class Operation:
    """``with Operation() as operation:`` joins the calls made inside. Within another operation it is that one.

    ``answered`` is the call that was answered last: what the operation returns is its answer.
    """

    __slots__ = ("_token", "answered", "id")

    def __init__(self) -> None:
        self.id = secrets.token_hex(8)
        self.answered: SpanContext | None = None
        self._token: Token[Operation | None] | None = None

    def __enter__(self) -> "Operation":
        outer = _current.get()
        if outer is not None:
            return outer
        self._token = _current.set(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._token is not None:
            _current.reset(self._token)
