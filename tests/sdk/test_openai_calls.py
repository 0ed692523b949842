"""openai: every way of calling it gives one span with the provider's own figures."""

import asyncio
from decimal import Decimal
from typing import Any

import openai
import pytest
from pydantic import BaseModel

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import async_openai_client, openai_client, options_for
from tests.sdk.doubles.provider import Answer, Provider, answer_events, answer_json, recording

MESSAGES: Any = [{"role": "user", "content": "hi"}]


def usage_of(span: Any) -> dict[str, Any]:
    """The span's usage attributes, prefixes cut."""
    return {
        name.removeprefix("gen_ai.usage.").removeprefix("costspan.usage."): value
        for name, value in span.attributes.items()
        if name.startswith(("gen_ai.usage.", "costspan.usage.")) and name != "gen_ai.usage.cost"
    }


def test_a_chat_completion_is_a_priced_client_span(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_cached").answer())
    with openai_client(provider) as client:
        client.chat.completions.create(model="gpt-4.1-nano", messages=MESSAGES, max_tokens=9)
    span = sdk.span()
    assert (span.name, span.kind, span.status_code, span.scope[0]) == ("chat gpt-4.1-nano", 3, 0, "costspan")
    assert span.resource["service.name"] == "tests"
    assert 0 < span.end_ns - span.start_ns < 10_000_000_000
    assert span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4.1-nano",
        "gen_ai.request.max_tokens": 9,
        "server.address": "127.0.0.1",
        "server.port": int(provider.url.rpartition(":")[2]),
        "gen_ai.response.id": "chatcmpl-E8Z6n6Fihw0TC4j20RGDbY8fsJmYL",
        "gen_ai.response.model": "gpt-4.1-nano-2025-04-14",
        "gen_ai.response.finish_reasons": ["stop"],
        "openai.api.type": "chat_completions",
        "openai.response.service_tier": "default",
        "costspan.service_tier": "default",
        "costspan.usage.basis": "inclusive",
        "gen_ai.usage.input_tokens": 1080,
        "gen_ai.usage.cache_read.input_tokens": 1024,
        "gen_ai.usage.audio.input_tokens": 0,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "gen_ai.usage.audio.output_tokens": 0,
        "costspan.feature": "tests.sdk.test_openai_calls",
        "costspan.feature.source": "module",
        "costspan.cost.state": "priced",
        # 56 x $0.10 + 1024 x $0.025 + 7 x $0.40, each per million.
        "costspan.cost.usd": "0.000034",
        "gen_ai.usage.cost": 0.000034,
    }


