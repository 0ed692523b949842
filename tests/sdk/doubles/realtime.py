"""A session of OpenAI Realtime, message by message."""

from typing import Any

# As https://platform.openai.com/docs/api-reference/realtime-server-events shows them.
CREATED: Any = {
    "type": "session.created",
    "event_id": "event_1",
    "session": {
        "type": "realtime",
        "object": "realtime.session",
        "id": "sess_1",
        "model": "gpt-realtime",
        "audio": {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}},
    },
}


def response_created(number: int) -> dict[str, Any]:
    response = {"object": "realtime.response", "id": f"resp_{number}", "status": "in_progress", "usage": None}
    return {"type": "response.created", "event_id": f"event_c{number}", "response": response}


def response_done(number: int, usage: Any, status: str = "completed") -> dict[str, Any]:
    content = [{"type": "output_audio", "transcript": f"Answer {number}."}]
    output = [{"id": "item", "type": "message", "role": "assistant", "content": content}]
    response = {"object": "realtime.response", "id": f"resp_{number}", "status": status, "output": output, "usage": usage}
    return {"type": "response.done", "event_id": f"event_d{number}", "response": response}


FIRST_USAGE = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 119,
        "audio_tokens": 13,
        "image_tokens": 0,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 56, "audio_tokens": 8, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}
SECOND_USAGE = {
    "total_tokens": 30,
    "input_tokens": 20,
    "output_tokens": 10,
    "input_token_details": {"text_tokens": 20, "audio_tokens": 0, "cached_tokens": 0},
    "output_token_details": {"text_tokens": 10, "audio_tokens": 0},
}
COMMITTED: Any = {"type": "input_audio_buffer.committed", "event_id": "event_2", "item_id": "item_1", "previous_item_id": None}
HEARD: Any = {
    "type": "conversation.item.input_audio_transcription.completed",
    "event_id": "event_3",
    "item_id": "item_1",
    "content_index": 0,
    "transcript": "Hello.",
    "usage": {
        "type": "tokens",
        "total_tokens": 22,
        "input_tokens": 13,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 13},
        "output_tokens": 9,
    },
}
HEARD_FOR: Any = {**HEARD, "usage": {"type": "duration", "seconds": 4.0}}
OTHERS: Any = [
    {"type": "input_audio_buffer.speech_started", "event_id": "e", "audio_start_ms": 10, "item_id": "item_1"},
    {"type": "response.output_audio.delta", "event_id": "e", "response_id": "resp_1", "item_id": "i", "delta": "AAAA"},
    {"type": "rate_limits.updated", "event_id": "e", "rate_limits": []},
    {"type": "a.kind.of.tomorrow", "usage": {"input_tokens": 7}},
]
SCRIPT = [
    CREATED,
    COMMITTED,
    response_created(1),
    *OTHERS,
    HEARD,
    response_done(1, FIRST_USAGE),
    response_created(2),
    response_done(2, SECOND_USAGE),
]
