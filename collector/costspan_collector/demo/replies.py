"""What the provider simulator answers: bodies of the OpenAI and Anthropic APIs with the usage of a row of the trace.

Pure: ids and the time are arguments. Shapes follow the API references named at each function.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from costspan_collector.demo.trace import Service, TraceRow

Body = dict[str, Any]

_ANSWERS: dict[Service, tuple[tuple[str, ...], ...]] = {
    "code": (
        ("    return ", "sum(", "item.amount ", "for item in items)"),
        ("    if not rows:\n", "        return None\n", "    return ", "rows[-1]"),
        ("with ", "path.open() ", "as lines:\n", "    header = ", "next(lines)"),
    ),
    "conversation": (
        ("You can change ", "the plan under ", "Settings, Billing. ", "It applies ", "from today."),
        ("The bank refused ", "the payment: ", "the card has expired. ", "Add a new one."),
        ("Three points: ", "the export is late, ", "the cause is known, ", "the fix ", "ships on Monday."),
    ),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reply is made of: ``token`` makes its ids unique, ``model`` is the snapshot that answers."""

    row: TraceRow
    model: str
    token: str
    created: int

    @property
    def pieces(self) -> tuple[str, ...]:
        """The text in the pieces in which a stream delivers it."""
        texts = _ANSWERS[self.row.service]
        return texts[self.row.index % len(texts)]

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class EventStream:
    """A server-sent event stream: ``head`` comes first, then ``parts`` one by one, each with some text, then ``tail``."""

    head: bytes
    parts: tuple[bytes, ...]
    tail: bytes


def chat_completion(answer: Answer) -> Body:
    """https://platform.openai.com/docs/api-reference/chat/object"""
    said: Body = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
    return {
        "id": f"chatcmpl-{answer.token}",
        "object": "chat.completion",
        "created": answer.created,
        "model": answer.model,
        "choices": [{"index": 0, "message": said, "logprobs": None, "finish_reason": "stop"}],
        "usage": _chat_usage(answer.row),
        "service_tier": "default",
    }


def chat_stream(answer: Answer, include_usage: bool) -> EventStream:
    """https://platform.openai.com/docs/api-reference/chat-streaming: usage comes in a last chunk, only if asked for."""

    def chunk(choices: list[Body], usage: Body | None = None) -> bytes:
        body = {
            "id": f"chatcmpl-{answer.token}",
            "object": "chat.completion.chunk",
            "created": answer.created,
            "model": answer.model,
            "service_tier": "default",
            "choices": choices,
        }
        return _data(body | {"usage": usage} if include_usage else body)

    def choice(delta: Body, finish_reason: str | None = None) -> list[Body]:
        return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]

    last = chunk([], _chat_usage(answer.row)) if include_usage else b""
    return EventStream(
        head=chunk(choice({"role": "assistant", "content": "", "refusal": None})),
        parts=tuple(chunk(choice({"content": piece})) for piece in answer.pieces),
        tail=chunk(choice({}, "stop")) + last + b"data: [DONE]\n\n",
    )


def response(answer: Answer) -> Body:
    """https://platform.openai.com/docs/api-reference/responses/object"""
    return _response(answer, "completed", [_response_message(answer, "completed")], _responses_usage(answer.row))


def response_stream(answer: Answer) -> EventStream:
    """https://platform.openai.com/docs/api-reference/responses-streaming"""
    place: Body = {"item_id": f"msg_{answer.token}", "output_index": 0, "content_index": 0}
    started: Body = {"response": _response(answer, "in_progress", [], None)}
    empty, full = _text_part(""), _text_part(answer.text)
    head: list[tuple[str, Body]] = [
        ("response.created", started),
        ("response.in_progress", started),
        ("response.output_item.added", {"output_index": 0, "item": _response_message(answer, "in_progress")}),
        ("response.content_part.added", place | {"part": empty}),
    ]
    parts = [("response.output_text.delta", place | {"delta": piece, "logprobs": []}) for piece in answer.pieces]
    tail = [
        ("response.output_text.done", place | {"text": answer.text, "logprobs": []}),
        ("response.content_part.done", place | {"part": full}),
        ("response.output_item.done", {"output_index": 0, "item": _response_message(answer, "completed")}),
        ("response.completed", {"response": response(answer)}),
    ]
    events = [_event(name, body | {"sequence_number": number}) for number, (name, body) in enumerate([*head, *parts, *tail])]
    first_part, first_of_tail = len(head), len(head) + len(parts)
    return EventStream(b"".join(events[:first_part]), tuple(events[first_part:first_of_tail]), b"".join(events[first_of_tail:]))


def message(answer: Answer) -> Body:
    """https://docs.anthropic.com/en/api/messages"""
    content = [{"type": "text", "text": answer.text}]
    return _message(answer, content, "end_turn", answer.row.output_tokens)


def message_stream(answer: Answer) -> EventStream:
    """https://docs.anthropic.com/en/docs/build-with-claude/streaming: usage of ``message_delta`` is cumulative."""
    block = {"type": "text", "text": ""}
    deltas = [{"index": 0, "delta": {"type": "text_delta", "text": piece}} for piece in answer.pieces]
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    return EventStream(
        head=_event("message_start", {"message": _message(answer, [], None, 1)})
        + _event("content_block_start", {"index": 0, "content_block": block}),
        parts=tuple(_event("content_block_delta", delta) for delta in deltas),
        tail=_event("content_block_stop", {"index": 0})
        + _event("message_delta", {"delta": ending, "usage": {"output_tokens": answer.row.output_tokens}})
        + _event("message_stop", {}),
    )


def openai_error(reason: str, code: str) -> Body:
    """https://platform.openai.com/docs/guides/error-codes"""
    return {"error": {"message": reason, "type": "invalid_request_error", "param": None, "code": code}}


def anthropic_error(reason: str, kind: str) -> Body:
    """https://docs.anthropic.com/en/api/errors"""
    return {"type": "error", "error": {"type": kind, "message": reason}}


def _chat_usage(row: TraceRow) -> Body:
    return {
        "prompt_tokens": row.input_tokens,
        "completion_tokens": row.output_tokens,
        "total_tokens": row.input_tokens + row.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _responses_usage(row: TraceRow) -> Body:
    return {
        "input_tokens": row.input_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": row.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": row.input_tokens + row.output_tokens,
    }


def _response(answer: Answer, status: str, output: list[Body], usage: Body | None) -> Body:
    return {
        "id": f"resp_{answer.token}",
        "object": "response",
        "created_at": answer.created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": answer.model,
        "output": output,
        "parallel_tool_calls": True,
        "service_tier": "default",
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage,
    }


def _response_message(answer: Answer, status: str) -> Body:
    content = [_text_part(answer.text)] if status == "completed" else []
    return {
        "id": f"msg_{answer.token}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _text_part(text: str) -> Body:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _message(answer: Answer, content: list[Body], stop_reason: str | None, output_tokens: int) -> Body:
    return {
        "id": f"msg_{answer.token}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": answer.row.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": output_tokens,
            "service_tier": "standard",
        },
    }


def _data(body: Body) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\n\n"


def _event(name: str, body: Body) -> bytes:
    return b"event: " + name.encode() + b"\n" + _data({"type": name} | body)
