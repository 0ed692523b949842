"""Streams: two transparent proxies, sync and async, that know no provider, and what they report to.

A proxy is its stream to ``isinstance``, has its attributes and methods, and hands every chunk on as it came. The end
is told once, whether the stream was drained, closed, failed or dropped. Nothing here keeps a stream alive.
"""

import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

import wrapt

from costspan._guard import guard
from costspan._observe import Engine, Observation
from costspan._reading import ChunkReader

_CLOSING = ("close", "aclose")


class StreamWatch:
    """What is known of one stream while it flows. Refers to the call, never to the stream or a chunk of it.

    ``forget_usage`` is given where usage was asked for in the caller's place: the chunk that brings it is held
    back, and the others are made to look as if nobody had asked.
    """

    __slots__ = ("__weakref__", "_chunks", "_engine", "_forget_usage", "_has_begun", "_is_pulling", "observation")

    def __init__(
        self,
        engine: Engine,
        observation: Observation,
        chunks: ChunkReader,
        forget_usage: Callable[[Any], None] | None = None,
    ) -> None:
        self.observation = observation
        self._engine = engine
        self._chunks = chunks
        self._forget_usage = forget_usage
        self._has_begun = False
        self._is_pulling = False
        engine.open_streams.add(self)
        engine.delivery.start()

    def pull(self, step: Callable[[], Any]) -> Any:
        """The next chunk for the caller, from ``step``. Its exceptions pass; so does StopIteration."""
        while True:
            self._is_pulling = True
            try:
                chunk = step()
            except StopIteration:
                self.drained()
                raise
            except BaseException as error:
                self.failed(error)
                raise
            finally:
                self._is_pulling = False
            if self.take(chunk):
                return chunk

    async def pull_async(self, step: Callable[[], Awaitable[Any]]) -> Any:
        """As ``pull``."""
        while True:
            self._is_pulling = True
            try:
                chunk = await step()
            except StopAsyncIteration:
                self.drained()
                raise
            except BaseException as error:
                self.failed(error)
                raise
            finally:
                self._is_pulling = False
            if self.take(chunk):
                return chunk

    def take(self, chunk: Any) -> bool:
        """Look at a chunk that has come. True if the caller is to see it."""
        is_for_caller = True
        with guard:
            if not self._has_begun:
                self._has_begun = True
                self.observation.first_chunk()
            is_only_usage = self._chunks.read(chunk)
            if self._forget_usage is not None:
                is_for_caller = not is_only_usage
                self._forget_usage(chunk)
        return is_for_caller

    def drained(self) -> None:
        """The stream was read to its end."""
        self._end(is_drained=True)

    def failed(self, error: BaseException) -> None:
        """Reading the stream raised ``error``."""
        self._end(error=error)

    def closed(self) -> None:
        """The stream was closed. What closes while a chunk is being read is the client, and the reading tells why."""
        if not self._is_pulling:
            self._end()

    def dropped(self) -> None:
        """The stream was destroyed, or the process ends. Called from destructors: only notes the end."""
        with guard:
            self._engine.open_streams.discard(self)
            self.observation.end_late(lambda: self._settle(is_drained=False))

    def _end(self, *, is_drained: bool = False, error: BaseException | None = None) -> None:
        with guard:
            self._engine.open_streams.discard(self)

            def settle() -> None:
                if error is not None:
                    self.observation.failed(error)
                self._settle(is_drained=is_drained)

            self.observation.end(settle)

    def _settle(self, *, is_drained: bool) -> None:
        self._chunks.settle(is_drained=is_drained)


if TYPE_CHECKING:
    ObjectProxy = wrapt.ObjectProxy[Any]
else:
    ObjectProxy = wrapt.ObjectProxy


class _StreamProxy(ObjectProxy):
    def __init__(self, stream: Any, watch: StreamWatch) -> None:
        super().__init__(stream)
        self._self_watch = watch


