"""Operations: what joins several attempts at one thing, such as the retries and fallbacks of a router."""

import secrets
from contextvars import ContextVar, Token
from types import TracebackType

_current: ContextVar[str | None] = ContextVar("costspan_operation", default=None)


def current() -> str | None:
    """The id of the operation under way here, or None."""
    return _current.get()


class Operation:
    """``with Operation():`` joins the calls made inside. Within another operation it is part of that one."""

    __slots__ = ("_token",)

    def __init__(self) -> None:
        self._token: Token[str | None] | None = None

    def __enter__(self) -> None:
        if _current.get() is None:
            self._token = _current.set(secrets.token_hex(8))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._token is not None:
            _current.reset(self._token)
