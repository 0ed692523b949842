"""What was made earlier and is fetched now: the answer of a background response, the results of a batch.

Fetching bills nothing. A background call is booked when its answer is first seen; the calls of a batch are booked
when their results are, each under an identity that follows from its response, so that fetching again books nothing.
"""

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from costspan._chunks import json_or_none
from costspan._context import Holding
from costspan._engine import Engine
from costspan._facts import UNFINISHED, Facts, text_or_none
from costspan._guard import guard
from costspan._matching import Matcher
from costspan._observe import Observation
from costspan._passing import Passing
from costspan._reading import EndpointReader
from costspan._unfinished import Batch
from costspan.adapters._adapter import Adapter, BatchFields, Chunks, Encoded, Http, LineFields, Parsed, Request, Retrieval
from costspan.usage.paths import getter


class RetrievalCall(Passing):
    """One call that fetches what was made earlier. Passes on what it was given, and what the client gives."""

    __slots__ = ("_adapter", "_engine", "_matcher", "_request", "_retrieval")

    def __init__(
        self,
        engine: Engine,
        adapter: Adapter,
        matcher: Matcher,
        retrieval: Retrieval,
        request: Request,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        hidden: Holding | None,
    ) -> None:
        super().__init__(args, kwargs, hidden)
        self._engine = engine
        self._adapter = adapter
        self._matcher = matcher
        self._retrieval = retrieval
        self._request = request

    def answered(self, result: Any) -> Any:
        """Look at what came. Returns ``result``."""
        super().answered(result)
        with guard:
            retrieval = self._retrieval
            answer = self._adapter.call.answer(result, self._request)
            if retrieval.lines is not None:
                self._read_lines(retrieval.lines, answer)
            elif retrieval.batch is not None:
                self._remember_batch(retrieval.batch, _body(answer))
            else:
                self._complete(_body(answer))
        return result

    def _complete(self, body: Any) -> None:
        reader = self._matcher.reader_of_path(self._retrieval.completes)
        if reader is None or text_or_none(reader.body.status(body)) in UNFINISHED:
            return
        # Of several who poll at once, the first to see the end takes it out.
        call = self._engine.unfinished.calls.pop(text_or_none(reader.body.response_id(body)) or "", None)
        if call is not None:
            facts = call.facts
            if facts.output is not None:
                facts.output.response = body
            call.end(lambda: reader.read_body(facts, body))

    def _remember_batch(self, fields: BatchFields, body: Any) -> None:
        created = _nanoseconds(getter(fields.created_at)(body))
        endpoint = text_or_none(getter(fields.endpoint)(body)) or fields.default_endpoint
        batch = Batch(text_or_none(getter(fields.batch_id)(body)) or "", created or time.time_ns(), endpoint)
        for path in (fields.results, fields.failures):
            if (place := text_or_none(getter(path)(body))) is not None:
                self._engine.unfinished.remember(place, batch)

    def _read_lines(self, fields: LineFields, answer: Any) -> None:
        batch = self._known_batch()
        reader = None if batch is None else self._matcher.reader_of_path(batch.endpoint)
        if batch is None or reader is None:
            return
        lines = _Lines(self._engine, reader, fields, batch, self._request, self._adapter.provider)
        if isinstance(answer, Http) and answer.response.is_closed:
            lines.read_all(json_or_none(line) for line in answer.response.content.splitlines())
        elif isinstance(answer, Chunks) and (steps := getattr(answer.stream, answer.iterator, None)) is not None:
            setattr(answer.stream, answer.iterator, lines.watched(steps))

    def _known_batch(self) -> Batch | None:
        path = self._request.path.partition("?")[0]
        for results, batch in self._engine.unfinished.batches.items():
            if path == results or path.endswith(f"/files/{results}/content"):
                return batch
        return None


class _Lines:
    """Books the lines of a batch's results, each as the call that it is."""

    def __init__(
        self, engine: Engine, reader: EndpointReader, fields: LineFields, batch: Batch, request: Request, provider: str
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._body = getter(fields.body)
        self._error_type = getter(fields.error_type)
        self._custom_id = getter(fields.custom_id)
        self._batch = batch
        self._request = request
        self._provider = provider

    def read_all(self, lines: Iterable[Any]) -> None:
        for line in lines:
            self.read(line)

    def read(self, line: Any) -> None:
        with guard:
            body, error_type = self._body(line), text_or_none(self._error_type(line))
            request = self._request
            facts = Facts(
                operation=self._reader.endpoint.operation,
                provider=self._provider,
                server_address=request.host,
                server_port=request.port,
                api_type=self._reader.endpoint.api_type,
                is_batch=True,
            )
            if error_type is None:
                self._reader.read_body(facts, body)
                facts.resolve()
            facts.error_type = error_type
            if facts.reading is None and error_type is None:
                return
            key = f"{self._batch.batch_id}/{self._custom_id(line)}/{facts.response_id}"
            Observation.of_record(self._engine, facts, key, self._batch.created_ns).end()

    def watched(self, steps: Any) -> Any:
        """``steps``, each read as it passes."""
        return _watched_async(self, steps) if hasattr(steps, "__anext__") else _watched(self, steps)


def _watched(lines: _Lines, steps: Any) -> Any:
    for line in steps:
        lines.read(line)
        yield line


async def _watched_async(lines: _Lines, steps: Any) -> Any:
    async for line in steps:
        lines.read(line)
        yield line


def _body(answer: Any) -> Any:
    """What came, parsed; None where it is not at hand."""
    match answer:
        case Parsed(body):
            return body
        case Encoded(data):
            return json_or_none(data)
        case Http(response) if response.is_closed:
            return json_or_none(response.content)
    return None


def _nanoseconds(value: Any) -> int | None:
    """A time as a provider states it: seconds since the epoch, an ISO text or a datetime; in ns since the epoch."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return int(value.timestamp()) * 1_000_000_000
    return value * 1_000_000_000 if type(value) is int and value > 0 else None