def test_attribution_is_on_the_span(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_stream_usage").answer())
    with openai_client(provider) as client:
        with costspan.feature("search", customer="acme", user="u1", session="s1", value="0.250", plan="pro", beta=True, n=3):
            stream = client.chat.completions.create(model="gpt-3.5-turbo", messages=MESSAGES, stream=True)
        with costspan.feature("elsewhere"):
            list(stream)
    span = sdk.span()
    assert {name: span.get(name) for name in ("costspan.feature", "costspan.customer", "user.id", "session.id")} == {
        "costspan.feature": "search",
        "costspan.customer": "acme",
        "user.id": "u1",
        "session.id": "s1",
    }
    assert span["costspan.value.usd"] == "0.25"
    tags = {name: value for name, value in span.attributes.items() if name.startswith("costspan.tag.")}
    assert tags == {"costspan.tag.plan": "pro", "costspan.tag.beta": True, "costspan.tag.n": 3}


def test_a_stream_reports_its_final_usage_and_the_time_to_its_first_chunk(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_stream_usage").answer())
    with openai_client(provider) as client:
        stream = client.chat.completions.create(
            model="gpt-3.5-turbo", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        assert isinstance(stream, openai.Stream)
        assert stream.response.status_code == 200
        chunks = list(stream)
    assert chunks[-1].choices == []
    span = sdk.span()
    assert usage_of(span) == {
        "basis": "inclusive",
        "input_tokens": 14,
        "cache_read.input_tokens": 0,
        "audio.input_tokens": 0,
        "output_tokens": 2,
        "reasoning.output_tokens": 0,
        "audio.output_tokens": 0,
    }
    # 14 x $0.50 + 2 x $1.50, each per million.
    assert Decimal(span["costspan.cost.usd"]) == Decimal("0.00001")
    assert span["gen_ai.response.id"] == "chatcmpl-Cy2zjeGWSECDn9XoT5ksWPV6r4Zl6"
    assert span["gen_ai.response.finish_reasons"] == ["stop"]
    first_chunk_s = span["gen_ai.response.time_to_first_chunk"]
    assert 0 < first_chunk_s < (span.end_ns - span.start_ns) / 1e9


def test_the_responses_api(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("responses_reasoning").answer())
    with openai_client(provider) as client:
        client.responses.create(model="gpt-5-nano", input="hi", max_output_tokens=500)
    span = sdk.span()
    assert usage_of(span) == {
        "basis": "inclusive",
        "input_tokens": 1586,
        "cache_read.input_tokens": 1536,
        "cache_write.input_tokens": 0,
        "output_tokens": 393,
        "reasoning.output_tokens": 320,
    }
    assert span["openai.api.type"] == "responses"
    assert span["gen_ai.request.max_tokens"] == 500
    assert span["gen_ai.response.finish_reasons"] == ["completed"]
    # 50 x $0.05 + 1536 x $0.005 + 393 x $0.40, each per million.
    assert span["costspan.cost.usd"] == "0.00016738"


@pytest.mark.parametrize("how", ["stream", "helper", "async", "async helper"])
def test_streamed_responses(how: str, provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("responses_stream").answer())

    async def run_async() -> None:
        async with async_openai_client(provider) as client:
            if how == "async":
                async for _ in await client.responses.create(model="gpt-5-nano", input="hi", stream=True):
                    pass
            else:
                async with client.responses.stream(model="gpt-5-nano", input="hi") as stream:
                    assert (await stream.get_final_response()).usage is not None

    if how.startswith("async"):
        asyncio.run(run_async())
    else:
        with openai_client(provider) as client:
            if how == "stream":
                list(client.responses.create(model="gpt-5-nano", input="hi", stream=True))
            else:
                with client.responses.stream(model="gpt-5-nano", input="hi") as stream:
                    assert stream.get_final_response().usage is not None
    span = sdk.span()
    assert usage_of(span) == {
        "basis": "inclusive",
        "input_tokens": 13,
        "cache_read.input_tokens": 0,
        "output_tokens": 128,
        "reasoning.output_tokens": 64,
    }
    assert span["gen_ai.request.stream"] is True


def test_embeddings(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("embeddings").answer())
    with openai_client(provider) as client:
        client.embeddings.create(model="text-embedding-3-small", input="hi")
    span = sdk.span()
    assert span.name == "embeddings text-embedding-3-small"
    assert usage_of(span) == {"basis": "inclusive", "input_tokens": 6}
    assert span["costspan.cost.usd"] == "0.00000012"


def test_completions(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("completions").answer())
    with openai_client(provider) as client:
        client.completions.create(model="davinci-002", prompt="hi")
    span = sdk.span()
    assert span["gen_ai.operation.name"] == "text_completion"
    assert usage_of(span) == {"basis": "inclusive", "input_tokens": 8, "output_tokens": 16}


def test_several_choices_are_one_call(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_multi_choice").answer())
    with openai_client(provider) as client:
        client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, n=2)
    span = sdk.span()
    assert span["gen_ai.response.finish_reasons"] == ["stop", "stop"]
    assert span["gen_ai.usage.output_tokens"] == 10


class City(BaseModel):
    """What the parse helper is asked for."""

    name: str


PARSED = {
    "id": "chatcmpl-parsed",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": '{"name": "Rome"}'}}],
    "usage": {"prompt_tokens": 40, "completion_tokens": 8, "total_tokens": 48},
}


def test_parse_is_one_span(provider: Provider, sdk: Sdk) -> None:
    provider.say(answer_json(PARSED))
    with openai_client(provider) as client:
        result = client.chat.completions.parse(model="gpt-4o-mini", messages=MESSAGES, response_format=City)
    assert result.choices[0].message.parsed == City(name="Rome")
    assert usage_of(sdk.span()) == {"basis": "inclusive", "input_tokens": 40, "output_tokens": 8}


def test_the_chat_stream_helper_is_one_span(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("chat_stream_usage").answer())
    with openai_client(provider) as client, client.chat.completions.stream(model="gpt-3.5-turbo", messages=MESSAGES) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "Rome"
    assert final.usage is None
    assert sdk.span()["gen_ai.usage.output_tokens"] == 2


def test_retries_of_the_client_are_one_call(provider: Provider, sdk: Sdk) -> None:
    busy = Answer(b'{"error": {"message": "slow down"}}', status=429, headers={"retry-after-ms": "1"})
    provider.say(busy, busy, recording("chat_cached").answer())
    with openai_client(provider, max_retries=2) as client:
        client.chat.completions.create(model="gpt-4.1-nano", messages=MESSAGES)
    assert len(provider.asked) == 3
    assert sdk.span()["gen_ai.usage.input_tokens"] == 1080


def test_a_model_without_a_price_is_unpriced_and_not_free(provider: Provider, sdk: Sdk) -> None:
    provider.say(answer_json({**PARSED, "model": "no-such-model-1"}))
    with openai_client(provider) as client:
        client.chat.completions.create(model="no-such-model-1", messages=MESSAGES)
    span = sdk.span()
    assert span["costspan.cost.state"] == "unpriced"
    assert span["gen_ai.usage.input_tokens"] == 40
    assert not {"costspan.cost.usd", "gen_ai.usage.cost"} & set(span.attributes)


def test_an_answer_without_usage_is_unpriced_and_has_no_figures(provider: Provider, sdk: Sdk) -> None:
    provider.say(answer_json({**PARSED, "usage": None}))
    with openai_client(provider) as client:
        client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    span = sdk.span()
    assert usage_of(span) == {}
    assert span["costspan.cost.state"] == "unpriced"


def test_running_totals_are_overwritten_and_never_added(provider: Provider, sdk: Sdk) -> None:
    def chunk(content: str, finish: str | None, completion_tokens: int) -> dict[str, Any]:
        return {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}],
            "usage": {"prompt_tokens": 10, "completion_tokens": completion_tokens, "total_tokens": 10 + completion_tokens},
        }

    provider.say(answer_events([chunk("a", None, 1), chunk("b", None, 2), chunk("c", "stop", 3)]))
    with openai_client(provider) as client:
        assert len(list(client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True))) == 3
    assert usage_of(sdk.span()) == {"basis": "inclusive", "input_tokens": 10, "output_tokens": 3}


