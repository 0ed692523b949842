"""The proxies on streams of no provider: what they pass on, and what they do where no proxy will do."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from costspan import _runtime
from costspan._observe import Observation
from costspan._reading import ChunkReader, EndpointReader, Facts
from costspan._stream import StreamWatch, observed_stream
from costspan.adapters.openai import OPENAI
from tests.sdk.conftest import Sdk


@pytest.fixture
def watch(sdk: Sdk) -> StreamWatch:
    """A watch that reads chunks as those of a chat."""
    engine = _runtime.engine_or_none()
    assert engine is not None
    facts = Facts("chat", "openai", is_stream=True)
    observation = Observation(engine, facts)
    return StreamWatch(engine, observation, ChunkReader(EndpointReader(OPENAI.endpoints[0]), facts))


def numbers() -> Iterator[Any]:
    try:
        received = yield {"choices": []}
        yield {"choices": [{"finish_reason": "stop"}], "received": received}
    finally:
        CLOSED.append(True)


async def async_numbers() -> AsyncIterator[Any]:
    for chunk in [{"choices": []}, {"choices": [{"finish_reason": "stop"}]}]:
        yield chunk


CLOSED: list[bool] = []


def test_a_generator_stays_a_generator(watch: StreamWatch, sdk: Sdk) -> None:
    CLOSED.clear()
    stream = observed_stream(numbers(), watch, "")
    assert isinstance(stream, type(numbers()))
    assert next(stream) == {"choices": []}
    assert stream.send("hello")["received"] == "hello"
    stream.close()
    assert CLOSED == [True]
    assert sdk.span()["costspan.usage.incomplete"] is True


def test_an_async_generator(watch: StreamWatch, sdk: Sdk) -> None:
    async def run() -> None:
        stream = observed_stream(async_numbers(), watch, "")
        assert await anext(stream) == {"choices": []}
        assert len([chunk async for chunk in stream]) == 1
        await stream.aclose()

    asyncio.run(run())
    assert sdk.span()["gen_ai.response.finish_reasons"] == ["stop"]


def test_attributes_are_those_of_the_stream(watch: StreamWatch, sdk: Sdk) -> None:
    class Plain:
        """A stream with attributes and without any way to close it."""

        def __init__(self) -> None:
            self.colour = "red"
            self.left = [{"choices": []}]

        def __iter__(self) -> Iterator[Any]:
            return self

        def __next__(self) -> Any:
            if not self.left:
                raise StopIteration
            return self.left.pop()

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Plain)

        __hash__ = None  # type: ignore[assignment]

    original = Plain()
    stream = observed_stream(original, watch, "")
    assert stream.colour == "red"
    stream.colour = "blue"
    assert original.colour == "blue"
    assert not hasattr(stream, "close")
    assert not hasattr(stream, "aclose")
    assert not hasattr(stream, "no_such_thing")
    assert stream == original
    assert list(stream) == [{"choices": []}]
    assert "costspan.usage.incomplete" not in sdk.span().attributes


class Refusing(type):
    """Lets nothing pass as an instance but what really is one, as the streams of anthropic before 1.0 do."""

    def __instancecheck__(cls, instance: object) -> bool:
        return False


class Strict(metaclass=Refusing):
    """A sync stream that no proxy can stand for."""

    def __init__(self) -> None:
        self._iterator: Any = numbers()

    def __iter__(self) -> Iterator[Any]:
        yield from self._iterator

    def __next__(self) -> Any:
        return next(self._iterator)


class AsyncStrict(metaclass=Refusing):
    """An async stream that no proxy can stand for."""

    def __init__(self) -> None:
        self._iterator: Any = async_numbers()

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for chunk in self._iterator:
            yield chunk


def test_a_stream_that_no_proxy_can_stand_for_is_observed_itself(watch: StreamWatch, sdk: Sdk) -> None:
    original = Strict()
    stream = observed_stream(original, watch, "_iterator")
    assert stream is original
    assert len(list(stream)) == 2
    assert sdk.span()["gen_ai.response.finish_reasons"] == ["stop"]


def test_an_async_stream_that_no_proxy_can_stand_for(watch: StreamWatch, sdk: Sdk) -> None:
    async def run() -> None:
        original = AsyncStrict()
        stream = observed_stream(original, watch, "_iterator")
        assert stream is original
        assert len([chunk async for chunk in stream]) == 2

    asyncio.run(run())
    assert sdk.span()["gen_ai.response.finish_reasons"] == ["stop"]


def test_a_stream_observed_itself_ends_when_it_is_dropped(watch: StreamWatch, sdk: Sdk) -> None:
    stream = observed_stream(Strict(), watch, "_iterator")
    next(stream)
    assert sdk.spans() == []
    del stream
    gc.collect()
    assert sdk.span()["costspan.usage.incomplete"] is True


def test_what_is_no_stream_is_returned_as_it_is(watch: StreamWatch, sdk: Sdk) -> None:
    answer = object()
    assert observed_stream(answer, watch, "_iterator") is answer
    assert sdk.span()["costspan.usage.incomplete"] is True


def test_an_error_of_the_stream_passes_as_it_is(watch: StreamWatch, sdk: Sdk) -> None:
    error = KeyError("inside")

    def failing() -> Iterator[Any]:
        yield {"choices": []}
        raise error

    stream = observed_stream(failing(), watch, "")
    with pytest.raises(KeyError) as raised:
        list(stream)
    assert raised.value is error
    assert sdk.span()["error.type"] == "KeyError"
