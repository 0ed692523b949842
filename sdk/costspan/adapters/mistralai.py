"""The mistralai client, from version 1."""

from dataclasses import replace

from costspan.adapters import _openai_protocol as protocol
from costspan.adapters._adapter import Adapter, Endpoint, Fields, StreamTable
from costspan.adapters._speakeasy import SPEAKEASY, targets_of
from costspan.usage import MISTRAL_OCR, OPENAI_CHAT

# https://docs.mistral.ai/api/: a stream brings its usage unasked.
_CHAT = replace(
    protocol.CHAT,
    api_type="",
    stream=None if protocol.CHAT.stream is None else replace(protocol.CHAT.stream, usage_option=None),
)
_TRANSCRIPTION = replace(
    protocol.TRANSCRIPTIONS[0],
    stream=StreamTable({"transcription.done": Fields(model="model", usage="usage", finish_reasons="type")}, kind="type"),
)
_CONVERSATION = Endpoint(
    "/conversations",
    "chat",
    OPENAI_CHAT,
    Fields("conversation_id", usage="usage", text="outputs.*.content"),
    StreamTable(
        {
            "conversation.response.started": Fields("conversation_id"),
            "conversation.response.done": Fields(usage="usage", finish_reasons="type"),
        },
        kind="type",
    ),
    max_tokens="completion_args.max_tokens",
)

MISTRALAI = Adapter(
    name="mistralai",
    distribution="mistralai",
    # The module moved with version 2.
    targets=(*targets_of("mistralai.client.basesdk"), *targets_of("mistralai.basesdk")),
    call=SPEAKEASY,
    endpoints=(
        _CHAT,
        replace(_CHAT, path="/fim/completions", operation="text_completion"),
        replace(_CHAT, path="/agents/completions"),
        _CONVERSATION,
        replace(_CONVERSATION, path="/conversations/{id}"),
        replace(_CONVERSATION, path="/conversations/{id}/restart"),
        protocol.EMBEDDINGS,
        _TRANSCRIPTION,
        Endpoint("/ocr", "text_completion", MISTRAL_OCR, Fields(model="model", usage="usage_info"), max_tokens=""),
        Endpoint("/moderations", "moderation", OPENAI_CHAT, Fields("id", "model", usage="usage"), max_tokens=""),
        Endpoint("/chat/moderations", "moderation", OPENAI_CHAT, Fields("id", "model", usage="usage"), max_tokens=""),
        Endpoint("/classifications", "moderation", OPENAI_CHAT, Fields("id", "model", usage="usage"), max_tokens=""),
    ),
    provider="mistral_ai",
)
