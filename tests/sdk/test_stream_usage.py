"""Asking for the usage of a chat stream in the caller's place: what goes out, and that the caller never sees it."""

import asyncio
import json
from typing import Any

import openai
import pytest

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import async_openai_client, openai_client
from tests.sdk.doubles.provider import Answer, Provider, answer_events, answer_json, recording
from tests.sdk.doubles.samples import shown

CHAT: Any = {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": "hi"}], "stream": True}
WITH_USAGE = recording("chat_stream_usage")


def without_usage() -> Answer:
    """The recorded stream as the provider sends it to those who did not ask for usage."""
    events = [event for event in WITH_USAGE.events() if event["choices"]]
    for event in events:
        del event["usage"]
    return answer_events(events)


def read(provider: Provider, *, is_async: bool = False, **options: Any) -> list[Any]:
    async def run() -> list[Any]:
        async with async_openai_client(provider) as client:
            return [shown(chunk) async for chunk in await client.chat.completions.create(**CHAT, **options)]

    if is_async:
        return asyncio.run(run())
    with openai_client(provider) as client:
        return [shown(chunk) for chunk in client.chat.completions.create(**CHAT, **options)]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_the_caller_sees_exactly_what_it_would_have_seen(is_async: bool, provider: Provider, sdk: Sdk) -> None:
    costspan.uninstrument()
    provider.say(without_usage())
    bare, bare_body = read(provider, is_async=is_async), provider.asked[0].body
    costspan.init(endpoint=sdk.collector.url)
    provider.say(WITH_USAGE.answer())
    observed = read(provider, is_async=is_async)
    assert observed == bare
    # Older clients write a blank after each separator.
    body, bare_body = provider.asked[1].body.replace(b" ", b""), bare_body.replace(b" ", b"")
    assert body == bare_body[:-1] + b',"stream_options":{"include_usage":true}}'
    assert sdk.span()["gen_ai.usage.output_tokens"] == 2


def test_other_stream_options_are_kept(provider: Provider, sdk: Sdk) -> None:
    provider.say(WITH_USAGE.answer())
    options: Any = {"include_obfuscation": False}
    read(provider, stream_options=options)
    assert json.loads(provider.asked[0].body)["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert options == {"include_obfuscation": False}


@pytest.mark.parametrize("asked", [True, False])
def test_a_caller_who_said_what_it_wants_gets_that(asked: bool, provider: Provider, sdk: Sdk) -> None:
    provider.say(WITH_USAGE.answer() if asked else without_usage())
    chunks = read(provider, stream_options={"include_usage": asked})
    assert json.loads(provider.asked[0].body)["stream_options"] == {"include_usage": asked}
    assert (chunks[-1][1]["choices"] == []) is asked
    span = sdk.span()
    assert span.get("gen_ai.usage.output_tokens") == (2 if asked else None)
    assert span["costspan.cost.state"] == ("priced" if asked else "unpriced")
    assert "costspan.usage.incomplete" not in span.attributes


@pytest.mark.parametrize("where", ["extra_body", "extra_body with usage"])
def test_options_in_the_extra_body_count(where: str, provider: Provider, sdk: Sdk) -> None:
    provider.say(WITH_USAGE.answer())
    extra: dict[str, Any] = {"include_usage": True} if "usage" in where else {"include_obfuscation": False}
    chunks = read(provider, extra_body={"stream_options": extra})
    assert json.loads(provider.asked[0].body)["stream_options"] == {**extra, "include_usage": True}
    assert (chunks[-1][1]["choices"] == []) is ("usage" in where)


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_it_can_be_switched_off(how: str, provider: Provider, sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "variable":
        monkeypatch.setenv("COSTSPAN_REQUEST_STREAM_USAGE", "0")
    costspan.init(endpoint=sdk.collector.url, request_stream_usage=False if how == "argument" else None)
    provider.say(without_usage())
    read(provider)
    assert "stream_options" not in json.loads(provider.asked[0].body)
    span = sdk.span()
    assert span["costspan.cost.state"] == "unpriced"
    assert span["gen_ai.response.finish_reasons"] == ["stop"]


def test_a_provider_that_sends_usage_unasked_is_not_asked(provider: Provider, sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    # The host is told from the URL, so the local server has to be known under the provider's name.
    monkeypatch.setattr("costspan._providers.provider_of_host", lambda host: "x_ai")
    provider.say(WITH_USAGE.answer())
    chunks = read(provider)
    assert "stream_options" not in json.loads(provider.asked[0].body)
    assert chunks[-1][1]["choices"] == []
    assert sdk.span()["gen_ai.usage.output_tokens"] == 2


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_server_that_does_not_know_the_option_fails_no_call(is_async: bool, provider: Provider, sdk: Sdk) -> None:
    refusal = {"error": {"message": "Unrecognized request argument supplied: stream_options", "type": "invalid_request"}}
    provider.say(answer_json(refusal, status=400), without_usage())
    assert len(read(provider, is_async=is_async)) == 4
    assert len(read(provider, is_async=is_async)) == 4
    assert ["stream_options" in asked.json() for asked in provider.asked] == [True, False, False]
    first, second = sdk.spans()
    assert "error.type" not in first.attributes
    assert "error.type" not in second.attributes


def test_the_callers_own_mistake_is_not_tried_twice(provider: Provider, sdk: Sdk) -> None:
    provider.say(answer_json({"error": {"message": "messages: too short"}}, status=400))
    with pytest.raises(openai.BadRequestError):
        read(provider)
    assert len(provider.asked) == 1
    assert sdk.span()["error.type"] == "BadRequestError"


def test_chunks_without_choices_that_are_not_the_usage_reach_the_caller(provider: Provider, sdk: Sdk) -> None:
    first = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
    provider.say(answer_events([first, *WITH_USAGE.events()]))
    chunks = read(provider)
    assert len(chunks) == 5
    assert chunks[0][1]["prompt_filter_results"] == [{"prompt_index": 0}]
    assert sdk.span()["gen_ai.response.model"] == "gpt-3.5-turbo-0125"
