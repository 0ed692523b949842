"""with_raw_response, with_streaming_response, post(): the caller gets its own object, usage is read as the bytes pass."""

import asyncio
import gc
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import anthropic_client, async_openai_client, http, openai_client
from tests.sdk.doubles.provider import Provider, recording

CHAT: Any = {"model": "gpt-4.1-nano", "messages": [{"role": "user", "content": "hi"}]}
CLAUDE: Any = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def test_a_raw_response_can_be_used_in_every_way(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as client:
        raw = client.chat.completions.with_raw_response.create(**CHAT)
    assert type(raw).__name__ == "LegacyAPIResponse"
    assert json.loads(raw.text) == recording("chat_cached").json()
    assert raw.parse().usage is not None
    assert raw.parse() is raw.parse()
    span = sdk.span()
    assert span["gen_ai.usage.input_tokens"] == 1080
    assert span["costspan.cost.usd"] == "0.000034"
    assert "gen_ai.request.stream" not in span.attributes


def test_a_raw_response_of_an_async_client(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer(is_gzip=True))

    async def run() -> None:
        async with async_openai_client(provider) as client:
            raw = await client.chat.completions.with_raw_response.create(**CHAT)
            assert raw.parse().usage is not None

    asyncio.run(run())
    assert sdk.span()["gen_ai.usage.output_tokens"] == 7


def test_an_http_response_that_was_asked_for_by_type(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as client:
        response = client.post("/chat/completions", cast_to=http.Response, body=CHAT)
    assert type(response) is http.Response
    assert sdk.span()["gen_ai.usage.output_tokens"] == 7


@pytest.mark.parametrize("read", ["parse", "json", "read", "iter_bytes", "iter_lines"])
@pytest.mark.parametrize("is_gzip", [False, True], ids=["plain", "gzip"])
def test_a_streaming_response_that_is_read_whole(read: str, is_gzip: bool, provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer(is_gzip=is_gzip))
    with openai_client(provider) as client, client.chat.completions.with_streaming_response.create(**CHAT) as response:
        assert isinstance(response.http_response.stream, http.SyncByteStream)
        result: Any = getattr(response, read)()
        if read.startswith("iter"):
            assert b"".join(part.encode() if isinstance(part, str) else part for part in result)
    span = sdk.span()
    assert span["gen_ai.usage.input_tokens"] == 1080
    assert "costspan.usage.incomplete" not in span.attributes


def test_a_streaming_response_that_is_not_read_says_that_usage_is_missing(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as client, client.chat.completions.with_streaming_response.create(**CHAT) as response:
        assert response.status_code == 200
    span = sdk.span()
    assert span["costspan.usage.incomplete"] is True
    assert span["costspan.cost.state"] == "unpriced"


@pytest.mark.parametrize("how", ["raw", "streaming"])
@pytest.mark.parametrize("read", ["parse", "iter_lines"])
def test_a_raw_event_stream_goes_out_and_comes_in_untouched(how: str, read: str, provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_stream_usage").answer())
    arguments: Any = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
    with openai_client(provider) as client:
        completions = client.chat.completions
        if how == "raw":
            seen = events(completions.with_raw_response.create(**arguments), read)
        else:
            with completions.with_streaming_response.create(**arguments) as response:
                seen = events(response, read)
    assert seen == 5 + (read != "parse")
    span = sdk.span()
    assert span["gen_ai.usage.output_tokens"] == 2
    assert span["gen_ai.response.finish_reasons"] == ["stop"]
    assert span["gen_ai.response.time_to_first_chunk"] > 0
    assert "costspan.usage.incomplete" not in span.attributes


def events(response: Any, read: str) -> int:
    """How many events there are, read in that way."""
    if read == "parse":
        stream = response.parse()
        assert type(stream).__name__ == "Stream"
        return len(list(stream))
    lines = response.iter_lines() if hasattr(response, "iter_lines") else response.http_response.iter_lines()
    return len([line for line in lines if line.startswith("data:")])


def test_nothing_is_asked_for_in_the_place_of_a_caller_who_reads_the_bytes(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_stream_no_usage").answer())
    with openai_client(provider) as client:
        response = client.chat.completions.with_raw_response.create(**{**CHAT, "stream": True})
        list(response.parse())
    assert "stream_options" not in provider.asked[0].json()
    span = sdk.span()
    assert span["costspan.cost.state"] == "unpriced"
    assert "gen_ai.usage.output_tokens" not in span.attributes


def test_anthropic_events_are_read_from_the_bytes(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("messages_stream_cache").answer())
    with (
        anthropic_client(provider) as client,
        client.messages.with_streaming_response.create(**CLAUDE, stream=True) as response,
    ):
        assert len(list(response.parse())) > 10
    span = sdk.span()
    assert span["gen_ai.usage.input_tokens"] == 1169
    assert span["gen_ai.usage.output_tokens"] == 201
    assert span["costspan.usage.cache_write_5m"] == 1165


def test_a_raw_stream_closed_early_is_incomplete(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("messages_stream_cache").answer())
    with (
        anthropic_client(provider) as client,
        client.messages.with_streaming_response.create(**CLAUDE, stream=True) as response,
    ):
        next(iter(response.parse()))
    span = sdk.span()
    assert span["costspan.usage.incomplete"] is True
    assert span["gen_ai.usage.output_tokens"] == 1


def test_a_raw_stream_that_is_dropped_ends_then(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_stream_no_usage").answer())
    with openai_client(provider) as client:
        client.chat.completions.with_raw_response.create(**{**CHAT, "stream": True})
        gc.collect()
        assert sdk.span()["costspan.usage.incomplete"] is True


def test_a_torn_raw_stream_is_an_error(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_stream_no_usage").answer(cut_after=1))
    with openai_client(provider) as client:
        response = client.chat.completions.with_raw_response.create(**{**CHAT, "stream": True})
        with pytest.raises(Exception):  # noqa: B017
            list(response.parse())
    span = sdk.span()
    assert span["error.type"] == "RemoteProtocolError"
    assert span["costspan.usage.incomplete"] is True


@pytest.mark.parametrize("is_read", [True, False], ids=["read", "left"])
def test_an_async_streaming_response(is_read: bool, provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_stream_usage").answer())
    arguments: Any = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}

    async def run() -> None:
        async with (
            async_openai_client(provider) as client,
            client.chat.completions.with_streaming_response.create(**arguments) as response,
        ):
            stream = await response.parse()
            assert await anext(stream)
            if is_read:
                assert len([chunk async for chunk in stream]) == 4

    asyncio.run(run())
    span = sdk.span()
    assert span.get("gen_ai.usage.output_tokens") == (2 if is_read else None)
    assert span.get("costspan.usage.incomplete") == (None if is_read else True)


@pytest.mark.parametrize(
    "told", [{"content_type": "text/plain"}, {"headers": {"Content-Encoding": "x-unheard-of"}}], ids=["type", "encoding"]
)
def test_a_body_that_cannot_be_read_says_that_usage_is_missing(told: Any, provider: Provider, sdk: Sdk) -> None:
    provider.say(replace(recording("chat_cached").answer(), **told))
    with openai_client(provider) as client, client.chat.completions.with_streaming_response.create(**CHAT) as response:
        assert response.read()
    span = sdk.span()
    assert span["costspan.usage.incomplete"] is True
    assert span["costspan.cost.state"] == "unpriced"


def test_a_request_to_an_absolute_url_is_observed_too(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as client:
        client.post(provider.url + "/v2/chat/completions", cast_to=object, body={"model": "gpt-4o-mini"})
    assert sdk.span()["gen_ai.usage.output_tokens"] == 7


def test_a_result_that_is_a_plain_dict_is_observed_too(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("embeddings").answer())
    with openai_client(provider) as client:
        result = client.post("/embeddings", cast_to=object, body={"model": "text-embedding-3-small", "input": "hi"})
    assert isinstance(result, dict)
    assert sdk.span()["gen_ai.usage.input_tokens"] == 6