class SyncStreamProxy(_StreamProxy):
    """A sync stream under observation."""

    def __next__(self) -> Any:
        return self._self_watch.pull(self.__wrapped__.__next__)

    def __iter__(self) -> Iterator[Any]:
        pull, step = self._self_watch.pull, iter(self.__wrapped__).__next__
        while True:
            try:
                chunk = pull(step)
            except StopIteration:
                return
            yield chunk

    def __enter__(self) -> Any:
        entered = self.__wrapped__.__enter__()
        return self if entered is self.__wrapped__ else entered

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> Any:
        try:
            return self.__wrapped__.__exit__(kind, error, trace)
        finally:
            self._self_watch.closed()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.__wrapped__, name)
        return _closing(value, self._self_watch) if name in _CLOSING else value


class AsyncStreamProxy(_StreamProxy):
    """An async stream under observation."""

    async def __anext__(self) -> Any:
        return await self._self_watch.pull_async(self.__wrapped__.__anext__)

    async def __aiter__(self) -> AsyncIterator[Any]:
        pull, step = self._self_watch.pull_async, aiter(self.__wrapped__).__anext__
        while True:
            try:
                chunk = await pull(step)
            except StopAsyncIteration:
                return
            yield chunk

    async def __aenter__(self) -> Any:
        entered = await self.__wrapped__.__aenter__()
        return self if entered is self.__wrapped__ else entered

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> Any:
        try:
            return await self.__wrapped__.__aexit__(kind, error, trace)
        finally:
            self._self_watch.closed()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.__wrapped__, name)
        return _closing_async(value, self._self_watch) if name in _CLOSING else value


def _closing(close: Callable[..., Any], watch: StreamWatch) -> Callable[..., Any]:
    def closing(*args: Any, **kwargs: Any) -> Any:
        try:
            return close(*args, **kwargs)
        finally:
            watch.closed()

    return closing


def _closing_async(close: Callable[..., Any], watch: StreamWatch) -> Callable[..., Any]:
    async def closing(*args: Any, **kwargs: Any) -> Any:
        try:
            return await close(*args, **kwargs)
        finally:
            watch.closed()

    return closing


class _SyncSteps:
    """Takes the place of a sync stream's own iterator."""

    def __init__(self, steps: Any, watch: StreamWatch) -> None:
        self._steps = steps
        self._watch = watch

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._watch.pull(self._steps.__next__)


class _AsyncSteps:
    """Takes the place of an async stream's own iterator."""

    def __init__(self, steps: Any, watch: StreamWatch) -> None:
        self._steps = steps
        self._watch = watch

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        return await self._watch.pull_async(self._steps.__anext__)


def observed_stream(stream: Any, watch: StreamWatch, iterator: str) -> Any:
    """``stream`` under observation by ``watch``: a proxy, or where none will do, the stream itself.

    The class of a stream may not accept a proxy as its instance (those of anthropic before 1.0 accept nothing but
    themselves); then the attribute ``iterator``, from which the stream takes its chunks, is replaced. What cannot be
    iterated over is no stream: it is returned as it is, and ``watch`` is told that it has ended.
    """
    kind = type(stream)
    is_async = hasattr(kind, "__anext__") or hasattr(kind, "__aiter__")
    if not is_async and not hasattr(kind, "__next__") and not hasattr(kind, "__iter__"):
        watch.closed()
        return stream
    proxy = AsyncStreamProxy(stream, watch) if is_async else SyncStreamProxy(stream, watch)
    if not isinstance(proxy, kind) and hasattr(stream, iterator):
        steps = getattr(stream, iterator)
        setattr(stream, iterator, _AsyncSteps(steps, watch) if is_async else _SyncSteps(steps, watch))
        proxy = stream
    # Only the one that the caller holds tells by its destruction that the stream was dropped.
    weakref.finalize(proxy, watch.dropped).atexit = False
    return proxy
