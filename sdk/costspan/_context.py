"""Attribution: for which feature, customer, user and session a call is made, and what its work is worth.

It rides in a context variable, so it follows tasks and ``asyncio.to_thread`` and never leaks between threads.
"""

import inspect
import math
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from functools import wraps
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar

from costspan import money

TagValue = str | int | bool | float
Function = TypeVar("Function", bound=Callable[..., Any])

_NO_TAGS: Mapping[str, TagValue] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Attribution:
    """What calls are attributed to. ``value`` is in US dollars. ``outer`` is what held before; None at the outermost."""

    feature: str | None = None
    customer: str | None = None
    user: str | None = None
    session: str | None = None
    value: Decimal | None = None
    tags: Mapping[str, TagValue] = field(default_factory=lambda: _NO_TAGS)
    outer: "Attribution | None" = None

    @property
    def is_anything(self) -> bool:
        """Whether anything at all is said."""
        return self.outer is not None

    def inside(self, outer: "Attribution") -> "Attribution":
        """This attribution within ``outer``: what it leaves open is inherited, tag by tag."""
        return Attribution(
            feature=self.feature if self.feature is not None else outer.feature,
            customer=self.customer if self.customer is not None else outer.customer,
            user=self.user if self.user is not None else outer.user,
            session=self.session if self.session is not None else outer.session,
            value=self.value if self.value is not None else outer.value,
            tags=MappingProxyType({**outer.tags, **self.tags}) if self.tags else outer.tags,
            outer=outer,
        )


NOTHING = Attribution()
_current: ContextVar[Attribution] = ContextVar("costspan_attribution", default=NOTHING)


def current() -> Attribution:
    """The attribution of calls that start now, here."""
    return _current.get()


class AttributionScope:
    """What ``feature`` and ``attribute`` return: a context manager (``with`` and ``async with``) and a decorator.

    Holds no state of its own, so one object may be entered again, by many threads and tasks at a time.
    """

    __slots__ = ("_attribution",)

    def __init__(self, attribution: Attribution) -> None:
        self._attribution = attribution

    def __enter__(self) -> Self:
        _current.set(self._attribution.inside(_current.get()))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _current.set(_current.get().outer or NOTHING)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Function) -> Function:
        """Attribute all calls made while ``function`` runs. Functions, coroutine functions and generator functions
        of both kinds stay what they are."""
        if not callable(function) or isinstance(function, type):
            raise TypeError(f"function: {function!r} cannot be decorated; give a function, not a {type(function).__name__}")
        if inspect.isasyncgenfunction(function):
            return self._around_async_generator(function)  # type: ignore[return-value]
        if inspect.isgeneratorfunction(function):
            return self._around_generator(function)  # type: ignore[return-value]
        if inspect.iscoroutinefunction(function):
            return self._around_coroutine(function)  # type: ignore[return-value]

        @wraps(function)
        def attributed(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return attributed  # type: ignore[return-value]

    def _around_coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        async def attributed(*args: Any, **kwargs: Any) -> Any:
            with self:
                return await function(*args, **kwargs)

        return attributed

    def _around_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def attributed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            generator = function(*args, **kwargs)
            body = _Body(self._attribution)
            step, argument = generator.send, None
            while True:
                try:
                    with body:
                        item = step(argument)
                except StopIteration as stop:
                    return stop.value
                try:
                    step, argument = generator.send, (yield item)
                except GeneratorExit:
                    with body:
                        generator.close()
                    raise
                except BaseException as error:
                    step, argument = generator.throw, error

        return attributed

    def _around_async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        async def attributed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            generator = function(*args, **kwargs)
            body = _Body(self._attribution)
            step, argument = generator.asend, None
            while True:
                try:
                    with body:
                        item = await step(argument)
                except StopAsyncIteration:
                    return
                try:
                    step, argument = generator.asend, (yield item)
                except GeneratorExit:
                    with body:
                        await generator.aclose()
                    raise
                except BaseException as error:
                    step, argument = generator.athrow, error

        return attributed


class _Body:
    """The attribution inside a generator's body: put in place while it runs, put aside while it waits."""

    __slots__ = ("_attribution", "_caller", "_inside")

    def __init__(self, attribution: Attribution) -> None:
        self._attribution = attribution
        self._caller = NOTHING
        self._inside: Attribution | None = None

    def __enter__(self) -> None:
        self._caller = _current.get()
        if self._inside is None:
            self._inside = self._attribution.inside(self._caller)
        _current.set(self._inside)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._inside = _current.get()
        _current.set(self._caller)


def feature(
    name: str,
    *,
    customer: str | None = None,
    user: str | None = None,
    session: str | None = None,
    value: Decimal | str | int | None = None,
    **tags: TagValue,
) -> AttributionScope:
    """Attribute all model calls inside to the feature ``name``.

    A context manager and a decorator, for sync and async code and generators. Scopes nest: what an inner one leaves
    open is inherited, what it says overrides. ``value`` is what the work is worth, in US dollars.

    Raises TypeError or ValueError for an argument of a wrong kind; floats are refused as ``value``.
    """
    return _scope(_text("name", name), customer, user, session, value, tags)


def attribute(
    *,
    customer: str | None = None,
    user: str | None = None,
    session: str | None = None,
    value: Decimal | str | int | None = None,
    **tags: TagValue,
) -> AttributionScope:
    """As ``feature``, but the feature stays what it was."""
    return _scope(None, customer, user, session, value, tags)


def _scope(
    feature_name: str | None,
    customer: str | None,
    user: str | None,
    session: str | None,
    value: Decimal | str | int | None,
    tags: Mapping[str, TagValue],
) -> AttributionScope:
    for name, tag in tags.items():
        _check_tag(name, tag)
    return AttributionScope(
        Attribution(
            feature=feature_name,
            customer=None if customer is None else _text("customer", customer),
            user=None if user is None else _text("user", user),
            session=None if session is None else _text("session", session),
            value=None if value is None else _dollars("value", value),
            tags=MappingProxyType(dict(tags)) if tags else _NO_TAGS,
        )
    )


def _text(argument: str, given: object) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{argument}: {given!r} is of type {type(given).__name__}; give a str")
    if not given.strip():
        raise ValueError(f"{argument}: {given!r} is empty; give a text with something in it")
    if not given.isascii() and given.encode("utf-8", "replace").decode() != given:
        raise ValueError(f"{argument}: {given!r} cannot be written as UTF-8; give a text without lone surrogates")
    return given


def _dollars(argument: str, given: object) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, (Decimal, str, int)):
        kind = type(given).__name__
        raise TypeError(f"{argument}: {given!r} is of type {kind}; give US dollars as a Decimal, a decimal str or an int")
    amount = money.parse(given)
    if amount is None or amount < 0:
        raise ValueError(f"{argument}: {given!r} is no amount of US dollars; give a number of at least 0, such as '0.25'")
    return amount


def _check_tag(name: str, given: object) -> None:
    if not isinstance(given, (str, int, float)):
        raise TypeError(f"{name}: {given!r} is of type {type(given).__name__}; a tag is a str, int, bool or float")
    if isinstance(given, str):
        _text(name, given)
    elif isinstance(given, float) and not math.isfinite(given):
        raise ValueError(f"{name}: {given!r} is not finite; a tag that is a float has a finite value")
    elif isinstance(given, int) and not -(2**63) <= given < 2**63:
        raise ValueError(f"{name}: {given!r} is too large; a tag that is an int has at most 64 bits")
