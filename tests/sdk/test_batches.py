"""Batches: each line of the results is a call at batch rates, booked once however often the results are fetched."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

import costspan
from tests.sdk.conftest import Sdk
from tests.sdk.doubles.clients import anthropic_client, async_anthropic_client, async_openai_client, openai_client
from tests.sdk.doubles.collector import Span
from tests.sdk.doubles.provider import Answer, Provider, answer_json

CREATED_AT = 1_794_000_000


def openai_batch(endpoint: str, **more: Any) -> Answer:
    # https://platform.openai.com/docs/api-reference/batch/object
    batch = {
        "id": "batch_1",
        "object": "batch",
        "endpoint": endpoint,
        "status": "completed",
        "output_file_id": "file-out",
        "error_file_id": "file-err",
        "created_at": CREATED_AT,
        "completed_at": CREATED_AT + 3600,
        "completion_window": "24h",
        "input_file_id": "file-in",
        **more,
    }
    return answer_json(batch)


def lines(*objects: Any) -> Answer:
    return Answer("".join(json.dumps(line) + "\n" for line in objects).encode(), content_type="application/octet-stream")


def answered(number: int, body: Any, status: int = 200) -> dict[str, Any]:
    response = {"status_code": status, "request_id": f"req_{number}", "body": body}
    return {"id": f"batch_req_{number}", "custom_id": f"question-{number}", "response": response, "error": None}


def chat(number: int) -> dict[str, Any]:
    return answered(
        number,
        {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "model": "gpt-5-mini-2025-08-07",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}],
            "usage": {"prompt_tokens": 1000 * number, "completion_tokens": 10, "total_tokens": 1000 * number + 10},
        },
    )


def responses(number: int) -> dict[str, Any]:
    usage = {"input_tokens": 20, "output_tokens": 5, "total_tokens": 25}
    return answered(number, {"id": f"resp_{number}", "status": "completed", "model": "gpt-5-mini", "output": [], "usage": usage})


def embeddings(number: int) -> dict[str, Any]:
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    return answered(number, {"object": "list", "model": "text-embedding-3-small", "data": [{"embedding": [0.5]}], "usage": usage})


REFUSED = answered(9, {"error": {"message": "secret", "type": "invalid_request_error", "code": None}}, status=400)
EXPIRED = {
    "id": "batch_req_8",
    "custom_id": "question-8",
    "response": None,
    "error": {"code": "batch_expired", "message": "This request could not be executed before the completion window expired."},
}


def fetch(provider: Provider, endpoint: str, results: Answer, file: str = "file-out", **more: Any) -> str:
    provider.say(openai_batch(endpoint, **more), results)
    with openai_client(provider) as client, costspan.feature("nightly"):
        client.batches.retrieve("batch_1")
        return client.files.content(file).text


@pytest.mark.parametrize(
    ("endpoint", "line", "operation", "tokens", "state"),
    [
        ("/v1/chat/completions", chat(1), "chat", 1000, "priced"),
        ("/v1/responses", responses(1), "chat", 20, "priced"),
        ("/v1/embeddings", embeddings(1), "embeddings", 8, "priced"),
    ],
)
def test_a_line_is_a_call(
    endpoint: str, line: Any, operation: str, tokens: int, state: str, provider: Provider, sdk: Sdk
) -> None:
    assert json.loads(fetch(provider, endpoint, lines(line))) == line
    span = sdk.span()
    assert span["gen_ai.operation.name"] == operation
    assert span["gen_ai.provider.name"] == "openai"
    assert span["gen_ai.usage.input_tokens"] == tokens
    assert span["costspan.service_tier"] == "batch"
    assert span["costspan.cost.state"] == state
    assert span["costspan.feature"] == "nightly"
    assert span.start_ns == CREATED_AT * 1_000_000_000
    assert span.start_ns <= span.end_ns < span.start_ns + 60_000_000_000


def test_lines_cost_half(provider: Provider, sdk: Sdk) -> None:
    fetch(provider, "/v1/chat/completions", lines(chat(1), chat(2)))
    # 0.125 and 1 dollars per million, half of what is printed for gpt-5-mini.
    assert [Decimal(span["costspan.cost.usd"]) for span in sdk.spans()] == [
        Decimal(1000 * number) * Decimal("0.125") / 10**6 + Decimal(10) / 10**6 for number in (1, 2)
    ]


def identities(spans: list[Span]) -> list[tuple[str, str]]:
    return sorted((span.trace_id, span.span_id) for span in spans)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_fetched_again_they_are_the_same_calls(is_async: bool, provider: Provider, sdk: Sdk) -> None:
    results = lines(chat(1), chat(2), answered(3, {**embeddings(3)["response"]["body"], "model": "gpt-5-mini"}))
    fetch(provider, "/v1/chat/completions", results)
    first = identities(sdk.spans())
    assert len(set(first)) == 3
    sdk.collector.forget()
    provider.say(results)

    async def again() -> None:
        async with async_openai_client(provider) as client:
            await client.files.content("file-out")

    if is_async:
        asyncio.run(again())
    else:
        with openai_client(provider) as client:
            client.files.content("file-out")
    assert identities(sdk.spans()) == first


def test_lines_that_failed_are_errors_without_a_price(provider: Provider, sdk: Sdk) -> None:
    fetch(provider, "/v1/chat/completions", lines(REFUSED, EXPIRED), file="file-err")
    refused, expired = sdk.spans()
    assert refused["error.type"] == "invalid_request_error"
    assert expired["error.type"] == "batch_expired"
    for span in (refused, expired):
        assert span["costspan.feature"] == "nightly"
        assert "costspan.cost.state" not in span.attributes
        assert "secret" not in str(span)


def test_lines_that_make_no_sense_harm_nobody(provider: Provider, sdk: Sdk) -> None:
    body = b'{"response": 3}\nnot json\n[]\n\n' + lines(chat(1)).body
    fetch(provider, "/v1/chat/completions", Answer(body, content_type="application/octet-stream"))
    assert sdk.span()["gen_ai.response.id"] == "chatcmpl-1"


@pytest.mark.parametrize("case", ["a foreign file", "an unknown endpoint", "a running batch"])
def test_what_is_no_known_batch_s_books_nothing(case: str, provider: Provider, sdk: Sdk) -> None:
    if case == "a foreign file":
        provider.say(lines(chat(1)))
        with openai_client(provider) as client:
            client.files.content("file-of-somebody")
    elif case == "an unknown endpoint":
        fetch(provider, "/v1/tomorrow", lines(chat(1)))
    else:
        fetch(provider, "/v1/chat/completions", lines(chat(1)), "file-later", output_file_id=None, error_file_id=None)
    assert sdk.spans() == []


def anthropic_batch(provider: Provider) -> Answer:
    # https://docs.anthropic.com/en/api/retrieving-message-batches
    return answer_json(
        {
            "id": "msgbatch_1",
            "type": "message_batch",
            "processing_status": "ended",
            "request_counts": {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 1, "expired": 0},
            "created_at": "2026-11-06T18:37:24.100435Z",
            "expires_at": "2026-11-07T18:37:24.100435Z",
            "ended_at": "2026-11-06T19:37:24.100435Z",
            "results_url": f"{provider.url}/v1/messages/batches/msgbatch_1/results",
        }
    )


def succeeded(number: int) -> dict[str, Any]:
    message = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": "Hello."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 11, "output_tokens": 36, "service_tier": "batch"},
    }
    return {"custom_id": f"request-{number}", "result": {"type": "succeeded", "message": message}}


MESSAGES = [
    succeeded(1),
    {
        "custom_id": "request-2",
        "result": {"type": "errored", "error": {"type": "error", "error": {"type": "overloaded_error", "message": "secret"}}},
    },
    {"custom_id": "request-3", "result": {"type": "canceled"}},
    succeeded(4),
]


def read_messages(provider: Provider, *, is_async: bool) -> list[str]:
    async def run() -> list[str]:
        async with async_anthropic_client(provider) as client:
            await client.messages.batches.retrieve("msgbatch_1")
            return [line.custom_id async for line in await client.messages.batches.results("msgbatch_1")]

    provider.say(anthropic_batch(provider), anthropic_batch(provider), lines(*MESSAGES))
    if is_async:
        return asyncio.run(run())
    with anthropic_client(provider) as client:
        client.messages.batches.retrieve("msgbatch_1")
        return [line.custom_id for line in client.messages.batches.results("msgbatch_1")]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_anthropic_s_batches(is_async: bool, provider: Provider, sdk: Sdk) -> None:
    assert read_messages(provider, is_async=is_async) == [line["custom_id"] for line in MESSAGES]
    first, failed, last = spans = sdk.spans()
    assert [first["gen_ai.response.id"], last["gen_ai.response.id"]] == ["msg_1", "msg_4"]
    assert first["costspan.service_tier"] == "batch"
    assert first.start_ns == 1_793_990_244_000_000_000
    # 1.5 and 7.5 dollars per million, half of what is printed for claude-sonnet-4-5.
    assert Decimal(first["costspan.cost.usd"]) == (11 * Decimal("1.5") + 36 * Decimal("7.5")) / 10**6
    assert failed["error.type"] == "overloaded_error"
    assert "costspan.cost.state" not in failed.attributes
    before = identities(spans)
    sdk.collector.forget()
    read_messages(provider, is_async=not is_async)
    assert identities(sdk.spans()) == before


def test_results_that_are_not_read_to_the_end_book_what_was_read(provider: Provider, sdk: Sdk) -> None:
    provider.say(anthropic_batch(provider), lines(*MESSAGES))
    with anthropic_client(provider) as client:
        results = client.messages.batches.results("msgbatch_1")
        assert next(iter(results)).custom_id == "request-1"
        results.close()
    assert sdk.span()["gen_ai.response.id"] == "msg_1"
