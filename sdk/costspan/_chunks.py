"""From the chunks of a stream to the facts of one call. Knows no provider, keeps no chunk."""

import json
import re
from typing import Any

from costspan._facts import Facts, texts
from costspan._guard import guard
from costspan._quick_pass import QuickPass, never, not_yet, quick_pass
from costspan._reading import EndpointReader, FieldReader
from costspan.usage.paths import step

_USAGE = re.compile(
    r'"(?:usage|usageMetadata|usage_metadata|amazon-bedrock-invocationMetrics|billed_units|prompt_eval_count|eval_count|x_groq)"\s*:'
    r"\s*[{0-9]"
)
_ENDING = re.compile(r'"(?:finish|stop|done)_?[rR]eason"\s*:\s*"')
# The chunk that only usage was asked for (https://platform.openai.com/docs/api-reference/chat/create).
_EMPTY = re.compile(r'"choices"\s*:\s*\[\s*\]')
_EMPTY_BYTES = re.compile(_EMPTY.pattern.encode())
_USAGE_BYTES = re.compile(_USAGE.pattern.encode())
_ENDING_BYTES = re.compile(_ENDING.pattern.encode())


class ChunkReader:
    """Reads the chunks of one stream as they pass, and keeps no chunk: at most the usage object of one.

    Figures are final when usage came with or after a finish reason; running totals may come before. A stream whose
    chunks are all alike has no other mark of its end than its end.
    """

    __slots__ = ("_fields", "_final", "_finish_reasons", "_reader", "_source", "_usage", "facts")

    def __init__(self, reader: EndpointReader, facts: Facts) -> None:
        self.facts = facts
        self._reader = reader
        self._finish_reasons: list[str] = []
        self._usage: Any = None
        self._source: Any = None
        self._fields: FieldReader | None = None
        self._final = False

    def read(self, chunk: Any) -> bool:
        """Take what ``chunk`` tells. True if it carries usage and no content: a chunk that only usage was asked for."""
        reader, facts = self._reader, self.facts
        fields = reader.chunks.get("" if reader.chunk_kind is None else reader.chunk_kind(chunk))
        if fields is None:
            return False
        if reason := fields.finish_reasons(chunk):
            self._finish_reasons.extend(texts(reason))
        usage = fields.usage(chunk)
        if facts.response_id is None or usage is not None:
            fields.identify(facts, chunk)
        if facts.output is not None:
            facts.output.text.extend(texts(fields.text(chunk)))
        if usage is None:
            return False
        stream = reader.endpoint.stream
        by_key = self._usage is not None and stream is not None and stream.usage_by_key
        self._usage = Overlay(usage, self._usage) if by_key else usage
        # What is billed item by item stands in the chunk that ends the stream.
        if fields.has_items or reader.endpoint.partial_usages is not None:
            self._fields, self._source = fields, chunk
        self._final = bool(self._finish_reasons)
        return reader.content is not None and not reader.content(chunk)

    def quick_pass(self, chunk: Any, *, forgets: bool) -> QuickPass:
        """What lets chunks pass that are like ``chunk``, which was read, and tell nothing; ``not_yet`` as long as
        the chunks have to be read to learn whose they are. See ``_quick_pass``."""
        if self.facts.response_id is None:
            return not_yet
        stream = self._reader.endpoint.stream
        if stream is None or stream.kind or self.facts.output is not None:
            return never
        fields = stream.chunks[""]
        return quick_pass(chunk, fields.usage, fields.finish_reasons, forgets=forgets)

    def settle(self, *, is_drained: bool) -> None:
        """The stream has ended: turn what was seen into facts. Call once."""
        facts = self.facts
        facts.finish_reasons = tuple(self._finish_reasons)
        self._reader.read_usage(facts, self._usage, self._fields or self._reader.body, self._source)
        # A request that was refused used nothing that could be missing.
        is_refused = facts.status_code is not None and facts.status_code >= 400
        facts.is_incomplete = not (self._final or is_refused) and not (is_drained and self._reader.chunk_kind is None)
        self._usage = self._source = None


class EncodedChunks:
    """Reads chunks that come as JSON text: the first, and those that can tell something, as few as will do.

    Where figures of later chunks replace all earlier ones, only the last that tell are parsed, when the stream ends.
    """

    __slots__ = ("_chunks", "_ending", "_has_begun", "_reads_all", "_usage")

    def __init__(self, chunks: ChunkReader, reader: EndpointReader) -> None:
        stream = reader.endpoint.stream
        self._chunks = chunks
        self._has_begun = False
        self._reads_all = chunks.facts.output is not None or stream is None or stream.usage_by_key
        self._usage: bytes | str | None = None
        self._ending: bytes | str | None = None

    def feed(self, data: bytes | str) -> bool:
        """One chunk has come. True if it carries usage and no content: a chunk that only usage was asked for."""
        if not self._has_begun or (self._reads_all and self._chunks.facts.output is not None):
            return self._read(data)
        has_usage, has_ending = _tells(data)
        if self._reads_all:
            if has_usage or has_ending:
                self._read(data)
        else:
            self._ending = data if has_ending else self._ending
            self._usage = data if has_usage else self._usage
        return has_usage and _is_empty(data)

    def finish(self) -> None:
        """No more chunks come: read those that were kept."""
        if self._ending is not None and self._ending is not self._usage:
            self._read(self._ending)
        if self._usage is not None:
            self._read(self._usage)
        self._ending = self._usage = None

    def _read(self, data: bytes | str) -> bool:
        with guard:
            chunk = json_or_none(data)
            if isinstance(chunk, dict):
                self._has_begun = True
                return self._chunks.read(chunk)
        return False


def _is_empty(data: bytes | str) -> bool:
    """Whether the text is that of a chunk that brings usage alone."""
    return (_EMPTY.search(data) if isinstance(data, str) else _EMPTY_BYTES.search(data)) is not None


def _tells(data: bytes | str) -> tuple[bool, bool]:
    """Whether the text holds usage, and whether it holds the reason of an end."""
    if isinstance(data, str):
        return _USAGE.search(data) is not None, _ENDING.search(data) is not None
    return _USAGE_BYTES.search(data) is not None, _ENDING_BYTES.search(data) is not None


class Overlay:
    """Two usage objects as one: each figure of the newer one, and of the older what the newer one leaves out."""

    __slots__ = ("_newer", "_older")

    def __init__(self, newer: Any, older: Any) -> None:
        self._newer = newer
        self._older = older

    def __getattr__(self, name: str) -> Any:
        newer, older = step(self._newer, name), step(self._older, name)
        if newer is None or older is None:
            return older if newer is None else newer
        is_flat = isinstance(newer, (str, int, float, list, tuple)) or isinstance(older, (str, int, float, list, tuple))
        return newer if is_flat else Overlay(newer, older)


def json_or_none(data: bytes | str) -> Any:
    """``data`` as parsed JSON, or None if it is none."""
    try:
        return json.loads(data)
    except ValueError:
        return None
