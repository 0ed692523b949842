"""The google-genai client: the Gemini API and Vertex AI.

Its requests pass through four functions of one class, which return JSON text; chats, automatic function calling and the
rest are built on them. Its interactions are a client of their own (``google_interactions``).
"""

from typing import Any
from urllib.parse import urlsplit

from costspan.adapters import _gemini_protocol as protocol
from costspan.adapters._adapter import (
    Adapter,
    Answer,
    CallShape,
    Chunks,
    Encoded,
    Fields,
    Request,
    Session,
    SessionCall,
    Target,
)
from costspan.usage import GEMINI

_MODULE = "google.genai._api_client"


def _request(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request | None:
    # (http_method, path, request_dict, http_options)
    path = args[1] if len(args) > 1 else kwargs.get("path", "")
    body = args[2] if len(args) > 2 else kwargs.get("request_dict")
    options = args[3] if len(args) > 3 else kwargs.get("http_options")
    base_url = (options.get("base_url") if isinstance(options, dict) else getattr(options, "base_url", None)) or (
        client._http_options.base_url
    )
    url = urlsplit(base_url or "")
    return Request(
        method=args[0] if args else kwargs.get("http_method", ""),
        path=path,
        body=body if isinstance(body, dict) else {},
        host=url.hostname,
        port=url.port or (443 if url.scheme == "https" else 80),
        is_stream=":streamGenerateContent" in path,
        provider="gcp.vertex_ai" if client.vertexai else "gcp.gemini",
        region=client.location if client.vertexai else None,
    )


def _answer(result: Any, request: Request) -> Answer | None:
    if request.is_stream:
        return Chunks(result, decode=_body)
    body = _body(result)
    return None if body is None else Encoded(body)


def _body(response: Any) -> str | None:
    body = getattr(response, "body", None)
    return body if isinstance(body, str) else None


# https://ai.google.dev/api/live: the figures of a turn come with its messages.
_LIVE = Session(
    targets=(Target("google.genai.live", "AsyncSession._receive", is_async=True),),
    calls={"": SessionCall("generate_content", GEMINI, Fields(usage="usage_metadata"), "session")},
    ends="server_content.turn_complete",
    host="_ws.request.headers.Host",
    opening=Target("google.genai.live", "AsyncLive.connect"),
)

GOOGLE_GENAI = Adapter(
    name="google_genai",
    distribution="google-genai",
    targets=(
        Target(_MODULE, "BaseApiClient.request"),
        Target(_MODULE, "BaseApiClient.request_streamed"),
        Target(_MODULE, "BaseApiClient.async_request", is_async=True),
        Target(_MODULE, "BaseApiClient.async_request_streamed", is_async=True),
    ),
    call=CallShape(_request, _answer),
    endpoints=(*protocol.GENERATE, *protocol.EMBED, *protocol.PREDICT),
    provider="gcp.gemini",
    session=_LIVE,
)
