"""Streams of no client under observation: a generator stays exactly a generator, any other stream the very same object."""

import asyncio
import gc
import inspect
import types
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest

from costspan import _runtime
from costspan._chunks import ChunkReader
from costspan._facts import Facts
from costspan._observe import Observation
from costspan._reading import EndpointReader
from costspan._stream import StreamWatch, observed_stream
from costspan.adapters.openai import OPENAI
from tests.sdk.conftest import Sdk

BEGUN: dict[str, Any] = {"choices": []}
ENDED: dict[str, Any] = {"choices": [{"finish_reason": "stop"}]}


@pytest.fixture
def watch(sdk: Sdk) -> StreamWatch:
    """A watch that reads chunks as those of a chat."""
    engine = _runtime.engine_or_none()
    assert engine is not None
    facts = Facts("chat", "openai", is_stream=True)
    observation = Observation(engine, facts)
    return StreamWatch(engine, observation, ChunkReader(EndpointReader(OPENAI.endpoints[0]), facts))


class Told:
    """A generator that notes all that it was told."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def chunks(self) -> Generator[Any, Any, str]:
        try:
            self.heard.append((yield BEGUN))
            try:
                self.heard.append((yield ENDED))
            except KeyError as error:
                self.heard.append(error)
                yield {"choices": [], "after": "the error"}
        except GeneratorExit:
            self.heard.append("closed")
            raise
        return "the value"

    async def late_chunks(self) -> Any:
        try:
            self.heard.append((yield BEGUN))
            try:
                self.heard.append((yield ENDED))
            except KeyError as error:
                self.heard.append(error)
                yield {"choices": [], "after": "the error"}
        except GeneratorExit:
            self.heard.append("closed")
            raise


def returned_by(stream: Iterator[Any]) -> Any:
    try:
        while True:
            next(stream)
    except StopIteration as stop:
        return stop.value


def test_a_generator_stays_exactly_a_generator(watch: StreamWatch, sdk: Sdk) -> None:
    stream = observed_stream(Told().chunks(), watch, "")
    assert type(stream) is types.GeneratorType
    assert inspect.isgenerator(stream)
    assert iter(stream) is stream
    assert returned_by(stream) == "the value"
    span = sdk.span()
    assert span["gen_ai.response.finish_reasons"] == ["stop"]
    assert "costspan.usage.incomplete" not in span.attributes


def test_what_is_sent_into_a_generator_arrives(watch: StreamWatch, sdk: Sdk) -> None:
    told = Told()
    stream = observed_stream(told.chunks(), watch, "")
    assert next(stream) is BEGUN
    assert stream.send("hello") is ENDED
    assert returned_by(stream) == "the value"
    assert told.heard == ["hello", None]
    assert sdk.span()


def test_what_is_thrown_into_a_generator_arrives(watch: StreamWatch, sdk: Sdk) -> None:
    told, error = Told(), KeyError("thrown")
    stream = observed_stream(told.chunks(), watch, "")
    next(stream)
    assert next(stream) is ENDED
    assert stream.throw(error)["after"] == "the error"
    assert told.heard == [None, error]
    assert returned_by(stream) == "the value"
    assert sdk.span().get("error.type") is None


def test_what_is_thrown_and_not_caught_comes_back(watch: StreamWatch, sdk: Sdk) -> None:
    error = ValueError("thrown")
    stream = observed_stream(Told().chunks(), watch, "")
    next(stream)
    with pytest.raises(ValueError, match="thrown") as raised:
        stream.throw(error)
    assert raised.value is error
    assert raised.value.__context__ is None
    assert sdk.span()["error.type"] == "ValueError"


@pytest.mark.parametrize("chunks_before", [0, 1], ids=["unstarted", "started"])
def test_closing_a_generator_closes_it(chunks_before: int, watch: StreamWatch, sdk: Sdk) -> None:
    told = Told()
    stream = observed_stream(told.chunks(), watch, "")
    for _ in range(chunks_before):
        next(stream)
    stream.close()
    assert told.heard == ["closed"] * chunks_before
    assert next(stream, "nothing more") == "nothing more"
    del stream
    gc.collect()
    assert sdk.span()["costspan.usage.incomplete"] is True


def test_an_error_of_the_stream_passes_as_it_is(watch: StreamWatch, sdk: Sdk) -> None:
    error = KeyError("inside")

    def failing() -> Iterator[Any]:
        yield BEGUN
        raise error

    with pytest.raises(KeyError) as raised:
        list(observed_stream(failing(), watch, ""))
    assert raised.value is error
    assert sdk.span()["error.type"] == "KeyError"


def test_an_async_generator_stays_exactly_one(watch: StreamWatch, sdk: Sdk) -> None:
    told, error = Told(), KeyError("thrown")

    async def run() -> None:
        stream = observed_stream(told.late_chunks(), watch, "")
        assert type(stream) is types.AsyncGeneratorType
        assert await anext(stream) is BEGUN
        assert await stream.asend("hello") is ENDED
        assert (await stream.athrow(error))["after"] == "the error"
        assert [chunk async for chunk in stream] == []

    asyncio.run(run())
    assert told.heard == ["hello", error]
    assert sdk.span()["gen_ai.response.finish_reasons"] == ["stop"]


def test_closing_an_async_generator_closes_it(watch: StreamWatch, sdk: Sdk) -> None:
    told = Told()

    async def run() -> None:
        stream = observed_stream(told.late_chunks(), watch, "")
        assert await anext(stream) is BEGUN
        await stream.aclose()

    asyncio.run(run())
    assert told.heard == ["closed"]
    assert sdk.span()["costspan.usage.incomplete"] is True


class Refusing(type):
    """Lets nothing pass as an instance but what really is one, as the streams of anthropic before 1.0 do."""

    def __instancecheck__(cls, instance: object) -> bool:
        return type(instance) is cls


class Strict(metaclass=Refusing):
    """A sync stream that takes its chunks from ``_iterator`` and can be told from any proxy."""

    def __init__(self) -> None:
        self.colour = "red"
        self._iterator: Any = Told().chunks()

    def __iter__(self) -> Iterator[Any]:
        yield from self._iterator

    def __next__(self) -> Any:
        return next(self._iterator)


class AsyncStrict(metaclass=Refusing):
    """As ``Strict``."""

    def __init__(self) -> None:
        self._iterator: Any = Told().late_chunks()

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for chunk in self._iterator:
            yield chunk


def test_a_stream_with_an_iterator_is_the_same_object_observed(watch: StreamWatch, sdk: Sdk) -> None:
    original = Strict()
    steps = original._iterator
    stream = observed_stream(original, watch, "_iterator")
    assert stream is original
    assert isinstance(stream, Strict)
    assert (stream.colour, hasattr(stream, "no_such_thing"), hasattr(stream, "close")) == ("red", False, False)
    assert original._iterator is not steps
    assert original._iterator.gi_frame is steps.gi_frame  # what stands there has all that stood there before
    assert next(stream) is BEGUN
    assert list(stream) == [ENDED]
    assert sdk.span()["gen_ai.response.finish_reasons"] == ["stop"]


def test_an_async_stream_with_an_iterator_is_the_same_object_observed(watch: StreamWatch, sdk: Sdk) -> None:
    async def run() -> None:
        original = AsyncStrict()
        steps = original._iterator
        stream = observed_stream(original, watch, "_iterator")
        assert stream is original
        assert original._iterator.ag_frame is steps.ag_frame
        assert [chunk async for chunk in stream] == [BEGUN, ENDED]

    asyncio.run(run())
    assert sdk.span()["gen_ai.response.finish_reasons"] == ["stop"]


@pytest.mark.parametrize("make", [Strict, lambda: Told().chunks()], ids=["iterator", "generator"])
def test_a_stream_that_is_dropped_is_gone_and_ends(make: Callable[[], Any], watch: StreamWatch, sdk: Sdk) -> None:
    stream = observed_stream(make(), watch, "_iterator")
    gone = weakref.ref(stream)
    next(stream)
    assert sdk.spans() == []
    del stream
    gc.collect()
    assert gone() is None
    assert sdk.span()["costspan.usage.incomplete"] is True


class Plain:
    """A stream that hides where its chunks come from."""

    def __init__(self) -> None:
        self.left = [BEGUN]

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self.left:
            raise StopIteration
        return self.left.pop()


@pytest.mark.parametrize("answer", [object(), None, Plain(), [BEGUN]], ids=lambda answer: type(answer).__name__)
def test_what_cannot_be_observed_is_returned_as_it_is_and_has_ended(answer: Any, watch: StreamWatch, sdk: Sdk) -> None:
    before = dict(vars(answer)) if hasattr(answer, "__dict__") else None
    assert observed_stream(answer, watch, "_iterator") is answer
    assert (dict(vars(answer)) if hasattr(answer, "__dict__") else None) == before
    assert sdk.span()["costspan.usage.incomplete"] is True
