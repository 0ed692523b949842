"""The requests of Anthropic's protocol."""

from costspan.adapters._adapter import Endpoint, Fields, PartialUsages, StreamTable
from costspan.usage import ANTHROPIC_MESSAGES

# https://docs.anthropic.com/en/docs/build-with-claude/streaming: the figures of message_delta are cumulative, and it
# leaves out those that it has no news of (the cache split, the service tier).
_STREAM = StreamTable(
    {
        "message_start": Fields(
            "message.id",
            "message.model",
            "message.usage.service_tier",
            "message.stop_reason",
            "message.usage",
            speed="message.usage.speed",
            region="message.usage.inference_geo",
        ),
        "message_delta": Fields(tier="usage.service_tier", finish_reasons="delta.stop_reason", usage="usage"),
        "content_block_delta": Fields(text="delta.text"),
    },
    kind="type",
    usage_by_key=True,
)

MESSAGES = Endpoint(
    "/v1/messages",
    "chat",
    ANTHROPIC_MESSAGES,
    Fields(
        "id",
        "model",
        "usage.service_tier",
        "stop_reason",
        "usage",
        "content.*.text",
        speed="usage.speed",
        region="usage.inference_geo",
    ),
    _STREAM,
    # https://docs.anthropic.com/en/docs/build-with-claude/compaction: what compaction and an advisor consumed is not in the
    # totals; with a fallback they are of the model that it names.
    partial_usages=PartialUsages(
        "iterations", added=frozenset({"compaction", "advisor_message"}), renaming=frozenset({"fallback_message"})
    ),
    provider="anthropic",
)
