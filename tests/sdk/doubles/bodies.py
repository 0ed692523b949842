"""Answers of the providers' APIs, as their documents show them: each says ``TEXT``."""

import base64
import json
import zlib
from typing import Any

from tests.sdk.doubles.provider import Answer, answer_events, answer_json

TEXT = "Hello world"
MESSAGES: Any = [{"role": "user", "content": "hi"}]


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


def packed(event: Any) -> tuple[str, Any]:
    return "chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode()}


def chat(ident: str) -> Answer:
    message = {"role": "assistant", "content": TEXT}
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    choices = [{"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}]
    return answer_json({"id": ident, "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage})


def chat_events(ident: str) -> Answer:
    def chunk(delta: Any, finish: str | None = None) -> dict[str, Any]:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]
        return {"id": ident, "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}

    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    last = {**chunk({"content": " world"}, "stop"), "usage": usage}
    return answer_events([chunk({"role": "assistant", "content": "Hello"}), last])


def text_choice(text: str) -> dict[str, Any]:
    choices = [{"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}]
    return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": choices}


RESPONSE = {
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
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-5-5",
    "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": TEXT}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 2},
}
MESSAGE_EVENTS = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " world"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
]


def candidate(text: str, finish: str | None = None) -> dict[str, Any]:
    candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish}
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}
    answer = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "gem-1"}
    if finish is None:
        del candidate["finishReason"]
    return answer


def requested(answer: Answer) -> Answer:
    return Answer(answer.body, content_type=answer.content_type, headers={"x-amzn-RequestId": "aws-request-1"})


CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}, {"text": " world"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7},
    "metrics": {"latencyMs": 1},
}
CONVERSE_EVENTS = frames(
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello"}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": " world"}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}, "metrics": {"latencyMs": 1}}),
)
CONVERSE_MESSAGES = [{"role": "user", "content": [{"text": "hi"}]}]
MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
INVOKED = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": MESSAGES}).encode()
BILLED = {"billed_units": {"input_tokens": 5, "output_tokens": 2}}


def line(text: str, *, is_done: bool) -> dict[str, Any]:
    more = {"done_reason": "stop", "prompt_eval_count": 5, "eval_count": 2} if is_done else {}
    message = {"role": "assistant", "content": text}
    return {"model": "llama3.2", "created_at": "2026-11-06T18:37:24Z", "message": message, "done": is_done, **more}


def lines(*objects: Any, content_type: str = "application/x-ndjson") -> Answer:
    return Answer("".join(json.dumps(line) + "\n" for line in objects).encode(), content_type=content_type)
