"""Taps before the bytes of an HTTP response: usage is read as they pass, and the response stays the caller's own.

The same taps tell when a parsed stream's response is closed behind its back, as some helpers of clients do.
"""

import weakref
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

import wrapt

from costspan._bytes import BodyReader, ByteReader, reader_of
from costspan._chunks import ChunkReader, EncodedChunks
from costspan._engine import Engine
from costspan._guard import guard
from costspan._observe import Observation
from costspan._reading import EndpointReader
from costspan._stream import StreamWatch

_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}

# Answers of these types have no usage in them to miss.
_WORDLESS = ("audio/", "image/", "video/", "application/octet-stream")

if TYPE_CHECKING:
    ObjectProxy = wrapt.ObjectProxy[Any]
else:
    ObjectProxy = wrapt.ObjectProxy


class RawWatch(StreamWatch):
    """Watches the bytes of a response that its caller reads in whatever way."""

    __slots__ = ("_decoder", "_is_unreadable", "_reader")

    def __init__(
        self, engine: Engine, observation: Observation, chunks: ChunkReader, reader: ByteReader | None, encoding: str = ""
    ) -> None:
        super().__init__(engine, observation, chunks)
        self._decoder = zlib.decompressobj(_WINDOW_BITS[encoding]) if encoding in _WINDOW_BITS else None
        is_known = encoding in (*_WINDOW_BITS, "", "identity")
        self._reader = reader if is_known else None
        self._is_unreadable = not is_known

    @classmethod
    def of_response(cls, engine: Engine, observation: Observation, reader: EndpointReader, response: Any) -> "RawWatch":
        """A watch for a bare HTTP response (httpx, or what has its headers)."""
        facts = observation.facts
        chunks = ChunkReader(reader, facts)
        encoded = EncodedChunks(chunks, reader)
        content_type = response.headers.get("content-type", "")
        encoding = response.headers.get("content-encoding", "").strip().lower()
        watch = cls(engine, observation, chunks, reader_of(content_type, reader, facts, encoded), encoding)
        watch._is_unreadable |= watch._reader is None and not content_type.startswith(_WORDLESS)
        return watch

    def feed(self, data: bytes) -> None:
        """Bytes of the body have come."""
        with guard:
            if not self._has_begun:
                self._has_begun = True
                if self.observation.facts.is_stream:
                    self.observation.first_chunk()
            if self._reader is not None:
                self._reader.feed(data if self._decoder is None else self._decoder.decompress(data))
                if self._reader.is_done:
                    self.drained()

    def already_read(self, body: bytes) -> None:
        """The response was read before the caller got it: ``body`` is all of it, decoded."""
        self._decoder = None
        self.feed(body)
        self.drained()

    def _settle(self, *, is_drained: bool) -> None:
        facts, reader = self.observation.facts, self._reader
        if reader is not None:
            reader.finish()
        if reader is None or isinstance(reader, BodyReader):
            facts.is_incomplete = facts.reading is None and (not is_drained or self._is_unreadable)
        else:
            super()._settle(is_drained=is_drained)


class ByteTap(ObjectProxy):
    """Stands before the byte stream of an HTTP response and tells ``watch`` what passes, and that it was closed."""

    def __init__(self, stream: Any, watch: StreamWatch) -> None:
        super().__init__(stream)
        self._self_watch = watch

    def __iter__(self) -> Iterator[bytes]:
        watch = self._self_watch
        return _tapped(self.__wrapped__, watch) if isinstance(watch, RawWatch) else iter(self.__wrapped__)

    def __aiter__(self) -> AsyncIterator[bytes]:
        watch = self._self_watch
        return _tapped_async(self.__wrapped__, watch) if isinstance(watch, RawWatch) else aiter(self.__wrapped__)

    def close(self) -> Any:
        try:
            return self.__wrapped__.close()
        finally:
            self._self_watch.closed()

    async def aclose(self) -> Any:
        try:
            return await self.__wrapped__.aclose()
        finally:
            self._self_watch.closed()


