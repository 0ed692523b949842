"""Where attribution holds. It rides in a context variable and in the baggage of the current OpenTelemetry context.

So it follows tasks, ``asyncio.to_thread`` and, by ``_threads``, work that is given to threads; the baggage goes wherever
the application's own propagation goes. What is said here comes before what came with the baggage.
"""

import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextvars import ContextVar
from decimal import Decimal
from functools import wraps
from types import TracebackType
from typing import Any, Self, TypeVar

from opentelemetry import context as context_api
from opentelemetry.context import Context

from costspan import _baggage
from costspan._attribution import NOTHING, Attribution, TagValue, attribution
from costspan._guard import guard

Function = TypeVar("Function", bound=Callable[..., Any])


class Holding:
    """One attribution in force, what held before it, and the OpenTelemetry contexts before and after it came.

    ``known`` is what holds, with the baggage that was read for it: one value, since threads and tasks may share this.
    ``hiding`` is what ``hide`` last made here.
    """

    __slots__ = ("after", "attribution", "before", "hiding", "known", "outer")

    def __init__(self, said: Attribution, outer: "Holding | None") -> None:
        self.attribution = said
        self.outer = outer
        self.before: Context | None = None
        self.after: Context | None = None
        self.known: tuple[Mapping[str, object], Attribution] | None = None
        self.hiding: Holding | None = None


_holding: ContextVar[Holding | None] = ContextVar("costspan_attribution", default=None)


def current() -> Attribution:
    """The attribution of calls that start now, here: what the code says, over what came in the baggage."""
    holding = _holding.get()
    entries = _baggage.entries_of(context_api.get_current())
    if holding is None:
        return _baggage.read(entries) if entries else NOTHING
    known = holding.known
    if known is None or known[0] is not entries:
        known = holding.known = (entries, holding.attribution.inside(_baggage.read(entries)))
    return known[1]


def enter(said: Attribution) -> Holding:
    """Let nothing but ``said`` and the baggage hold from now on. Give the result to ``leave``."""
    holding = Holding(said, _holding.get())
    _holding.set(holding)
    with guard:
        _attach(holding, _baggage.with_attribution(context_api.get_current(), said))
    return holding


def leave(holding: Holding) -> None:
    """Undo ``enter`` or ``hide``. What the application has attached meanwhile and not detached stays."""
    _holding.set(holding.outer)
    # They refer to each other, which would leave them to the garbage collector.
    holding.hiding = None
    if holding.before is None:
        return
    with guard:
        now = context_api.get_current()
        then = holding.before if now is holding.after else _baggage.with_ours_of(holding.before, now)
        if then is not now:
            context_api.attach(then)


def hide() -> Holding | None:
    """Take our entries out of the current baggage, so that nothing sends them; what they say holds on.

    For as long as a model client works: the provider is not to hear of them. Give the result to ``show``.
    """
    now = context_api.get_current()
    outer = _holding.get()
    if outer is not None and (known := outer.hiding) is not None and known.before is now and known.after is not None:
        _holding.set(known)
        context_api.attach(known.after)
        return known
    if not _baggage.has_ours(_baggage.entries_of(now)):
        return None
    holding = Holding(current(), outer)
    _holding.set(holding)
    _attach(holding, _baggage.without_ours(now))
    if outer is not None:
        outer.hiding = holding
    return holding


def show(holding: Holding | None) -> None:
    """Undo ``hide``."""
    if holding is not None:
        leave(holding)


class Hidden:
    """``with Hidden():`` hides and shows again: around whatever may send a request to a provider later."""

    __slots__ = ("_holding",)

    def __enter__(self) -> None:
        self._holding = None
        with guard:
            self._holding = hide()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with guard:
            show(self._holding)


def _attach(holding: Holding, after: Context) -> None:
    holding.before, holding.after = context_api.get_current(), after
    if after is not holding.before:
        # The token is of no use: a scope may be left in another context than the one in which it was entered.
        context_api.attach(after)


class AttributionScope:
    """What ``feature`` and ``attribute`` return: a context manager (``with`` and ``async with``) and a decorator.

    Holds no state of its own, so one object may be entered again, by many threads and tasks at a time.
    """

    __slots__ = ("_attribution",)

    def __init__(self, said: Attribution) -> None:
        self._attribution = said

    def __enter__(self) -> Self:
        outer = _holding.get()
        enter(self._attribution if outer is None else self._attribution.inside(outer.attribution))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        holding = _holding.get()
        if holding is not None:
            leave(holding)

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

    __slots__ = ("_attribution", "_frame", "_inside")

    def __init__(self, said: Attribution) -> None:
        self._attribution = said
        # The outermost attribution of the body, and the one that held where it last waited.
        self._frame: Holding | None = None
        self._inside: Holding | None = None

    def __enter__(self) -> None:
        outer = _holding.get()
        said = self._attribution if outer is None else self._attribution.inside(outer.attribution)
        if self._inside is not None:
            said = self._inside.attribution
        self._frame = enter(said)
        if self._inside is not None:
            _holding.set(self._inside)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._inside = _holding.get()
        if self._frame is not None:
            leave(self._frame)


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

    It goes along in the W3C baggage of the current OpenTelemetry context to the services that are called inside, but
    never to a model provider. Raises TypeError or ValueError for an argument of a wrong kind; floats are refused as
    ``value``.
    """
    return AttributionScope(attribution(name, customer, user, session, value, tags))


def attribute(
    *,
    customer: str | None = None,
    user: str | None = None,
    session: str | None = None,
    value: Decimal | str | int | None = None,
    **tags: TagValue,
) -> AttributionScope:
    """As ``feature``, but the feature stays what it was."""
    return AttributionScope(attribution(None, customer, user, session, value, tags))
