"""The cohere client, versions 1 and 2 of its interface."""

from typing import Any
from urllib.parse import urlsplit

from costspan.adapters import _httpx
from costspan.adapters._adapter import Adapter, Answer, CallShape, Endpoint, Fields, Opening, Request, StreamTable, Target
from costspan.usage import COHERE as COHERE_USAGE

_MODULE = "cohere.core.http_client"


def _request(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request | None:
    path = args[0] if args else kwargs.get("path")
    url = urlsplit(client.get_base_url(kwargs.get("base_url")))
    body = _httpx.json_body(kwargs.get("json"))
    return Request(
        method=kwargs.get("method", "GET"),
        path=f"{url.path.rstrip('/')}/{(path or '').lstrip('/')}",
        body=body,
        host=url.hostname,
        port=url.port or (443 if url.scheme == "https" else 80),
        is_stream=body.get("stream") is True,
    )


def _answer(result: Any, request: Request) -> Answer | None:
    if hasattr(result, "__enter__") or hasattr(result, "__aenter__"):
        return _httpx.answer(result, request) or Opening(result)
    return _httpx.answer(result, request)


# https://docs.cohere.com/reference/chat and, for the first version, https://docs.cohere.com/v1/reference/chat
CHAT_V2 = Endpoint(
    "v2/chat",
    "chat",
    COHERE_USAGE,
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
_CHAT_V1 = Endpoint(
    "chat",
    "chat",
    COHERE_USAGE,
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


def _other(path: str, operation: str) -> Endpoint:
    return Endpoint(path, operation, COHERE_USAGE, _OTHER, max_tokens="", provider="cohere")


RERANK, EMBED = _other("rerank", "rerank"), _other("embed", "embeddings")

COHERE = Adapter(
    name="cohere",
    distribution="cohere",
    targets=(
        Target(_MODULE, "HttpClient.request"),
        Target(_MODULE, "HttpClient.stream"),
        Target(_MODULE, "AsyncHttpClient.request", is_async=True),
        Target(_MODULE, "AsyncHttpClient.stream"),
    ),
    call=CallShape(_request, _answer),
    endpoints=(
        CHAT_V2,
        _CHAT_V1,
        RERANK,
        EMBED,
        _other("generate", "text_completion"),
        _other("summarize", "text_completion"),
        _other("classify", "text_completion"),
        _other("audio/transcriptions", "speech_to_text"),
    ),
    provider="cohere",
)
