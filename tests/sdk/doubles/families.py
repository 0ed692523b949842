"""One small call through every family of clients, plain and streamed, all answered with the same text.

The bodies are as the providers' documents show them.
"""

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.sdk.doubles.clients import TIMEOUT_S, anthropic_client, openai_client
from tests.sdk.doubles.provider import Answer, Provider, answer_events, answer_json

TEXT = "Hello world"
MESSAGES: Any = [{"role": "user", "content": "hi"}]
Call = Callable[[Any], Any]


@dataclass(frozen=True)
class Family:
    """``client`` makes a client of the provider; ``plain`` and ``streamed`` make a call through it."""

    name: str
    client: Callable[[Provider], Any]
    plain: Call
    answer: Answer
    streamed: Call | None = None
    events: Answer | None = None

    def __str__(self) -> str:
        return self.name

    @contextmanager
    def call(self, provider: Provider, *, is_stream: bool) -> Iterator[Any]:
        """The response or the stream, within the life of its client."""
        answer = self.events if is_stream else self.answer
        function = self.streamed if is_stream else self.plain
        assert answer is not None
        assert function is not None
        provider.say(answer)
        client = self.client(provider)
        yield function(client)
        close = getattr(client, "close", None)
        if close is not None:
            close()


def drain(result: Any) -> list[Any]:
    """All items of a stream of any client."""
    stream = result.get("stream", result.get("body")) if isinstance(result, dict) else result
    return list(stream)


def read(result: Any) -> None:
    """Read what a client leaves unread of a whole answer (InvokeModel's body)."""
    if isinstance(result, dict) and hasattr(result.get("body"), "read"):
        result["body"].read()


def frames(*events: tuple[str, Any]) -> Answer:
    """Frames of Amazon's event stream encoding, checksums included."""
    body = b""
    for kind, payload in events:
        headers = b"".join(
            bytes([len(name)]) + name + b"\x07" + len(value).to_bytes(2, "big") + value
            for name, value in (
                (b":event-type", kind.encode()),
                (b":content-type", b"application/json"),
                (b":message-type", b"event"),
            )
        )
        data = json.dumps(payload, separators=(",", ":")).encode()
        prelude = (16 + len(headers) + len(data)).to_bytes(4, "big") + len(headers).to_bytes(4, "big")
        message = prelude + zlib.crc32(prelude).to_bytes(4, "big") + headers + data
        body += message + zlib.crc32(message).to_bytes(4, "big")
    return Answer(body, content_type="application/vnd.amazon.eventstream", headers={"x-amzn-RequestId": "aws-request-2"})


def _packed(event: Any) -> tuple[str, Any]:
    return "chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode()}


def _chat(ident: str) -> Answer:
    message = {"role": "assistant", "content": TEXT}
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    choices = [{"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}]
    return answer_json({"id": ident, "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage})


def _chat_events(ident: str) -> Answer:
    def chunk(delta: Any, finish: str | None = None) -> dict[str, Any]:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]
        return {"id": ident, "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}

    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    last = {**chunk({"content": " world"}, "stop"), "usage": usage}
    return answer_events([chunk({"role": "assistant", "content": "Hello"}), last])


def _text_choice(text: str) -> dict[str, Any]:
    choices = [{"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}]
    return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": choices}


_RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "gpt-5",
    "status": "completed",
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "Hello", "annotations": []},
                     {"type": "output_text", "text": " world", "annotations": []}]},
    ],
    "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
}  # fmt: skip
_MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-5-5",
    "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": TEXT}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 2},
}
_MESSAGE_EVENTS = [
    {"type": "message_start", "message": {**_MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " world"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
]


def _candidate(text: str, finish: str | None = None) -> dict[str, Any]:
    candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish}
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}
    answer = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "gem-1"}
    if finish is None:
        del candidate["finishReason"]
    return answer


def _genai(provider: Provider) -> Any:
    from google import genai

    return genai.Client(api_key="key", http_options={"base_url": provider.url})


