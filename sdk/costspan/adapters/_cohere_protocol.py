"""The requests of Cohere's protocol."""

from costspan.adapters._adapter import Endpoint, Fields, StreamTable
from costspan.usage import COHERE

# https://docs.cohere.com/reference/chat and, for the first version, https://docs.cohere.com/v1/reference/chat
CHAT_V2 = Endpoint(
    "v2/chat",
    "chat",
    COHERE,
    Fields("id", finish_reasons="finish_reason", usage="usage", text="message.content.*.text"),
    StreamTable(
        {
            "message-start": Fields("id"),
            "content-delta": Fields(text="delta.message.content.text"),
            "message-end": Fields(finish_reasons="delta.finish_reason", usage="delta.usage"),
        },
        kind="type",
    ),
    provider="cohere",
)
CHAT_V1 = Endpoint(
    "chat",
    "chat",
    COHERE,
    Fields("generation_id|response_id", finish_reasons="finish_reason", usage="meta", text="text"),
    StreamTable(
        {
            "stream-start": Fields("generation_id"),
            "text-generation": Fields(text="text"),
            "stream-end": Fields("response.generation_id", finish_reasons="finish_reason", usage="response.meta"),
        },
        kind="event_type",
    ),
)
_OTHER = Fields("id", usage="meta", text="generations.*.text")


def other(path: str, operation: str) -> Endpoint:
    """A request whose answer states its billed units as all the others do."""
    return Endpoint(path, operation, COHERE, _OTHER, max_tokens="", provider="cohere")


RERANK, EMBED = other("rerank", "rerank"), other("embed", "embeddings")
