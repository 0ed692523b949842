"""The requests of OpenAI's protocol, which many providers answer and several clients speak."""

from dataclasses import replace

from costspan.adapters._adapter import Endpoint, Fields, PartialUsages, Session, SessionCall, StreamTable, Target
from costspan.usage import (
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_REALTIME,
    OPENAI_RESPONSES,
    OPENAI_TRANSCRIPTION,
    UsageShape,
)

_TIER = "service_tier|usage.service_tier"
_CHAT = Fields("id", "model", _TIER, "choices.*.finish_reason", "usage", "choices.*.message.content")
CHUNK = Fields("id", "model", _TIER, "choices.*.finish_reason", "usage", "choices.*.delta.content")
_TEXT = Fields("id", "model", _TIER, "choices.*.finish_reason", "usage", "choices.*.text")
_ITEMS = {
    "web_search": "output[type=web_search_call]",
    "file_search": "output[type=file_search_call]",
    "code_execution": "output[type=code_interpreter_call]",
}
_RESPONSE = Fields(
    "id",
    "model",
    "service_tier",
    "incomplete_details.reason|status",
    "usage",
    "output.*.content.*.text",
    status="status",
    error_type="error.code",
    items=_ITEMS,
)
_STARTED = Fields("response.id", "response.model", "response.service_tier")
_ENDED = Fields(
    "response.id",
    "response.model",
    "response.service_tier",
    "response.incomplete_details.reason|response.status",
    "response.usage",
    "response.output.*.content.*.text",
    error_type="response.error.code",
    items={meter: f"response.{path}" for meter, path in _ITEMS.items()},
)
# https://platform.openai.com/docs/api-reference/chat/create#chat-create-stream_options: usage comes only when asked
# for, in an additional last chunk whose choices are empty.
_OPTION = ("stream_options", "include_usage")
_CHAT_STREAM = StreamTable({"": CHUNK}, usage_option=_OPTION, content="choices")
# Groq states the usage of a stream in a field of its own, unasked.
GROQ_CHUNKS = StreamTable({"": replace(CHUNK, usage="usage|x_groq.usage")}, content="choices")
_TEXT_STREAM = StreamTable({"": _TEXT}, usage_option=_OPTION, content="choices")
# https://platform.openai.com/docs/api-reference/responses-streaming: usage comes with the event that ends the response.
_RESPONSE_STREAM = StreamTable(
    {
        "response.created": _STARTED,
        "response.completed": _ENDED,
        "response.incomplete": _ENDED,
        "response.failed": _ENDED,
    },
    kind="type",
)
_IMAGES = Fields(usage="usage", items_without_usage={"image": "data"})
_IMAGE_DONE = Fields(usage="usage", finish_reasons="type")
_TRANSCRIPT = Fields(model="model", usage="usage", text="text")
_MAX_CHAT_TOKENS = "max_completion_tokens|max_tokens"

CHAT = Endpoint(
    "/chat/completions", "chat", OPENAI_CHAT, _CHAT, _CHAT_STREAM, api_type="chat_completions", max_tokens=_MAX_CHAT_TOKENS
)
RESPONSES = Endpoint(
    "/responses", "chat", OPENAI_RESPONSES, _RESPONSE, _RESPONSE_STREAM, api_type="responses", max_tokens="max_output_tokens"
)
COMPACT = Endpoint("/responses/compact", "chat", OPENAI_RESPONSES, _RESPONSE, api_type="responses")
DECISIONS = Endpoint("/decisions", "chat", OPENAI_RESPONSES, _RESPONSE, max_tokens="")
COMPLETIONS = Endpoint("/completions", "text_completion", OPENAI_CHAT, _TEXT, _TEXT_STREAM)
EMBEDDINGS = Endpoint("/embeddings", "embeddings", OPENAI_EMBEDDINGS, Fields("id", "model", usage="usage"), max_tokens="")
IMAGES = tuple(
    Endpoint(
        f"/images/{name}",
        "image_generation",
        OPENAI_RESPONSES,
        _IMAGES,
        StreamTable({f"{event}.completed": _IMAGE_DONE}, kind="type"),
        max_tokens="",
        # The model that wrote a vector graphic is another than the one that drew.
        partial_usages=PartialUsages("svg_usage", added=frozenset({None}), is_beside=True),
        conditions={"size": "size", "quality": "quality"},
    )
    for name, event in (("generations", "image_generation"), ("edits", "image_edit"), ("variations", "image_edit"))
)
TRANSCRIPTIONS = tuple(
    Endpoint(
        f"/audio/{name}",
        "speech_to_text",
        OPENAI_TRANSCRIPTION,
        _TRANSCRIPT,
        StreamTable({"transcript.text.done": Fields(usage="usage", finish_reasons="type", text="text")}, kind="type"),
        max_tokens="",
    )
    for name in ("transcriptions", "translations")
)
# https://platform.openai.com/docs/pricing: the tts-1 models are billed by the characters of their input, which no
# answer states; later speech models by tokens, which none states either.
SPEECH = Endpoint(
    "/audio/speech",
    "text_to_speech",
    UsageShape(),
    Fields(),
    max_tokens="",
    request_characters="input",
    request_characters_of=("tts-1",),
)
MODERATIONS = Endpoint("/moderations", "moderation", UsageShape(), Fields("id", "model"), max_tokens="")

# https://platform.openai.com/docs/api-reference/realtime-server-events: a response is a call of the session's model, and
# what it heard is transcribed by another.
REALTIME = Session(
    targets=tuple(
        Target(f"openai.resources.{place}realtime.realtime", f"{connection}.parse_event")
        for place in ("", "beta.")
        for connection in ("RealtimeConnection", "AsyncRealtimeConnection")
    ),
    kind="type",
    host="_connection.request.headers.Host",
    calls={
        "response.done": SessionCall(
            "chat",
            OPENAI_REALTIME,
            Fields(
                "response.id",
                finish_reasons="response.status",
                usage="response.usage",
                text="response.output.*.content.*.text|response.output.*.content.*.transcript",
            ),
            "session",
            begins="response.created",
            key="response.id",
        ),
        "conversation.item.input_audio_transcription.completed": SessionCall(
            "speech_to_text",
            OPENAI_TRANSCRIPTION,
            Fields(usage="usage", text="transcript"),
            "transcription",
            begins="input_audio_buffer.committed",
            key="item_id",
        ),
    },
    models={
        "session": "session.model",
        "transcription": "session.audio.input.transcription.model|session.input_audio_transcription.model",
    },
)
