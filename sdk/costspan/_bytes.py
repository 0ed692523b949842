"""Bytes of an HTTP body to the facts of one call, as they pass. One reader for each form of body."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from costspan._chunks import EncodedChunks, json_or_none
from costspan._event_stream import event_text, frames
from costspan._facts import Facts
from costspan._reading import EndpointReader

# OpenAI's mark of a stream's end, after which some clients read no further.
_DONE = b"data: [DONE]"
# The last event of Anthropic's that tells anything (https://docs.anthropic.com/en/docs/build-with-claude/streaming): litellm
# reads no further, and holds on to the stream.
_LAST = re.compile(rb'data: ?\{"type": ?"message_delta".*"stop_reason": ?"')
LARGEST_BODY_BYTES = 64 * 1024 * 1024


class ByteReader(Protocol):
    """Takes the decoded bytes of a body as they come; ``finish`` when the last have. ``is_done``: nothing more will come
    that tells anything, though the body may go on."""

    is_done: bool

    def feed(self, data: bytes) -> None: ...

    def finish(self) -> None: ...


class LineReader:
    """Reads lines of JSON (https://github.com/ndjson/ndjson-spec), and server-sent events, whose data lines they are
    (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

    def __init__(self, chunks: EncodedChunks) -> None:
        self._chunks = chunks
        self._rest = b""
        self.is_done = False

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(_DONE):
                self.is_done = True
            elif line.startswith(b"data:"):
                self._chunks.feed(line[5:])
                self.is_done = self.is_done or _LAST.match(line) is not None
            elif line.startswith(b"{"):
                self._chunks.feed(line)

    def finish(self) -> None:
        self.feed(b"\n")
        self._chunks.finish()


class EventStreamReader:
    """Reads frames of Amazon's event stream encoding."""

    is_done = False

    def __init__(self, chunks: EncodedChunks) -> None:
        self._chunks = chunks
        self._rest = b""

    def feed(self, data: bytes) -> None:
        found, self._rest = frames(self._rest + data)
        for event_type, payload in found:
            if (text := event_text(event_type, payload)) is not None:
                self._chunks.feed(text)

    def finish(self) -> None:
        self._chunks.finish()


class BodyReader:
    """Reads one JSON body. ``figures`` are those of its response's headers, which stand beside it."""

    is_done = False

    def __init__(self, reader: EndpointReader, facts: Facts, figures: Mapping[str, int] | None = None) -> None:
        self._reader = reader
        self._facts = facts
        self._figures = figures
        self._parts: list[bytes] = []
        self._size_bytes = 0

    def feed(self, data: bytes) -> None:
        self._size_bytes += len(data)
        if self._size_bytes <= LARGEST_BODY_BYTES:
            self._parts.append(data)

    def finish(self) -> None:
        data, self._parts = b"".join(self._parts), []
        read_encoded(self._reader, self._facts, data if self._size_bytes <= LARGEST_BODY_BYTES else b"", self._figures)


def read_encoded(reader: EndpointReader, facts: Facts, data: bytes | str, figures: Mapping[str, int] | None) -> None:
    """Add what a whole body, as JSON text, and the ``figures`` of its headers tell."""
    body: Any = json_or_none(data) if data else None
    if figures:
        body = {**body, "headers": figures} if isinstance(body, dict) else {"headers": figures}
    if body is not None:
        reader.read_body(facts, body)


def reader_of(content_type: str, reader: EndpointReader, facts: Facts, chunks: EncodedChunks) -> ByteReader | None:
    """The reader for a body of ``content_type``; None for one that tells nothing, such as audio."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/vnd.amazon.eventstream":
        return EventStreamReader(chunks)
    if kind == "text/event-stream" or (facts.is_stream and (kind.startswith(("application/", "text/")) or not kind)):
        return LineReader(chunks)
    return BodyReader(reader, facts) if kind.endswith("json") or not kind else None