def _bedrock(provider: Provider) -> Any:
    import boto3.session

    account = {"region_name": "us-east-1", "aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    return boto3.session.Session().client("bedrock-runtime", endpoint_url=provider.url, **account)


def _mistral(provider: Provider) -> Any:
    from mistralai.client import Mistral

    client = Mistral(api_key="key", server_url=provider.url)
    client.close = lambda: client.__exit__(None, None, None)
    return client


def _cohere(kind: str) -> Callable[[Provider], Any]:
    def client(provider: Provider) -> Any:
        import cohere
        import httpx

        http = httpx.Client(verify=False)
        client = getattr(cohere, kind)(api_key="key", base_url=provider.url, httpx_client=http)
        client.close = http.close
        return client

    return client


def _groq(provider: Provider) -> Any:
    import groq

    return groq.Groq(api_key="key", base_url=provider.url, max_retries=0)


def _together(provider: Provider) -> Any:
    import together

    return together.Together(api_key="key", base_url=provider.url, max_retries=0)


def _ollama(provider: Provider) -> Any:
    import ollama

    return ollama.Client(host=provider.url)


def _huggingface(provider: Provider) -> Any:
    import huggingface_hub

    return huggingface_hub.InferenceClient(base_url=provider.url + "/v1", api_key="hf_key", timeout=TIMEOUT_S)


def _requested(answer: Answer) -> Answer:
    return Answer(answer.body, content_type=answer.content_type, headers={"x-amzn-RequestId": "aws-request-1"})


_CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}, {"text": " world"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7},
    "metrics": {"latencyMs": 1},
}
_CONVERSE_EVENTS = frames(
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello"}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": " world"}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}, "metrics": {"latencyMs": 1}}),
)
_CONVERSE_MESSAGES = [{"role": "user", "content": [{"text": "hi"}]}]
_MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
_INVOKED = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": MESSAGES}).encode()
_BILLED = {"billed_units": {"input_tokens": 5, "output_tokens": 2}}


def _line(text: str, *, is_done: bool) -> dict[str, Any]:
    more = {"done_reason": "stop", "prompt_eval_count": 5, "eval_count": 2} if is_done else {}
    message = {"role": "assistant", "content": text}
    return {"model": "llama3.2", "created_at": "2026-11-06T18:37:24Z", "message": message, "done": is_done, **more}


def _lines(*objects: Any, content_type: str = "application/x-ndjson") -> Answer:
    return Answer("".join(json.dumps(line) + "\n" for line in objects).encode(), content_type=content_type)


