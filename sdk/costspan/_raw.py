"""Bare HTTP responses, as callers get them who want no parsed object: usage read from the bytes as they pass.

The caller's response is left as it is but for its byte stream, which a transparent proxy stands before. The same
proxy tells when a parsed stream's response is closed behind its back, as some helpers of clients do.
"""

import json
import re
import weakref
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol

from costspan._guard import guard
from costspan._observe import Engine, Observation
from costspan._reading import ChunkReader, EndpointReader
from costspan._stream import ObjectProxy, StreamWatch

_LARGEST_BODY = 64 * 1024 * 1024
# Lines of an event stream that can tell something, after the first.
_TELLING = re.compile(rb'"usage"\s*:\s*\{|"(?:finish|stop)_reason"\s*:\s*"')
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class ByteReader(Protocol):
    """Takes the decoded bytes of a body as they come; ``finish`` when the last have."""

    def feed(self, data: bytes) -> None: ...

    def finish(self) -> None: ...


class EventStreamReader:
    """Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) for a chunk reader."""

    def __init__(self, chunks: ChunkReader) -> None:
        self._chunks = chunks
        self._rest = b""
        self._has_begun = False

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:") and (not self._has_begun or _TELLING.search(line)):
                with guard:
                    chunk = _json_or_none(line[5:])
                    if chunk is not None:
                        self._has_begun = True
                        self._chunks.read(chunk)

    def finish(self) -> None:
        self.feed(b"\n")


class JsonBodyReader:
    """Reads one JSON body for an endpoint's reader."""

    def __init__(self, reader: EndpointReader, observation: Observation) -> None:
        self._reader = reader
        self._observation = observation
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= _LARGEST_BODY:
            self._parts.append(data)

    def finish(self) -> None:
        if self._size <= _LARGEST_BODY and (body := _json_or_none(b"".join(self._parts))) is not None:
            self._reader.read_body(self._observation.facts, body)
        self._parts = []


class RawWatch(StreamWatch):
    """Watches the bytes of a response that its caller reads in whatever way."""

    __slots__ = ("_decoder", "_is_event_stream", "_reader")

    def __init__(self, engine: Engine, observation: Observation, reader: EndpointReader, response: Any) -> None:
        chunks = ChunkReader(reader, observation.facts)
        super().__init__(engine, observation, chunks)
        content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = response.headers.get("content-encoding", "").strip().lower()
        self._decoder = zlib.decompressobj(_WINDOW_BITS[encoding]) if encoding in _WINDOW_BITS else None
        self._is_event_stream = content_type == "text/event-stream"
        self._reader: ByteReader | None = None
        if encoding not in (*_WINDOW_BITS, "", "identity"):
            return
        if self._is_event_stream:
            self._reader = EventStreamReader(chunks)
        elif content_type.endswith("json"):
            self._reader = JsonBodyReader(reader, observation)

    def feed(self, data: bytes) -> None:
        """Bytes of the body have come."""
        with guard:
            if not self._has_begun:
                self._has_begun = True
                if self.observation.facts.is_stream:
                    self.observation.first_chunk()
            if self._reader is not None:
                self._reader.feed(data if self._decoder is None else self._decoder.decompress(data))

    def already_read(self, body: bytes) -> None:
        """The response was read before the caller got it: ``body`` is all of it, decoded."""
        self._decoder = None
        self.feed(body)
        self.drained()

    def drained(self) -> None:
        """The last byte has come."""
        with guard:
            if self._reader is not None:
                self._reader.finish()
        super().drained()

    def _settle(self, *, is_drained: bool) -> None:
        facts = self.observation.facts
        if self._is_event_stream:
            super()._settle(is_drained=is_drained)
        else:
            facts.is_incomplete = facts.reading is None and (not is_drained or self._reader is None)


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


def _json_or_none(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
