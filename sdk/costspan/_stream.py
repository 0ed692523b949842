"""Streams under observation: chunks are looked at as they pass, and the end is told once.

The caller's stream stays the very object that the client made: what it takes its chunks from is replaced. A generator,
which hides that, is handed on as a generator. Nothing here keeps a stream or a chunk alive.
"""

import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from functools import partial
from inspect import isasyncgen, isgenerator
from typing import Any

from costspan._chunks import ChunkReader, EncodedChunks
from costspan._engine import Engine
from costspan._guard import guard
from costspan._observe import Observation
from costspan._quick_pass import QuickPass, not_yet

Forget = Callable[[Any, str], None]


class StreamWatch:
    """What is known of one stream while it flows. Refers to the call, never to the stream or a chunk of it.

    With ``holds_back`` usage was asked for in the caller's place, and the chunk that brings nothing else is not for the
    caller. ``forget`` makes the others look as if nobody had asked, by the name of their field.
    """

    __slots__ = (
        "__weakref__",
        "_chunks",
        "_engine",
        "_forget",
        "_has_begun",
        "_holds_back",
        "_is_pulling",
        "_passes",
        "_usage_field",
        "observation",
    )

    def __init__(
        self,
        engine: Engine,
        observation: Observation,
        chunks: ChunkReader,
        *,
        holds_back: bool = False,
        forget: Forget | None = None,
        usage_field: str = "",
    ) -> None:
        self.observation = observation
        self._engine = engine
        self._chunks = chunks
        self._holds_back = holds_back
        self._forget = forget
        self._usage_field = usage_field
        self._has_begun = False
        self._is_pulling = False
        self._passes: QuickPass = not_yet
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
            if guard.ask(self._passes, chunk, False) or guard.ask(self.take, chunk, True):
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
            if guard.ask(self._passes, chunk, False) or guard.ask(self.take, chunk, True):
                return chunk

    def take(self, chunk: Any) -> bool:
        """Read a chunk that has come and found no quick pass. True if the caller is to see it."""
        if not self._has_begun:
            self._has_begun = True
            self.observation.first_chunk()
        if self._chunks.read(chunk) and self._holds_back:
            return False
        if self._forget is not None:
            self._forget(chunk, self._usage_field)
        if self._passes is not_yet:
            self._passes = self._chunks.quick_pass(chunk, forgets=self._forget is not None)
        return True

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


class EncodedStreamWatch(StreamWatch):
    """Watches a stream whose chunks hold JSON text, which ``decode`` takes out of a chunk; None where there is none."""

    __slots__ = ("_decode", "_encoded")

    def __init__(
        self,
        engine: Engine,
        observation: Observation,
        chunks: ChunkReader,
        encoded: EncodedChunks,
        decode: Callable[[Any], bytes | str | None],
        *,
        holds_back: bool,
    ) -> None:
        super().__init__(engine, observation, chunks, holds_back=holds_back)
        self._encoded = encoded
        self._decode = decode

    def take(self, chunk: Any) -> bool:
        """Look at a chunk that has come. True if the caller is to see it."""
        if not self._has_begun:
            self._has_begun = True
            self.observation.first_chunk()
        data = self._decode(chunk)
        return data is None or not self._encoded.feed(data) or not self._holds_back

    def _settle(self, *, is_drained: bool) -> None:
        self._encoded.finish()
        super()._settle(is_drained=is_drained)


class _Steps:
    """Takes the place of what a sync stream takes its chunks from."""

    def __init__(self, steps: Any, watch: StreamWatch) -> None:
        self._steps = iter(steps)
        self._next = self._steps.__next__
        self._watch = watch

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._watch.pull(self._next)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._steps, name)


class _AsyncSteps:
    """Takes the place of what an async stream takes its chunks from."""

    def __init__(self, steps: Any, watch: StreamWatch) -> None:
        self._steps = aiter(steps)
        self._next = self._steps.__anext__
        self._watch = watch

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        return await self._watch.pull_async(self._next)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._steps, name)


def _generator(steps: Generator[Any, Any, Any], watch: StreamWatch) -> Generator[Any, Any, Any]:
    # A generator sends its request when it is asked for the first chunk, and not before.
    step: Callable[[], Any] = watch.observation.during(steps.__next__)
    try:
        while True:
            try:
                chunk = watch.pull(step)
            except StopIteration as stop:
                return stop.value
            try:
                sent = yield chunk
            except GeneratorExit:
                raise
            except BaseException as error:
                step = partial(steps.throw, error)
            else:
                step = steps.__next__ if sent is None else partial(steps.send, sent)
    finally:
        steps.close()
        watch.dropped()


async def _async_generator(steps: AsyncGenerator[Any, Any], watch: StreamWatch) -> AsyncGenerator[Any, Any]:
    step: Callable[[], Awaitable[Any]] = watch.observation.during_async(steps.__anext__)
    try:
        while True:
            try:
                chunk = await watch.pull_async(step)
            except StopAsyncIteration:
                return
            try:
                sent = yield chunk
            except GeneratorExit:
                raise
            except BaseException as error:
                step = partial(steps.athrow, error)
            else:
                step = steps.__anext__ if sent is None else partial(steps.asend, sent)
    finally:
        await steps.aclose()
        watch.dropped()


def observed_stream(stream: Any, watch: StreamWatch, iterator: str) -> Any:
    """``stream`` under observation by ``watch``: the same object, or for a generator one of the same kind.

    ``iterator`` names the attribute that the stream takes its chunks from. What is neither a generator nor has that
    attribute is returned as it is, and ``watch`` is told that it has ended: nothing more will be seen of it.
    """
    if isgenerator(stream):
        observed: Any = _generator(stream, watch)
    elif isasyncgen(stream):
        observed = _async_generator(stream, watch)
    elif iterator and (steps := getattr(stream, iterator, None)) is not None:
        observed = stream
        setattr(stream, iterator, _AsyncSteps(steps, watch) if hasattr(steps, "__anext__") else _Steps(steps, watch))
    else:
        watch.closed()
        return stream
    # Only the one that the caller holds tells by its destruction that the stream was dropped.
    weakref.finalize(observed, watch.dropped).atexit = False
    return observed
