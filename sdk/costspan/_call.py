"""What happens around one call of a patched function."""

import weakref
from typing import Any

from costspan._bytes import BodyReader, read_encoded
from costspan._chunks import ChunkReader, EncodedChunks
from costspan._engine import Engine
from costspan._guard import guard
from costspan._observe import Observation, status_of
from costspan._providers import SENDS_STREAM_USAGE_UNASKED, adds_null_usage, provider_of
from costspan._reading import EndpointReader
from costspan._stream import EncodedStreamWatch, StreamWatch, observed_stream
from costspan._taps import OpeningTap, RawWatch, ReadTap, tap
from costspan.adapters._adapter import Adapter, Answer, ByteBody, Chunks, Encoded, Http, Opening, Parsed, Request

# What a provider answers to a field of the body that it does not know.
_UNKNOWN_FIELD_STATUSES = (400, 422)
# Larger bodies (embeddings) are parsed by the delivery thread, not while the caller waits.
_LARGEST_PARSED_AT_ONCE_BYTES = 32 * 1024


class Call:
    """One call of a patched function: its arguments as they are passed on, and its observation."""

    __slots__ = ("_adapter", "_asked_for_usage", "_engine", "_observation", "_reader", "_request", "args", "kwargs")

    def __init__(
        self,
        engine: Engine,
        adapter: Adapter,
        reader: EndpointReader,
        request: Request,
        client: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        path_model: str | None,
    ) -> None:
        self._engine = engine
        self._adapter = adapter
        self._reader = reader
        self._request = request
        self.args = args
        self.kwargs = kwargs
        self._asked_for_usage = False
        facts = reader.read_request(request, "", path_model)
        facts.provider = provider_of(
            request.host,
            request.port,
            type(client),
            adapter.provider_of_class,
            request.provider,
            facts.request_model,
            reader.endpoint.provider or adapter.provider,
            is_protocol=adapter.is_protocol and not reader.endpoint.provider,
        )
        self._observation = Observation(engine, facts)
        if request.is_stream:
            with guard:
                self._ask_for_usage()
        self._observation.enter()

    def _ask_for_usage(self) -> None:
        request, stream = self._request, self._reader.endpoint.stream
        replaced = self._adapter.call.with_body_field
        if replaced is None or stream is None or stream.usage_option is None or request.is_raw:
            return
        if not self._engine.settings.request_stream_usage:
            return
        if self._observation.facts.provider in SENDS_STREAM_USAGE_UNASKED:
            return
        if (request.host, request.port) in self._engine.refusing_usage_option:
            return
        field, switch = stream.usage_option
        options = request.body.get(field)
        if options is None or (isinstance(options, dict) and switch not in options):
            changed = {**(options or {}), switch: True}
            self.args, self.kwargs = replaced(self.args, self.kwargs, field, changed)
            self._asked_for_usage = True

    def repeats_after(self, error: BaseException, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Note that the client raised ``error``. True if the fault was ours, and the call goes out as it was given.

        A server that does not know the option we added must not fail a call that would have succeeded without it.
        """
        is_ours = False
        with guard:
            is_ours = self._is_our_fault(error)
        if is_ours:
            self._engine.refusing_usage_option.add((self._request.host, self._request.port))
            self._asked_for_usage = False
            self.args, self.kwargs = args, kwargs
            return True
        with guard:
            self._observation.leave()
        with guard:
            self._observation.failed(error)
            self._observation.end()
        return False

    def _is_our_fault(self, error: BaseException) -> bool:
        stream = self._reader.endpoint.stream
        if not self._asked_for_usage or stream is None or stream.usage_option is None:
            return False
        is_refused = status_of(error) in _UNKNOWN_FIELD_STATUSES
        return is_refused and any(name in str(error) for name in stream.usage_option)

    def answered(self, result: Any) -> Any:
        """Look at what the client returned. Returns what the caller gets: ``result``, or what stands for a generator."""
        with guard:
            self._observation.leave()
        watched, is_watched = result, False
        with guard:
            self._observation.answered()
            answer = self._adapter.call.answer(result, self._request)
            watched = self._look(answer, result)
            is_watched = True
        if not is_watched:
            # The call was made and is billed, whatever we could not read of it.
            with guard:
                self._observation.end()
        return watched

    def _look(self, answer: Answer | None, result: Any) -> Any:
        match answer:
            case Parsed(body):
                self._read(body)
            case Encoded(data, figures):
                self._read_encoded(data, figures)
            case Chunks():
                observed = self._watch_chunks(answer, result)
                return observed if answer.stream is result else result
            case Http(response):
                self._engine.index.remember_object(result, self._observation.span_context)
                self._watch_response(response)
            case Opening(manager):
                return OpeningTap(manager, self._observation, self._watch_response)
            case ByteBody():
                self._engine.index.remember_object(answer.body, self._observation.span_context)
                self._engine.index.remember_object(result, self._observation.span_context)
                self._watch_bytes(answer)
            case None:
                self._observation.end()
        return result

    def _read(self, body: Any) -> None:
        observation = self._observation
        facts = observation.facts
        self._reader.read_body(facts, body)
        if facts.output is not None:
            facts.output.response = body
        if facts.response_id is None:
            self._engine.index.remember_object(body, observation.span_context)
        observation.end()

    def _read_encoded(self, data: bytes | str, figures: Any) -> None:
        observation, reader = self._observation, self._reader

        def settle() -> None:
            read_encoded(reader, observation.facts, data, figures)

        if len(data) <= _LARGEST_PARSED_AT_ONCE_BYTES:
            observation.end(settle)
        else:
            observation.end_late(settle)
            self._engine.delivery.start()

    def _watch_chunks(self, answer: Chunks, result: Any) -> Any:
        engine, observation, shape = self._engine, self._observation, self._adapter.call
        chunks = ChunkReader(self._reader, observation.facts)
        if answer.decode is not None:
            encoded = EncodedChunks(chunks, self._reader)
            watch: StreamWatch = EncodedStreamWatch(
                engine, observation, chunks, encoded, answer.decode, holds_back=self._asked_for_usage
            )
        else:
            watch = StreamWatch(
                engine,
                observation,
                chunks,
                holds_back=self._asked_for_usage,
                forget=shape.forget if self._adds_null_usage() else None,
                usage_field=self._reader.endpoint.body.usage,
            )
        observed = observed_stream(answer.stream, watch, answer.iterator)
        with guard:
            engine.index.remember_object(observed, observation.span_context)
            engine.index.remember_object(result, observation.span_context)
            if shape.stream_response is not None:
                tap(shape.stream_response(answer.stream), watch)
        return observed

    def _adds_null_usage(self) -> bool:
        facts = self._observation.facts
        return self._asked_for_usage and adds_null_usage(self._request.host, facts.provider, facts.request_model)

    def _watch_response(self, response: Any) -> None:
        is_watched = False
        with guard:
            facts = self._observation.facts
            if response.status_code >= 400:
                facts.error_type, facts.status_code = str(response.status_code), response.status_code
            watch = RawWatch.of_response(self._engine, self._observation, self._reader, response)
            if response.is_closed:
                watch.already_read(response.content)
            elif not tap(response, watch):
                watch.closed()
            is_watched = True
        if not is_watched:
            with guard:
                self._observation.end()

    def _watch_bytes(self, answer: ByteBody) -> None:
        observation, reader = self._observation, self._reader
        source = getattr(answer.body, answer.source, None)
        if source is None:
            self._read_encoded(b"", answer.figures)
            return
        chunks = ChunkReader(reader, observation.facts)
        watch = RawWatch(self._engine, observation, chunks, BodyReader(reader, observation.facts, answer.figures))
        tapped = ReadTap(source, watch)
        setattr(answer.body, answer.source, tapped)
        weakref.finalize(tapped, watch.dropped).atexit = False
