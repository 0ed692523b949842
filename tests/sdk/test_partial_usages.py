"""What one call consumed on several models: the call's own figures, and a span of its own beside it for each other model."""

import asyncio
from typing import Any

import pytest

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import anthropic_client, async_anthropic_client, openai_client
from tests.sdk.doubles.collector import Span
from tests.sdk.doubles.provider import Answer, Provider, answer_events, answer_json

MESSAGES: Any = [{"role": "user", "content": "hi"}]
MODEL, ADVISOR = "claude-sonnet-4-6", "claude-opus-4-8"


def message(usage: Any, model: str = MODEL) -> dict[str, Any]:
    content = [{"type": "text", "text": "Hello."}]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "end_turn",
        "usage": usage,
    }


def iteration(kind: str, tokens: int, model: str | None = None) -> dict[str, Any]:
    figures = {"input_tokens": tokens, "output_tokens": tokens + 1, "cache_creation_input_tokens": 0}
    named = {} if model is None else {"model": model}
    return {"type": kind, "cache_read_input_tokens": 0, **figures, **named}


def streamed(usage: Any) -> Answer:
    begun = {**message({"input_tokens": 1, "output_tokens": 1}), "content": [], "stop_reason": None}
    events = [
        {"type": "message_start", "message": begun},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage},
        {"type": "message_stop"},
    ]
    return answer_events(events, named=True, done=False)


def ask(provider: Provider, usage: Any, how: str = "plain") -> None:
    arguments: Any = {"model": MODEL, "max_tokens": 9, "messages": MESSAGES}

    async def run() -> None:
        async with async_anthropic_client(provider) as client:
            await client.messages.create(**arguments)

    provider.say(streamed(usage) if how == "stream" else answer_json(message(usage)))
    if how == "async":
        asyncio.run(run())
        return
    with anthropic_client(provider) as client:
        if how == "stream":
            assert list(client.messages.create(**arguments, stream=True))
        else:
            client.messages.create(**arguments)


def tokens(span: Span) -> tuple[int, int]:
    return span["gen_ai.usage.input_tokens"], span["gen_ai.usage.output_tokens"]


HOW = pytest.mark.parametrize("how", ["plain", "async", "stream"])


@HOW
def test_a_compaction_is_added(how: str, provider: Provider, sdk: Sdk) -> None:
    iterations = [iteration("compaction", 1000), iteration("message", 20)]
    ask(provider, {"input_tokens": 20, "output_tokens": 21, "iterations": iterations}, how)
    span = sdk.span()
    assert tokens(span) == (1020, 1022)
    assert span["gen_ai.response.model"] == MODEL
    assert span["costspan.cost.state"] == "priced"
    assert "costspan.operation.id" not in span.attributes


@HOW
def test_an_advisor_is_a_call_of_its_own_beside_it(how: str, provider: Provider, sdk: Sdk) -> None:
    iterations = [iteration("message", 20), iteration("advisor_message", 300, ADVISOR), iteration("message", 20)]
    usage = {"input_tokens": 40, "output_tokens": 42, "iterations": iterations}
    with costspan.feature("search", customer="acme"):
        ask(provider, usage, how)
    advisor, own = sorted(sdk.spans(), key=lambda span: str(span["gen_ai.response.model"]))
    assert (own["gen_ai.response.model"], advisor["gen_ai.response.model"]) == (MODEL, ADVISOR)
    assert tokens(own) == (40, 42)
    assert tokens(advisor) == (300, 301)
    assert own["costspan.operation.id"] == advisor["costspan.operation.id"]
    assert (advisor.trace_id, advisor.parent_span_id) == (own.trace_id, own.parent_span_id)
    assert advisor.span_id != own.span_id
    for span in (own, advisor):
        assert (span["costspan.feature"], span["costspan.customer"]) == ("search", "acme")
        assert span["costspan.cost.state"] == "priced"
    # One response id, one call: the advisor has none.
    assert own["gen_ai.response.id"] == "msg_1"
    assert "gen_ai.response.id" not in advisor.attributes


def test_a_fallback_is_of_the_model_that_it_names(provider: Provider, sdk: Sdk) -> None:
    iterations = [iteration("message", 20, MODEL), iteration("fallback_message", 20, "claude-haiku-5-5")]
    ask(provider, {"input_tokens": 20, "output_tokens": 21, "iterations": iterations})
    span = sdk.span()
    assert (span["gen_ai.request.model"], span["gen_ai.response.model"]) == (MODEL, "claude-haiku-5-5")
    assert tokens(span) == (20, 21)


@pytest.mark.parametrize("iterations", [None, [], "x", [3], [{"type": "advisor_message"}], [iteration("tomorrow", 5, ADVISOR)]])
def test_what_is_not_known_changes_nothing(iterations: Any, provider: Provider, sdk: Sdk) -> None:
    ask(provider, {"input_tokens": 20, "output_tokens": 21, "iterations": iterations})
    assert tokens(sdk.span()) == (20, 21)


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_groq_s_compound_systems_are_billed_by_model(is_stream: bool, provider: Provider, sdk: Sdk) -> None:
    groq = pytest.importorskip("groq")

    def usage(prompt: int) -> dict[str, int]:
        return {"prompt_tokens": prompt, "completion_tokens": 7, "total_tokens": prompt + 7}

    models = [{"model": "openai/gpt-oss-120b", "usage": usage(100)}, {"model": "llama-3.3-70b-versatile", "usage": usage(900)}]
    common = {"id": "chatcmpl-1", "created": 1, "model": "groq/compound", "usage_breakdown": {"models": models}}
    if is_stream:
        choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
        last = {**common, "object": "chat.completion.chunk", "choices": [choice], "x_groq": {"usage": usage(1000)}}
        provider.say(answer_events([last]))
    else:
        choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
        provider.say(answer_json({**common, "object": "chat.completion", "choices": [choice], "usage": usage(1000)}))
    with groq.Groq(api_key="key", base_url=provider.url) as client:
        result = client.chat.completions.create(model="groq/compound", messages=MESSAGES, stream=is_stream)
        if is_stream:
            assert list(result)
    spans = sorted(sdk.spans(), key=lambda span: str(span["gen_ai.response.model"]))
    assert [span["gen_ai.response.model"] for span in spans] == ["llama-3.3-70b-versatile", "openai/gpt-oss-120b"]
    assert [tokens(span) for span in spans] == [(900, 7), (100, 7)]
    assert len({span["costspan.operation.id"] for span in spans}) == 1
    assert [span["costspan.cost.state"] for span in spans] == ["priced", "priced"]


def test_openai_s_vector_graphics_are_added(provider: Provider, sdk: Sdk) -> None:
    usage = {
        "input_tokens": 50,
        "output_tokens": 1000,
        "total_tokens": 1050,
        "input_tokens_details": {"text_tokens": 50, "image_tokens": 0},
    }
    svg = {"model": "gpt-5-mini", "input_tokens": 30, "output_tokens": 700, "total_tokens": 730}
    provider.say(answer_json({"created": 1, "data": [{"b64_json": "AA=="}], "usage": usage, "svg_usage": svg}))
    with openai_client(provider) as client:
        client.images.generate(model="gpt-image-1", prompt="a cat")
    spans = sdk.spans()
    assert {span.get("gen_ai.response.model") for span in spans} == {None, "gpt-5-mini"}
    assert sorted(tokens(span) for span in spans) == [(30, 700), (50, 1000)]
    assert len({span["costspan.operation.id"] for span in spans}) == 1
