"""Adapter targets into wrappers and back: what is patched, and what happens around a call of a patched function."""

import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import wrapt

from costspan._guard import guard
from costspan._observe import Engine, Observation
from costspan._providers import SENDS_STREAM_USAGE_UNASKED, provider_of_class, provider_of_host
from costspan._raw import RawWatch, tap
from costspan._reading import ChunkReader, EndpointReader
from costspan._stream import StreamWatch, observed_stream
from costspan.adapters._adapter import Adapter, Request, Target

# What a provider answers to a field of the body that it does not know.
_UNKNOWN_FIELD_STATUSES = (400, 422)


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
    ) -> None:
        self._engine = engine
        self._adapter = adapter
        self._reader = reader
        self._request = request
        self.args = args
        self.kwargs = kwargs
        self._asked_for_usage = False
        provider = (
            provider_of_host(request.host or "") or provider_of_class(type(client), adapter.provider_of_class) or adapter.provider
        )
        self._observation = Observation(engine, reader.read_request(request, provider))
        with guard:
            self._ask_for_usage()
        self._observation.enter()

    def _ask_for_usage(self) -> None:
        request, stream = self._request, self._reader.endpoint.stream
        if stream is None or stream.usage_option is None or not request.is_stream or request.is_raw:
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
            self.args, self.kwargs = self._adapter.call.with_body_field(self.args, self.kwargs, field, changed)
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
        is_refused = getattr(error, "status_code", None) in _UNKNOWN_FIELD_STATUSES
        return is_refused and any(name in str(error) for name in stream.usage_option)

    def answered(self, result: Any) -> Any:
        """Look at what the client returned. Returns what the caller gets: ``result``, or a proxy of a stream."""
        with guard:
            self._observation.leave()
        watched, is_watched = result, False
        with guard:
            self._observation.answered()
            raw = self._adapter.call.raw_response(result) if self._request.is_raw else None
            if raw is not None:
                self._watch_raw(result, raw)
            elif self._request.is_stream:
                watched = self._watch_stream(result)
            else:
                self._read(result)
            is_watched = True
        if not is_watched:
            # The call was made and is billed, whatever we could not read of it.
            with guard:
                self._observation.end()
        return watched

    def _watch_stream(self, stream: Any) -> Any:
        observation, shape = self._observation, self._adapter.call
        field = self._reader.endpoint.body.usage
        watch = StreamWatch(
            self._engine,
            observation,
            ChunkReader(self._reader, observation.facts),
            (lambda chunk: shape.forget(chunk, field)) if self._asked_for_usage else None,
        )
        observed = observed_stream(stream, watch, shape.iterator)
        with guard:
            self._engine.index.remember_object(observed, observation.span_context)
            tap(shape.stream_response(stream), watch)
        return observed

    def _watch_raw(self, result: Any, response: Any) -> None:
        self._engine.index.remember_object(result, self._observation.span_context)
        watch = RawWatch(self._engine, self._observation, self._reader, response)
        if response.is_closed:
            watch.already_read(response.content)
        elif not tap(response, watch):
            watch.closed()

    def _read(self, body: Any) -> None:
        observation = self._observation
        with guard:
            self._reader.read_body(observation.facts, body)
            if observation.facts.response_id is None:
                self._engine.index.remember_object(body, observation.span_context)
        observation.end()


class Patches:
    """Everything that is patched in this process. ``apply`` and ``undo`` may be called any number of times."""

    def __init__(self, engine: Engine, adapters: tuple[Adapter, ...]) -> None:
        self._engine = engine
        self._adapters = adapters
        self._is_applied = False
        self._hooked: set[str] = set()
        self._installed: dict[Target, tuple[Any, str, Any, Any]] = {}

    def apply(self) -> None:
        """Patch every client that is imported, and the others as soon as they are."""
        self._is_applied = True
        for adapter in self._adapters:
            for target in adapter.targets:
                if sys.modules.get(target.module) is not None:
                    with guard:
                        self._patch(adapter, target)
                elif target.module not in self._hooked:
                    self._hooked.add(target.module)
                    wrapt.register_post_import_hook(self._imported, target.module)

    def undo(self) -> None:
        """Put the original functions back. One that somebody else has wrapped since stays, and does nothing."""
        self._is_applied = False
        for target, (owner, name, original, wrapper) in list(self._installed.items()):
            if owner.__dict__.get(name) is wrapper:
                setattr(owner, name, original)
                del self._installed[target]

    def _imported(self, module: Any) -> None:
        if not self._is_applied:
            return
        for adapter in self._adapters:
            for target in adapter.targets:
                if target.module == module.__name__:
                    with guard:
                        self._patch(adapter, target)

    def _patch(self, adapter: Adapter, target: Target) -> None:
        if target in self._installed:
            return
        owner: Any = sys.modules[target.module]
        *path, name = target.name.split(".")
        for part in path:
            owner = getattr(owner, part)
        original = owner.__dict__[name]
        observe = self._async_wrapper(adapter) if target.is_async else self._sync_wrapper(adapter)
        wrapper = wrapt.FunctionWrapper(original, observe)
        setattr(owner, name, wrapper)
        self._installed[target] = (owner, name, original, wrapper)

    def _beginning(self, adapter: Adapter) -> Callable[[Any, tuple[Any, ...], dict[str, Any]], Call | None]:
        readers = {(endpoint.method, endpoint.path): EndpointReader(endpoint) for endpoint in adapter.endpoints}

        def begin(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
            if not self._is_applied:
                return None
            with guard:
                request = adapter.call.request(client, args, kwargs)
                if request is not None and (reader := _reader_for(readers, request)) is not None:
                    return Call(self._engine, adapter, reader, request, client, args, kwargs)
            return None

        return begin

    def _sync_wrapper(self, adapter: Adapter) -> Callable[..., Any]:
        begin = self._beginning(adapter)

        def observed(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            call = begin(client, args, kwargs)
            if call is None:
                return wrapped(*args, **kwargs)
            while True:
                try:
                    result = wrapped(*call.args, **call.kwargs)
                except BaseException as error:
                    if not call.repeats_after(error, args, kwargs):
                        raise
                else:
                    return call.answered(result)

        return observed

    def _async_wrapper(self, adapter: Adapter) -> Callable[..., Any]:
        begin = self._beginning(adapter)

        async def observed(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            call = begin(client, args, kwargs)
            if call is None:
                return await wrapped(*args, **kwargs)
            while True:
                try:
                    result = await wrapped(*call.args, **call.kwargs)
                except BaseException as error:
                    if not call.repeats_after(error, args, kwargs):
                        raise
                else:
                    return call.answered(result)

        return observed


def _reader_for(readers: dict[tuple[str, str], EndpointReader], request: Request) -> EndpointReader | None:
    path = request.path.partition("?")[0]
    reader = readers.get((request.method, path))
    if reader is None and path.startswith(("http://", "https://")):
        path = urlsplit(path).path
        for (method, end), candidate in readers.items():
            if method == request.method and path.endswith(end):
                return candidate
    return reader
