"""anthropic: every way of calling it gives one span with the provider's own figures."""

import asyncio
import inspect
from typing import Any

import anthropic
import pytest

from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import anthropic_client, async_anthropic_client, options_for
from tests.sdk.doubles.provider import Provider, answer_events, answer_json, recording
from tests.sdk.test_openai_calls import usage_of

ARGUMENTS: Any = {"max_tokens": 32, "messages": [{"role": "user", "content": "hi"}]}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-6",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
}


def test_caches_and_tools_are_counted_and_priced_each(provider: Provider, sdk: Sdk) -> None:
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 300,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        "cache_read_input_tokens": 1000,
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 20},
        "server_tool_use": {"web_search_requests": 2},
        "service_tier": "standard",
    }
    provider.say(answer_json({**MESSAGE, "usage": usage}))
    with anthropic_client(provider) as claude:
        claude.messages.create(model="claude-sonnet-4-6", **ARGUMENTS)
    span = sdk.span()
    assert span.name == "chat claude-sonnet-4-6"
    assert span["gen_ai.provider.name"] == "anthropic"
    assert span["gen_ai.response.id"] == "msg_1"
    assert span["gen_ai.response.finish_reasons"] == ["end_turn"]
    assert span["costspan.service_tier"] == "standard"
    assert "openai.response.service_tier" not in span.attributes
    assert usage_of(span) == {
        "basis": "exclusive",
        "input_tokens": 1303,
        "cache_read.input_tokens": 1000,
        "cache_write.input_tokens": 300,
        "cache_write_5m": 100,
        "cache_write_1h": 200,
        "output_tokens": 50,
        "reasoning.output_tokens": 20,
        "web_search": 2,
    }
    # Per million: 3 x $3 + 100 x $3.75 + 200 x $6 + 1000 x $0.30 + 50 x $15, and 2 searches at $10 per thousand.
    assert span["costspan.cost.usd"] == "0.022634"


def test_the_recorded_message(provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("messages_cache_write").answer())
    with anthropic_client(provider) as claude:
        claude.messages.create(model="claude-sonnet-5", **ARGUMENTS)
    assert usage_of(sdk.span()) == {
        "basis": "exclusive",
        "input_tokens": 2 + 44 + 1650,
        "cache_read.input_tokens": 1650,
        "cache_write.input_tokens": 44,
        "cache_write_5m": 44,
        "cache_write_1h": 0,
        "output_tokens": 7,
        "reasoning.output_tokens": 0,
    }


@pytest.mark.parametrize("how", ["stream", "helper", "async", "async helper"])
def test_stream_figures_are_overwritten_key_by_key(how: str, provider: Provider, sdk: Sdk) -> None:
    provider.say(recording("messages_stream_cache").answer())
    model = "claude-3-5-sonnet-20240620"

    async def run_async() -> None:
        async with async_anthropic_client(provider) as claude:
            if how == "async":
                async for _ in await claude.messages.create(model=model, stream=True, **ARGUMENTS):
                    pass
            else:
                async with claude.messages.stream(model=model, **ARGUMENTS) as stream:
                    assert (await stream.get_final_message()).usage.output_tokens == 201

    if how.startswith("async"):
        asyncio.run(run_async())
    else:
        with anthropic_client(provider) as claude:
            if how == "stream":
                list(claude.messages.create(model=model, stream=True, **ARGUMENTS))
            else:
                with claude.messages.stream(model=model, **ARGUMENTS) as stream:
                    assert stream.get_final_message().usage.output_tokens == 201
    span = sdk.span()
    assert usage_of(span) == {
        "basis": "exclusive",
        "input_tokens": 4 + 1165,
        "cache_read.input_tokens": 0,
        "cache_write.input_tokens": 1165,
        "cache_write_5m": 1165,
        "output_tokens": 201,
    }
    # Per million: 4 x $3 + 1165 x $3.75 + 201 x $15.
    assert span["costspan.cost.usd"] == "0.00739575"
    assert span["gen_ai.response.finish_reasons"] == ["end_turn"]


