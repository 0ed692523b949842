"""The cohere client, versions 1 and 2 of its interface."""

from typing import Any
from urllib.parse import urlsplit

from costspan.adapters import _cohere_protocol as protocol
from costspan.adapters import _httpx
from costspan.adapters._adapter import Adapter, Answer, CallShape, Opening, Request, Target

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
        protocol.CHAT_V2,
        protocol.CHAT_V1,
        protocol.RERANK,
        protocol.EMBED,
        protocol.other("generate", "text_completion"),
        protocol.other("summarize", "text_completion"),
        protocol.other("classify", "text_completion"),
        protocol.other("audio/transcriptions", "speech_to_text"),
    ),
    provider="cohere",
)