FAMILIES: tuple[Family, ...] = (
    Family(
        "openai-chat",
        openai_client,
        lambda client: client.chat.completions.create(model="gpt-5", messages=MESSAGES),
        _chat("chatcmpl-1"),
        lambda client: client.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True),
        _chat_events("chatcmpl-2"),
    ),
    Family(
        "openai-responses",
        openai_client,
        lambda client: client.responses.create(model="gpt-5", input="hi"),
        answer_json(_RESPONSE),
        lambda client: client.responses.create(model="gpt-5", input="hi", stream=True),
        answer_events([{"type": "response.completed", "sequence_number": 1, "response": _RESPONSE}]),
    ),
    Family(
        "openai-completions",
        openai_client,
        lambda client: client.completions.create(model="m", prompt="hi"),
        answer_json({**_text_choice(TEXT), "usage": {"prompt_tokens": 5, "completion_tokens": 2}}),
        lambda client: client.completions.create(model="m", prompt="hi", stream=True),
        answer_events([_text_choice("Hello"), _text_choice(" world")]),
    ),
    Family(
        "anthropic",
        anthropic_client,
        lambda client: client.messages.create(model="claude-haiku-5-5", max_tokens=9, messages=MESSAGES),
        answer_json(_MESSAGE),
        lambda client: client.messages.create(model="claude-haiku-5-5", max_tokens=9, messages=MESSAGES, stream=True),
        answer_events(_MESSAGE_EVENTS, named=True, done=False),
    ),
    Family(
        "gemini",
        _genai,
        lambda client: client.models.generate_content(model="gemini-2.5-flash", contents="hi"),
        answer_json(_candidate(TEXT, "STOP")),
        lambda client: client.models.generate_content_stream(model="gemini-2.5-flash", contents="hi"),
        answer_events([_candidate("Hello"), _candidate(" world", "STOP")], done=False),
    ),
    Family(
        "converse",
        _bedrock,
        lambda client: client.converse(modelId=_MODEL, messages=_CONVERSE_MESSAGES),
        _requested(answer_json(_CONVERSE)),
        lambda client: client.converse_stream(modelId=_MODEL, messages=_CONVERSE_MESSAGES),
        _CONVERSE_EVENTS,
    ),
    Family(
        "invoke",
        _bedrock,
        lambda client: client.invoke_model(modelId=_MODEL, body=_INVOKED),
        _requested(answer_json(_MESSAGE)),
        lambda client: client.invoke_model_with_response_stream(modelId=_MODEL, body=_INVOKED),
        frames(*(_packed(event) for event in _MESSAGE_EVENTS)),
    ),
    Family(
        "mistral",
        _mistral,
        lambda client: client.chat.complete(model="mistral-small-latest", messages=MESSAGES),
        _chat("mis-1"),
        lambda client: client.chat.stream(model="mistral-small-latest", messages=MESSAGES),
        _chat_events("mis-2"),
    ),
    Family(
        "cohere-1",
        _cohere("Client"),
        lambda client: client.chat(message="hi", model="command-r"),
        answer_json({"response_id": "r-1", "generation_id": "gen-1", "text": TEXT, "finish_reason": "COMPLETE", "meta": _BILLED}),
        lambda client: client.chat_stream(message="hi", model="command-r"),
        _lines(
            {"event_type": "stream-start", "generation_id": "gen-2", "is_finished": False},
            {"event_type": "text-generation", "text": "Hello", "is_finished": False},
            {"event_type": "text-generation", "text": " world", "is_finished": False},
            {"event_type": "stream-end", "finish_reason": "COMPLETE", "is_finished": True,
             "response": {"response_id": "r-2", "generation_id": "gen-2", "text": TEXT, "meta": _BILLED}},
            content_type="application/stream+json",
        ),
    ),
    Family(
        "cohere-2",
        _cohere("ClientV2"),
        lambda client: client.chat(model="command-a-03-2025", messages=MESSAGES),
        answer_json(
            {"id": "co-1", "finish_reason": "COMPLETE", "usage": _BILLED,
             "message": {"role": "assistant", "content": [{"type": "text", "text": TEXT}]}}
        ),
        lambda client: client.chat_stream(model="command-a-03-2025", messages=MESSAGES),
        answer_events(
            [
                {"type": "message-start", "id": "co-2", "delta": {"message": {"role": "assistant"}}},
                {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hello"}}}},
                {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": " world"}}}},
                {"type": "message-end", "id": "co-2", "delta": {"finish_reason": "COMPLETE", "usage": _BILLED}},
            ]
        ),
    ),
    Family(
        "groq",
        _groq,
        lambda client: client.chat.completions.create(model="llama-3.3-70b-versatile", messages=MESSAGES),
        _chat("groq-1"),
        lambda client: client.chat.completions.create(model="llama-3.3-70b-versatile", messages=MESSAGES, stream=True),
        _chat_events("groq-2"),
    ),
    Family(
        "together",
        _together,
        lambda client: client.chat.completions.create(model="meta-llama/Llama-3.3-70B", messages=MESSAGES),
        _chat("tog-1"),
        lambda client: client.chat.completions.create(model="meta-llama/Llama-3.3-70B", messages=MESSAGES, stream=True),
        _chat_events("tog-2"),
    ),
    Family(
        "ollama",
        _ollama,
        lambda client: client.chat(model="llama3.2", messages=MESSAGES),
        answer_json(_line(TEXT, is_done=True)),
        lambda client: client.chat(model="llama3.2", messages=MESSAGES, stream=True),
        _lines(_line("Hello", is_done=False), _line(" world", is_done=False), _line("", is_done=True)),
    ),
    Family(
        "huggingface",
        _huggingface,
        lambda client: client.chat_completion(MESSAGES, model="m"),
        _chat("hf-1"),
        lambda client: client.chat_completion(MESSAGES, model="m", stream=True),
        _chat_events("hf-2"),
    ),
)  # fmt: skip