def test_a_later_figure_replaces_an_earlier_one_and_keeps_what_it_leaves_out(provider: Provider, sdk: Sdk) -> None:
    start = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 70,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 70},
        "cache_read_input_tokens": 5,
        "output_tokens": 1,
        "service_tier": "priority",
    }
    provider.say(
        answer_events(
            [
                {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None, "usage": start}},
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": None},
                    "usage": {"output_tokens": 20, "server_tool_use": {"web_search_requests": 1}},
                },
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "max_tokens"},
                    "usage": {"input_tokens": 900, "cache_read_input_tokens": 50, "output_tokens": 30},
                },
                {"type": "message_stop"},
            ],
            done=False,
            named=True,
        )
    )
    with anthropic_client(provider) as claude:
        list(claude.messages.create(model="claude-sonnet-4-6", stream=True, **ARGUMENTS))
    span = sdk.span()
    assert usage_of(span) == {
        "basis": "exclusive",
        "input_tokens": 900 + 70 + 50,
        "cache_read.input_tokens": 50,
        "cache_write.input_tokens": 70,
        "cache_write_5m": 0,
        "cache_write_1h": 70,
        "output_tokens": 30,
        "web_search": 1,
    }
    assert span["costspan.service_tier"] == "priority"
    assert span["gen_ai.response.finish_reasons"] == ["max_tokens"]


def test_beta_messages(provider: Provider, sdk: Sdk) -> None:
    provider.say(answer_json({**MESSAGE, "usage": {"input_tokens": 5, "output_tokens": 6}}))
    with anthropic_client(provider) as claude:
        claude.beta.messages.create(model="claude-sonnet-4-6", **ARGUMENTS)
    assert provider.asked[0].path.partition("?")[0] == "/v1/messages"
    assert usage_of(sdk.span()) == {"basis": "exclusive", "input_tokens": 5, "output_tokens": 6}


def test_counting_tokens_is_not_billed_and_gives_no_span(provider: Provider, sdk: Sdk) -> None:
    provider.say(answer_json({"input_tokens": 12}))
    with anthropic_client(provider) as claude:
        assert claude.messages.count_tokens(model="claude-sonnet-4-6", messages=ARGUMENTS["messages"]).input_tokens == 12
    assert sdk.spans() == []


def test_bedrock_is_told_from_the_clients_class(provider: Provider, sdk: Sdk) -> None:
    if "api_key" not in inspect.signature(anthropic.AnthropicBedrock).parameters:
        pytest.skip("this version of the Bedrock client signs with boto3")
    provider.say(answer_json({**MESSAGE, "usage": {"input_tokens": 5, "output_tokens": 6}}))
    with anthropic.AnthropicBedrock(base_url=provider.url, aws_region="us-east-1", **options_for(is_async=False)) as claude:
        claude.messages.create(model="anthropic.claude-sonnet-4-5-20250929-v1:0", **ARGUMENTS)
    assert provider.asked[0].path.endswith("/invoke")
    span = sdk.span()
    assert span["gen_ai.provider.name"] == "aws.bedrock"
    assert span["gen_ai.request.model"] == "anthropic.claude-sonnet-4-5-20250929-v1:0"


def test_vertex_is_told_from_the_clients_class(provider: Provider, sdk: Sdk) -> None:
    provider.say(answer_json({**MESSAGE, "usage": {"input_tokens": 5, "output_tokens": 6}}))
    options = options_for(is_async=False)
    del options["api_key"]
    with anthropic.AnthropicVertex(
        base_url=provider.url, project_id="p", region="us-east5", access_token="t", **options
    ) as claude:
        claude.messages.create(model="claude-sonnet-4-5@20250929", **ARGUMENTS)
    assert provider.asked[0].path.endswith(":rawPredict")
    assert sdk.span()["gen_ai.provider.name"] == "gcp.vertex_ai"
