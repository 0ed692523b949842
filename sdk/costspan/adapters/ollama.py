"""The ollama client."""

from typing import Any

from costspan.adapters._adapter import Adapter, Answer, CallShape, Chunks, Endpoint, Fields, Parsed, Request, StreamTable, Target
from costspan.usage import OLLAMA as OLLAMA_USAGE


def _request(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request | None:
    # (cls, method, path, *, stream, json)
    if len(args) < 3:
        return None
    base_url = client._client.base_url
    body = kwargs.get("json")
    return Request(
        method=args[1],
        path=args[2],
        body=body if isinstance(body, dict) else {},
        host=base_url.host or None,
        port=base_url.port or (443 if base_url.scheme == "https" else 80),
        is_stream=bool(kwargs.get("stream")),
    )


def _answer(result: Any, request: Request) -> Answer | None:
    return Chunks(result) if request.is_stream else Parsed(result)


def _endpoint(path: str, operation: str) -> Endpoint:
    fields = Fields(model="model", finish_reasons="done_reason", usage=".", text="message.content|response")
    # https://github.com/ollama/ollama/blob/main/docs/api.md: the last object of a stream, which is done, has the figures.
    chunks = {True: fields, False: Fields(model="model", text="message.content|response")}
    return Endpoint(
        path, operation, OLLAMA_USAGE, fields, StreamTable(chunks, kind="done"), max_tokens="options.num_predict", provider="ollama"
    )


ENDPOINTS = (
    _endpoint("/api/chat", "chat"),
    _endpoint("/api/generate", "text_completion"),
    _endpoint("/api/embed", "embeddings"),
    _endpoint("/api/embeddings", "embeddings"),
)

OLLAMA = Adapter(
    name="ollama",
    distribution="ollama",
    targets=(Target("ollama._client", "Client._request"), Target("ollama._client", "AsyncClient._request", is_async=True)),
    call=CallShape(_request, _answer),
    endpoints=ENDPOINTS,
    provider="ollama",
)