def _tapped(stream: Any, watch: RawWatch) -> Iterator[bytes]:
    try:
        for data in stream:
            watch.feed(data)
            yield data
    except GeneratorExit:
        raise
    except BaseException as error:
        watch.failed(error)
        raise
    watch.drained()


async def _tapped_async(stream: Any, watch: RawWatch) -> AsyncIterator[bytes]:
    try:
        async for data in stream:
            watch.feed(data)
            yield data
    except GeneratorExit:
        raise
    except BaseException as error:
        watch.failed(error)
        raise
    watch.drained()


def tap(response: Any, watch: StreamWatch) -> bool:
    """Put a tap before the byte stream of ``response``. False if it has none, or none that is still open."""
    stream = getattr(response, "stream", None)
    if stream is None or response.is_closed:
        return False
    response.stream = tapped = ByteTap(stream, watch)
    if isinstance(watch, RawWatch):
        weakref.finalize(tapped, watch.dropped).atexit = False
    return True


class ReadTap(ObjectProxy):
    """Stands before a file-like source of bytes (a urllib3 or aiohttp response) and tells ``watch`` what is read."""

    def __init__(self, source: Any, watch: RawWatch) -> None:
        super().__init__(source)
        self._self_watch = watch

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.__wrapped__, name)
        return AsyncReadTap(value, self._self_watch) if name == "content" and hasattr(value, "readany") else value

    def read(self, *args: Any, **kwargs: Any) -> Any:
        return _taken(self.__wrapped__.read, self._self_watch, args, kwargs)

    def readinto(self, buffer: Any) -> Any:
        count = self.__wrapped__.readinto(buffer)
        self._self_watch.feed(bytes(memoryview(buffer)[:count]))
        if not count:
            self._self_watch.drained()
        return count

    def readlines(self, *args: Any) -> Any:
        lines = self.__wrapped__.readlines(*args)
        self._self_watch.feed(b"".join(lines))
        self._self_watch.drained()
        return lines

    def close(self) -> Any:
        try:
            return self.__wrapped__.close()
        finally:
            self._self_watch.closed()


def _taken(read: Callable[..., Any], watch: RawWatch, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        data = read(*args, **kwargs)
    except BaseException as error:
        watch.failed(error)
        raise
    watch.feed(data)
    if not data or not args or args[0] is None:
        watch.drained()
    return data


class AsyncReadTap(ObjectProxy):
    """As ``ReadTap``, for the ``content`` of an aiohttp response."""

    def __init__(self, source: Any, watch: RawWatch) -> None:
        super().__init__(source)
        self._self_watch = watch

    async def read(self, count: int = -1) -> Any:
        watch = self._self_watch
        try:
            data = await self.__wrapped__.read(count)
        except BaseException as error:
            watch.failed(error)
            raise
        watch.feed(data)
        if not data or count < 0:
            watch.drained()
        return data


class OpeningTap(ObjectProxy):
    """Stands before a context manager that sends a request when it is entered and gives the HTTP response, which is
    handed to ``opened``."""

    def __init__(self, manager: Any, observation: Observation, opened: Callable[[Any], None]) -> None:
        super().__init__(manager)
        self._self_observation = observation
        self._self_opened = opened

    def __enter__(self) -> Any:
        try:
            response = self._self_observation.during(self.__wrapped__.__enter__)()
        except BaseException as error:
            _failed(self._self_observation, error)
            raise
        self._self_opened(response)
        return response

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> Any:
        return self.__wrapped__.__exit__(kind, error, trace)

    async def __aenter__(self) -> Any:
        try:
            response = await self._self_observation.during_async(self.__wrapped__.__aenter__)()
        except BaseException as error:
            _failed(self._self_observation, error)
            raise
        self._self_opened(response)
        return response

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> Any:
        return await self.__wrapped__.__aexit__(kind, error, trace)


def _failed(observation: Observation, error: BaseException) -> None:
    with guard:
        observation.failed(error)
        observation.end()