def test_the_price_tier_is_the_one_of_the_response(provider: Provider, sdk: Sdk) -> None:
    provider.say(answer_json({**PARSED, "model": "gpt-5-2025-08-07", "service_tier": "flex"}))
    with openai_client(provider) as client:
        client.chat.completions.create(model="gpt-5", messages=MESSAGES, service_tier="auto")
    span = sdk.span()
    assert span["costspan.service_tier"] == span["openai.response.service_tier"] == "flex"
    # Half of $1.25 and $10 per million.
    assert span["costspan.cost.usd"] == "0.000065"


def test_azure_is_told_from_the_clients_class(provider: Provider, sdk: Sdk) -> None:
    provider.say(answer_json(PARSED))
    with openai.AzureOpenAI(
        azure_endpoint=provider.url, api_version="2025-01-01-preview", **options_for(is_async=False)
    ) as azure:
        azure.chat.completions.create(model="my-deployment", messages=MESSAGES)
    assert provider.asked[0].path.startswith("/openai/deployments/my-deployment/chat/completions")
    span = sdk.span()
    assert span["gen_ai.provider.name"] == "azure.ai.openai"
    assert span["gen_ai.request.model"] == "my-deployment"
    assert span["gen_ai.response.model"] == "gpt-4o-mini-2024-07-18"
    assert span["costspan.cost.state"] == "priced"
