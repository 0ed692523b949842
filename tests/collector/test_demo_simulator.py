"""The provider simulator, asked by the real openai and anthropic clients."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import openai
import pytest
import urllib3

from costspan_collector.demo.models import MODELS
from costspan_collector.demo.trace import read_trace

ROWS = read_trace()
ROW = 28_000
HEADERS = {"x-demo-row": str(ROW)}
INPUT, OUTPUT = ROWS[ROW].input_tokens, ROWS[ROW].output_tokens
QUESTION: list[Any] = [{"role": "user", "content": "Why?"}]


@contextmanager
def simulator(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "costspan_collector.demo.simulator", "--time-scale", "0", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with simulator() as (address, _):
        yield address


@pytest.fixture
def openai_client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(url: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="k", base_url=url, max_retries=0) as client:
        yield client


def test_chat_completion(openai_client: openai.OpenAI) -> None:
    ask = {"model": "gpt-5-mini", "messages": QUESTION, "extra_headers": HEADERS}
    first, second = (openai_client.chat.completions.create(**ask) for _ in range(2))  # type: ignore[call-overload]
    assert first.usage.model_dump(exclude_none=True) == {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    assert first.model == "gpt-5-mini-2025-08-07"
    assert first.choices[0].finish_reason == "stop"
    assert first.id.startswith("chatcmpl-")
    assert first.id != second.id


@pytest.mark.parametrize("asked", [True, False, None])
def test_a_chat_stream_tells_usage_only_if_asked(openai_client: openai.OpenAI, asked: bool | None) -> None:
    options: Any = {} if asked is None else {"stream_options": {"include_usage": asked}}
    chunks = list(
        openai_client.chat.completions.create(
            model="gpt-4o-mini", messages=QUESTION, stream=True, extra_headers=HEADERS, **options
        )
    )
    assert len({chunk.id for chunk in chunks}) == 1
    usages = [chunk.usage for chunk in chunks]
    assert [usage for usage in usages[:-1] if usage is not None] == []
    if asked:
        assert usages[-1] is not None
        assert (usages[-1].prompt_tokens, usages[-1].completion_tokens) == (INPUT, OUTPUT)
        assert chunks[-1].choices == []
    else:
        assert usages[-1] is None
        assert chunks[-1].choices[0].finish_reason == "stop"
    plain = openai_client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, extra_headers=HEADERS)
    pieces = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]
    assert 3 <= len(pieces) <= 6
    assert "".join(pieces) == plain.choices[0].message.content


def test_response(openai_client: openai.OpenAI) -> None:
    response = openai_client.responses.create(model="gpt-5", input="Why?", extra_headers=HEADERS)
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (INPUT, OUTPUT)
    assert response.usage.total_tokens == INPUT + OUTPUT
    assert (response.model, response.status) == ("gpt-5-2025-08-07", "completed")
    assert response.output_text


def test_response_stream(openai_client: openai.OpenAI) -> None:
    with openai_client.responses.stream(model="gpt-4.1", input="Why?", extra_headers=HEADERS) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [event.sequence_number for event in events if hasattr(event, "sequence_number")] == list(range(len(events)))
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    assert final.usage is not None
    assert (final.usage.input_tokens, final.usage.output_tokens) == (INPUT, OUTPUT)
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == final.output_text
    assert 3 <= len(deltas) <= 6


def test_message(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.create(model="claude-haiku-4-5", max_tokens=100, messages=QUESTION, extra_headers=HEADERS)
    assert (message.usage.input_tokens, message.usage.output_tokens) == (INPUT, OUTPUT)
    assert (message.usage.cache_read_input_tokens, message.usage.cache_creation_input_tokens) == (0, 0)
    assert (message.model, message.stop_reason) == ("claude-haiku-4-5-20251001", "end_turn")


def test_message_stream(anthropic_client: anthropic.Anthropic) -> None:
    with anthropic_client.messages.create(
        model="claude-sonnet-4-6", max_tokens=100, messages=QUESTION, stream=True, extra_headers=HEADERS
    ) as stream:
        events = list(stream)
    kinds = [event.type for event in events]
    pieces = kinds.count("content_block_delta")
    assert 3 <= pieces <= 6
    assert kinds == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * pieces,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


async def test_message_stream_helper(url: str) -> None:
    ask: Any = {"model": "claude-sonnet-4-6", "max_tokens": 100, "messages": QUESTION, "extra_headers": HEADERS}
    async with anthropic.AsyncAnthropic(api_key="k", base_url=url) as client, client.messages.stream(**ask) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        final = await stream.get_final_message()
    assert (final.usage.input_tokens, final.usage.output_tokens) == (INPUT, OUTPUT)
    assert final.model == "claude-sonnet-4-6"
    assert [block.text for block in final.content if block.type == "text"] == [text]


def test_every_model_answers_by_name_and_by_snapshot(openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic) -> None:
    for model in MODELS:
        for name in (model.name, model.snapshot):
            if model.provider == "openai":
                answered = openai_client.responses.create(model=name, input="Why?", extra_headers=HEADERS).model
            else:
                answered = anthropic_client.messages.create(
                    model=name, max_tokens=9, messages=QUESTION, extra_headers=HEADERS
                ).model
            assert answered == model.snapshot


@pytest.mark.parametrize("headers", [{}, {"x-demo-row": "28185"}, {"x-demo-row": "-1"}, {"x-demo-row": "first"}])
def test_a_row_that_is_none_is_refused(openai_client: openai.OpenAI, headers: dict[str, str]) -> None:
    with pytest.raises(openai.BadRequestError, match=r"header x-demo-row: .* is not a row from 0 to 28184"):
        openai_client.responses.create(model="gpt-5", input="Why?", extra_headers=headers)


def test_unknown_models_are_refused_as_the_providers_do(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    with pytest.raises(openai.NotFoundError) as from_openai:
        openai_client.responses.create(model="claude-haiku-4-5", input="Why?", extra_headers=HEADERS)
    assert from_openai.value.code == "model_not_found"
    with pytest.raises(anthropic.NotFoundError, match="'gpt-5' does not exist"):
        anthropic_client.messages.create(model="gpt-5", max_tokens=9, messages=QUESTION, extra_headers=HEADERS)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/responses", b"", 404),
        ("POST", "/v1/images/generations", b"{}", 404),
        ("POST", "/v1/responses", b"{", 400),
        ("POST", "/v1/responses", b"[]", 400),
        ("POST", "/v1/responses", b" " * 1_000_001, 413),
    ],
)
def test_bad_requests_are_refused(url: str, method: str, path: str, body: bytes, status: int) -> None:
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request(method, url + path, body=body, headers=HEADERS)
    assert answer.status == status
    assert answer.json()["error"]["message"]


def test_it_ends_when_its_starter_is_gone() -> None:
    with simulator("--watch-stdin") as (_, process):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_on_a_signal(number: signal.Signals) -> None:
    with simulator() as (address, process):
        with urllib3.PoolManager(retries=False) as pool:
            assert pool.request("GET", address).status == 404
        process.send_signal(number)
        assert process.wait(10) in {0, -number}


def test_without_watching_it_outlives_its_standard_input() -> None:
    with simulator() as (address, process):
        assert process.stdin is not None
        process.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        with urllib3.PoolManager(retries=False) as pool:
            assert pool.request("GET", address).status == 404
