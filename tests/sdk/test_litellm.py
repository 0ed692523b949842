"""litellm: what goes out is a call each, whoever sends it; a router's attempts are joined, and cached answers are none."""

import asyncio
import gc
import importlib
import os
import time
from typing import Any

import pytest

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.bodies import MESSAGES, TEXT
from tests.sdk.doubles.collector import Span
from tests.sdk.doubles.families import FAMILIES
from tests.sdk.doubles.provider import Provider, answer_json

# Read at import: without it the price list is fetched from the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # litellm keeps its HTTP clients, and does not close them.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # It has models of pydantic serialized that are not what their fields say.
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
]
FAMILY = {family.name: family for family in FAMILIES}
REFUSAL = answer_json({"error": {"message": "no"}}, status=500)


@pytest.fixture(scope="module")
def litellm() -> Any:
    pytest.importorskip("litellm")
    module = importlib.import_module("litellm")
    module.suppress_debug_info = True
    return module


def router(litellm: Any, provider: Provider, **options: Any) -> Any:
    def deployment(name: str, model: str, path: str) -> dict[str, Any]:
        return {"model_name": name, "litellm_params": {"model": model, "api_base": provider.url + path, "api_key": "key"}}

    deployments = [deployment("main", "openai/gpt-5", "/v1"), deployment("spare", "anthropic/claude-haiku-5-5", "")]
    return litellm.Router(deployments, fallbacks=[{"main": ["spare"]}], num_retries=0, **options)


def ask(router_: Any, *, is_async: bool, is_stream: bool) -> Any:
    async def run() -> Any:
        answer = await router_.acompletion(model="main", messages=MESSAGES, stream=is_stream)
        return [chunk async for chunk in answer] if is_stream else answer

    if is_async:
        return asyncio.run(run())
    answer = router_.completion(model="main", messages=MESSAGES, stream=is_stream)
    return list(answer) if is_stream else answer


def text(answer: Any) -> str:
    if isinstance(answer, list):
        return "".join(chunk.choices[0].delta.content or "" for chunk in answer)
    return str(answer.choices[0].message.content)


def ended(litellm: Any, sdk: Sdk, count: int) -> list[Span]:
    """litellm leaves streams unread behind their last event: they end when it has let go of them, which its log of the
    latest call does at the next."""
    litellm.error_logs.clear()
    deadline = time.monotonic() + 10
    while len(sdk.spans()) < count and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.05)
    return sdk.spans()


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_fallback_s_attempts_are_calls_of_one_operation(
    is_async: bool, is_stream: bool, litellm: Any, provider: Provider, sdk: Sdk
) -> None:
    spare = FAMILY["anthropic"].events if is_stream else FAMILY["anthropic"].answer
    assert spare is not None
    provider.say(REFUSAL, spare)
    with costspan.feature("search"):
        assert text(ask(router(litellm, provider), is_async=is_async, is_stream=is_stream)) == TEXT
    failed, answered = ended(litellm, sdk, 2)
    assert (failed["gen_ai.provider.name"], answered["gen_ai.provider.name"]) == ("openai", "anthropic")
    assert failed["error.type"] == "InternalServerError"
    assert answered["gen_ai.response.id"] == "msg_1"
    assert answered["gen_ai.usage.input_tokens"] == 5
    assert "costspan.usage.incomplete" not in answered.attributes
    assert failed["costspan.operation.id"] == answered["costspan.operation.id"]
    assert (failed["costspan.feature"], answered["costspan.feature"]) == ("search", "search")


def test_two_questions_are_two_operations(litellm: Any, provider: Provider, sdk: Sdk) -> None:
    provider.say(FAMILY["openai-chat"].answer)
    for _ in range(2):
        ask(router(litellm, provider), is_async=False, is_stream=False)
    first, second = sdk.spans()
    assert first["costspan.operation.id"] != second["costspan.operation.id"]


def test_a_cached_answer_books_nothing(litellm: Any, provider: Provider, sdk: Sdk) -> None:
    provider.say(FAMILY["openai-chat"].answer)
    one = router(litellm, provider, cache_responses=True)
    assert [text(ask(one, is_async=False, is_stream=False)) for _ in range(3)] == [TEXT] * 3
    assert len(provider.asked) == 1
    assert sdk.span()["gen_ai.response.id"] == "chatcmpl-1"
    litellm.cache = None


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_over_another_observed_client_it_is_that_client_s_call(
    is_stream: bool, litellm: Any, provider: Provider, sdk: Sdk
) -> None:
    family = FAMILY["openai-chat"]
    provider.say(family.events if is_stream and family.events else family.answer)
    answer = litellm.completion(
        model="openai/gpt-5", api_base=provider.url + "/v1", api_key="key", messages=MESSAGES, stream=is_stream, max_retries=0
    )
    assert text(list(answer) if is_stream else answer) == TEXT
    span = sdk.span()
    assert span["openai.api.type"] == "chat_completions"
    assert span["gen_ai.usage.output_tokens"] == 2


BEDROCK = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "aws_region_name": "us-east-1"}


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize(
    ("family", "model", "options", "named"),
    [
        ("anthropic", "anthropic/claude-haiku-5-5", {"api_key": "key"}, "anthropic"),
        ("gemini", "gemini/gemini-2.5-flash", {"api_key": "key"}, "gcp.gemini"),
        ("converse", "bedrock/amazon.nova-pro-v1:0", BEDROCK, "aws.bedrock"),
        ("cohere-2", "cohere_chat/command-a-03-2025", {"api_key": "key"}, "cohere"),
        ("ollama", "ollama_chat/llama3.2", {}, "ollama"),
    ],
)
def test_what_it_sends_itself(
    family: str, model: str, options: Any, named: str, is_stream: bool, litellm: Any, provider: Provider, sdk: Sdk
) -> None:
    if family == "cohere-2" and is_stream:
        pytest.skip("this version of litellm reads the streams of cohere's first version only")
    one = FAMILY[family]
    answer = one.events if is_stream else one.answer
    assert answer is not None
    provider.say(answer)
    base = provider.url + ("/v2/chat" if family == "cohere-2" else "")
    seen: list[costspan.Output] = []
    costspan.check(f"by {model}", seen.append)
    with costspan.feature(f"by {model}"):
        result = litellm.completion(model=model, api_base=base, messages=MESSAGES, stream=is_stream, max_retries=0, **options)
        assert text(list(result) if is_stream else result) == TEXT
    costspan.label(result, correct=True)
    handle = costspan.handle(result)
    del result
    (span,) = ended(litellm, sdk, 1)
    assert span["gen_ai.provider.name"] == named
    assert (span["gen_ai.usage.input_tokens"], span["gen_ai.usage.output_tokens"]) == (5, 2)
    assert "costspan.usage.incomplete" not in span.attributes
    assert span.get("gen_ai.request.stream") is (True if is_stream else None)
    # litellm makes up ids of its own, so that its answers are found by themselves.
    assert handle == f"00-{span.trace_id}-{span.span_id}-01"
    assert [log.span_id for log in sdk.collector.logs] == [span.span_id]
    assert [output.text for output in seen] == [TEXT]
