"""From a request, a response body or the chunks of a stream to the facts of one call. Knows no provider."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from costspan.adapters._adapter import Endpoint, Fields, Request
from costspan.usage import Reading, read_usage

Getter = Callable[[Any], Any]


@dataclass(slots=True)
class Facts:
    """What is known of one call. A figure that nobody reported is None.

    ``time_to_first_chunk_s`` is in seconds. ``is_incomplete``: the final usage figures were not seen.
    """

    operation: str
    provider: str
    request_model: str | None = None
    max_tokens: int | None = None
    is_stream: bool = False
    server_address: str | None = None
    server_port: int | None = None
    api_type: str = ""
    response_id: str | None = None
    response_model: str | None = None
    tier: str | None = None
    finish_reasons: tuple[str, ...] = ()
    reading: Reading | None = None
    is_incomplete: bool = False
    time_to_first_chunk_s: float | None = None
    error_type: str | None = None
    status_code: int | None = None


class FieldReader:
    """The paths of one ``Fields`` table, made ready for reading many objects."""

    __slots__ = ("finish_reasons", "model", "response_id", "tier", "usage")

    def __init__(self, fields: Fields) -> None:
        self.response_id = getter(fields.response_id)
        self.model = getter(fields.model)
        self.tier = getter(fields.tier)
        self.finish_reasons = getter(fields.finish_reasons)
        self.usage = getter(fields.usage)


class EndpointReader:
    """One ``Endpoint`` made ready for reading many calls."""

    __slots__ = ("body", "chunk_kind", "chunks", "content", "endpoint", "max_tokens", "model")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.model = getter(endpoint.model)
        self.max_tokens = getter(endpoint.max_tokens)
        self.body = FieldReader(endpoint.body)
        stream = endpoint.stream
        self.chunks = {kind: FieldReader(fields) for kind, fields in stream.chunks.items()} if stream else {}
        self.chunk_kind = getter(stream.kind) if stream and stream.kind else None
        self.content = getter(stream.content) if stream and stream.content else None

    def read_request(self, request: Request, provider: str) -> Facts:
        """The facts that are known before the call."""
        max_tokens = self.max_tokens(request.body)
        return Facts(
            operation=self.endpoint.operation,
            provider=provider,
            request_model=text_or_none(self.model(request.body)),
            max_tokens=max_tokens if type(max_tokens) is int else None,
            is_stream=request.is_stream,
            server_address=request.host,
            server_port=request.port,
            api_type=self.endpoint.api_type,
        )

    def read_body(self, facts: Facts, body: Any) -> None:
        """Add what a whole response ``body`` (parsed JSON, or the client's object for it) tells."""
        fields = self.body
        facts.response_id = text_or_none(fields.response_id(body))
        facts.response_model = text_or_none(fields.model(body))
        facts.tier = text_or_none(fields.tier(body))
        facts.finish_reasons = texts(fields.finish_reasons(body))
        facts.reading = read_usage(self.endpoint.usage, fields.usage(body))


class ChunkReader:
    """Reads the chunks of one stream as they pass, and keeps no chunk: at most the usage object of one.

    Figures are final when usage came with or after a finish reason; running totals may come before. A stream whose
    chunks are all alike has no other mark of its end than its end.
    """

    __slots__ = ("_facts", "_final", "_finish_reasons", "_reader", "_usage")

    def __init__(self, reader: EndpointReader, facts: Facts) -> None:
        self._reader = reader
        self._facts = facts
        self._finish_reasons: list[str] = []
        self._usage: Any = None
        self._final = False

    def read(self, chunk: Any) -> bool:
        """Take what ``chunk`` tells. True if it carries usage and no content: a chunk that only usage was asked for."""
        reader = self._reader
        kind = reader.chunk_kind(chunk) if reader.chunk_kind else ""
        fields = reader.chunks.get(kind)
        if fields is None:
            return False
        if reason := fields.finish_reasons(chunk):
            self._finish_reasons.extend(texts(reason))
        usage = fields.usage(chunk)
        facts = self._facts
        if facts.response_id is None or usage is not None:
            facts.response_id = text_or_none(fields.response_id(chunk)) or facts.response_id
            facts.response_model = text_or_none(fields.model(chunk)) or facts.response_model
            facts.tier = text_or_none(fields.tier(chunk)) or facts.tier
        if usage is None:
            return False
        by_key = self._usage is not None and reader.endpoint.stream is not None and reader.endpoint.stream.usage_by_key
        self._usage = Overlay(usage, self._usage) if by_key else usage
        self._final = bool(self._finish_reasons)
        return reader.content is not None and not reader.content(chunk)

    def settle(self, *, is_drained: bool) -> None:
        """The stream has ended: turn what was seen into facts. Call once."""
        facts = self._facts
        facts.finish_reasons = tuple(self._finish_reasons)
        facts.reading = read_usage(self._reader.endpoint.usage, self._usage)
        facts.is_incomplete = not self._final and not (is_drained and self._reader.chunk_kind is None)
        self._usage = None


class Overlay:
    """Two usage objects as one: each figure of the newer one, and of the older what the newer one leaves out."""

    __slots__ = ("_newer", "_older")

    def __init__(self, newer: Any, older: Any) -> None:
        self._newer = newer
        self._older = older

    def __getattr__(self, name: str) -> Any:
        value = _step(self._newer, name)
        return _step(self._older, name) if value is None else value


def text_or_none(value: Any) -> str | None:
    """``value`` if it is a text with something in it, made fit for UTF-8, else None."""
    if not isinstance(value, str) or not value:
        return None
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def texts(value: Any) -> tuple[str, ...]:
    """The texts in ``value``, which is one text, a list with texts in it, or anything else."""
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _step(source: Any, name: str) -> Any:
    return source.get(name) if isinstance(source, dict) else getattr(source, name, None)


@lru_cache(maxsize=1024)
def getter(path: str) -> Getter:
    """A function that reads the value at ``path`` (see ``adapters._adapter``), or None where the path ends early."""
    alternatives = [_getter_of(tuple(part.split("."))) for part in path.split("|") if part]
    if len(alternatives) == 1:
        return alternatives[0]

    def first_present(source: Any) -> Any:
        for alternative in alternatives:
            if (value := alternative(source)) is not None:
                return value
        return None

    return first_present


def _getter_of(names: tuple[str, ...]) -> Getter:
    if len(names) == 1:
        (name,) = names
        return lambda source: _step(source, name)
    first, rest = names[0], _getter_of(names[1:]) if names[1] != "*" else _each(names[2:])

    def get(source: Any) -> Any:
        inner = _step(source, first)
        return None if inner is None else rest(inner)

    return get


def _each(names: tuple[str, ...]) -> Getter:
    read = _getter_of(names)

    def get(source: Any) -> Any:
        if not isinstance(source, (list, tuple)):
            return None
        return [value for item in source if (value := read(item)) is not None]

    return get
