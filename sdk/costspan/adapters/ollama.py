"""The ollama client."""

from typing import Any

from costspan.adapters import _ollama_protocol as protocol
from costspan.adapters._adapter import Adapter, Answer, CallShape, Chunks, Parsed, Request, Target


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


OLLAMA = Adapter(
    name="ollama",
    distribution="ollama",
    targets=(Target("ollama._client", "Client._request"), Target("ollama._client", "AsyncClient._request", is_async=True)),
    call=CallShape(_request, _answer),
    endpoints=protocol.ENDPOINTS,
    provider="ollama",
)
