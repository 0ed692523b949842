"""A stream ends once, whatever ends it, and what is known by then is booked."""

import asyncio
import contextlib
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import (
    anthropic_client,
    async_anthropic_client,
    async_openai_client,
    openai_client,
)
from tests.sdk.doubles.provider import Provider, recording
from tests.sdk.doubles.samples import SAMPLES, Sample

STREAMED = [sample for sample in SAMPLES if sample.stream]
every_stream = pytest.mark.parametrize("sample", STREAMED, ids=str)
ARGUMENTS: Any = {"max_tokens": 32, "messages": [{"role": "user", "content": "hi"}], "model": "claude-sonnet-4-6"}
CHAT: Any = {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": "hi"}]}


def opened(sample: Sample, client: Any) -> Any:
    return sample.function(client)(**sample.kwargs(is_stream=True))


def take_one(stream: Any) -> None:
    next(stream)


def close(stream: Any) -> None:
    next(stream)
    stream.close()


def leave(stream: Any) -> None:
    with stream as entered:
        assert entered is stream
        next(iter(stream))


def leave_by_exception(stream: Any) -> None:
    with contextlib.suppress(ZeroDivisionError), stream:
        next(stream)
        raise ZeroDivisionError


def close_the_response(stream: Any) -> None:
    next(stream)
    stream.response.close()


@pytest.mark.parametrize("end", [close, leave, leave_by_exception, close_the_response], ids=lambda end: end.__name__)
@every_stream
def test_a_stream_closed_early_is_one_span_marked_incomplete(
    sample: Sample, end: Callable[[Any], None], provider: Provider, sdk: Sdk
) -> None:
    provider.say(sample.answer(is_stream=True))
    with sample.client(provider) as client:
        stream = opened(sample, client)
        end(stream)
        stream.close()
        span = sdk.span()
        assert span["costspan.usage.incomplete"] is True
        assert span["costspan.cost.state"] in ("estimated", "unpriced")
        assert "error.type" not in span.attributes
        del stream
        gc.collect()
    assert sdk.span() is span


@every_stream
def test_a_stream_that_is_dropped_ends_then(sample: Sample, provider: Provider, sdk: Sdk) -> None:
    provider.say(sample.answer(is_stream=True))
    with sample.client(provider) as client:
        for _ in opened(sample, client):
            break
        gc.collect()
        assert sdk.span()["costspan.usage.incomplete"] is True
    assert costspan.stats()["open_streams"] == 0


@every_stream
def test_a_stream_that_was_never_read_is_one_span_too(sample: Sample, provider: Provider, sdk: Sdk) -> None:
    provider.say(sample.answer(is_stream=True))
    with sample.client(provider) as client:
        opened(sample, client).close()
        span = sdk.span()
    assert span["costspan.usage.incomplete"] is True
    assert "gen_ai.response.time_to_first_chunk" not in span.attributes


@every_stream
def test_a_torn_connection_is_an_error_and_keeps_the_figures_seen_so_far(sample: Sample, provider: Provider, sdk: Sdk) -> None:
    answer = recording(str(sample.stream)).answer(cut_after=2)
    provider.say(answer)
    with sample.client(provider) as client:
        stream = opened(sample, client)
        with pytest.raises(Exception) as raised:
            list(stream)
        span = sdk.span()
    assert span["error.type"] == type(raised.value).__name__
    assert span.status_code == 2
    assert span["costspan.usage.incomplete"] is True
    if sample.adapter == "anthropic":
        assert span["gen_ai.usage.input_tokens"] == 1169
        assert span["gen_ai.usage.output_tokens"] == 1
        assert span["costspan.cost.state"] == "estimated"


@every_stream
def test_a_drained_stream_is_complete_whatever_happens_to_it_after(sample: Sample, provider: Provider, sdk: Sdk) -> None:
    provider.say(sample.answer(is_stream=True))
    with sample.client(provider) as client:
        stream = opened(sample, client)
        with stream:
            assert len(list(stream)) > 3
            assert list(stream) == []
            with pytest.raises(StopIteration):
                next(stream)
        stream.close()
    del stream
    gc.collect()
    span = sdk.span()
    assert "costspan.usage.incomplete" not in span.attributes
    assert span["costspan.cost.state"] == "priced"


@every_stream
def test_breaking_a_loop_does_not_end_a_stream_that_is_still_held(sample: Sample, provider: Provider, sdk: Sdk) -> None:
    provider.say(sample.answer(is_stream=True))
    with sample.client(provider) as client:
        stream = opened(sample, client)
        for _ in stream:
            break
        gc.collect()
        assert sdk.spans() == []
        assert costspan.stats()["open_streams"] == 1
        assert list(stream)
        assert "costspan.usage.incomplete" not in sdk.span().attributes


@every_stream
def test_a_closed_stream_whose_final_figures_had_come_is_complete(sample: Sample, provider: Provider, sdk: Sdk) -> None:
    provider.say(sample.answer(is_stream=True))
    with sample.client(provider) as client:
        stream = opened(sample, client)
        for chunk in stream:
            if getattr(chunk, "type", "") in ("message_delta", "response.completed") or getattr(chunk, "usage", None):
                break
        stream.close()
        assert "costspan.usage.incomplete" not in sdk.span().attributes


@every_stream
def test_no_reference_keeps_a_stream_alive(sample: Sample, provider: Provider, sdk: Sdk) -> None:
    provider.say(sample.answer(is_stream=True))
    with sample.client(provider) as client:
        stream = opened(sample, client)
        inner = weakref.ref(getattr(stream, "__wrapped__", stream))
        list(stream)
        del stream
        gc.collect()
        assert inner() is None


@every_stream
def test_a_cancelled_task_ends_its_stream_and_the_cancellation_passes(sample: Sample, provider: Provider, sdk: Sdk) -> None:
    provider.say(recording(str(sample.stream)).answer(hold=1))

    async def run() -> None:
        async with sample.client(provider, is_async=True) as client:
            stream = await sample.function(client)(**sample.kwargs(is_stream=True))
            first = asyncio.Event()

            async def read() -> None:
                async for _ in stream:
                    first.set()

            task = asyncio.create_task(read())
            await asyncio.wait_for(first.wait(), 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await stream.close()

    asyncio.run(run())
    span = sdk.span()
    assert span["error.type"] == "CancelledError"
    assert span["costspan.usage.incomplete"] is True


@every_stream
def test_an_async_stream_closed_early(sample: Sample, provider: Provider, sdk: Sdk) -> None:
    provider.say(sample.answer(is_stream=True))

    async def run() -> None:
        async with sample.client(provider, is_async=True) as client:
            async with await sample.function(client)(**sample.kwargs(is_stream=True)) as stream:
                assert stream.__class__.__name__ == "AsyncStream"
                await anext(stream)
            await stream.close()

    asyncio.run(run())
    assert sdk.span()["costspan.usage.incomplete"] is True
    assert "error.type" not in sdk.span().attributes


def test_a_call_cancelled_before_its_answer_is_an_error_span(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_stream_usage").answer(hold=0))

    async def run() -> None:
        async with async_openai_client(provider) as client:
            task = asyncio.create_task(client.chat.completions.create(**CHAT))
            while not provider.asked:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    span = sdk.span()
    assert span["error.type"] == "CancelledError"
    assert "costspan.cost.state" not in span.attributes


@pytest.mark.parametrize("kind", ["openai chat", "openai responses", "anthropic"])
def test_a_helper_left_early_ends_at_once(kind: str, provider: Provider, sdk: Sdk) -> None:
    with contextlib.ExitStack() as stack:
        if kind == "anthropic":
            provider.say(recording("messages_stream").answer())
            claude = stack.enter_context(anthropic_client(provider))
            manager: Any = claude.messages.stream(**ARGUMENTS)
        else:
            client = stack.enter_context(openai_client(provider))
            if kind == "openai chat":
                provider.say(recording("chat_stream_usage").answer())
                manager = client.chat.completions.stream(**CHAT)
            else:
                provider.say(recording("responses_stream").answer())
                manager = client.responses.stream(model="gpt-5-nano", input="hi")
        gc.disable()
        try:
            with manager as stream:
                for _ in stream:
                    break
            assert sdk.span()["costspan.usage.incomplete"] is True
        finally:
            gc.enable()


def test_chunks_read_by_several_threads_end_the_stream_once(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("messages_stream_cache").answer())
    with anthropic_client(provider) as claude:
        stream = claude.messages.create(stream=True, **ARGUMENTS)
        lock, chunks = threading.Lock(), []

        def read() -> None:
            while True:
                with lock:
                    chunk = next(stream, None)
                if chunk is None:
                    return
                chunks.append(chunk)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert chunks[-1].type in ("message_stop", "message_delta")
    assert sdk.span()["gen_ai.usage.output_tokens"] == 201


def test_many_streams_at_once_keep_their_figures_apart(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("messages_stream").answer())

    async def run() -> None:
        async with async_anthropic_client(provider) as claude:

            async def one(number: int) -> None:
                with costspan.feature(f"feature-{number}"):
                    async for _ in await claude.messages.create(stream=True, **ARGUMENTS):
                        pass

            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    group.create_task(one(number))

    asyncio.run(run())
    spans = sdk.spans()
    assert {span["costspan.feature"] for span in spans} == {f"feature-{number}" for number in range(20)}
    assert [span["gen_ai.usage.output_tokens"] for span in spans] == [3] * 20
