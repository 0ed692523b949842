"""litellm: what it sends itself. What it sends through another observed client is that client's call.

It speaks the protocols of many providers over HTTP functions of its own, which are wrapped below all its retries,
fallbacks and caches: what does not go out is not billed, and what goes out twice is.
"""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from costspan.adapters import _httpx
from costspan.adapters import _openai_protocol as protocol
from costspan.adapters._adapter import Adapter, CallShape, Request, Target
from costspan.adapters._anthropic_protocol import MESSAGES
from costspan.adapters._botocore import HTTP_ENDPOINTS
from costspan.adapters._cohere_protocol import CHAT_V2, RERANK
from costspan.adapters._cohere_protocol import EMBED as COHERE_EMBED
from costspan.adapters._gemini_protocol import EMBED, GENERATE, PREDICT
from costspan.adapters._ollama_protocol import ENDPOINTS as OLLAMA_ENDPOINTS

_HANDLERS = "litellm.llms.custom_httpx.http_handler"


def _request(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request | None:
    # (url, data, json, params, headers, stream, ...) before litellm 1.60 in part by position
    url = urlsplit(str(args[0] if args else kwargs.get("url", "")))
    data = args[1] if len(args) > 1 else kwargs.get("data")
    body = _httpx.json_body(kwargs.get("json") or data)
    return Request(
        method="post",
        path=url.path,
        body=body,
        host=url.hostname,
        port=url.port or (443 if url.scheme == "https" else 80),
        is_stream=bool(kwargs.get("stream") or body.get("stream")),
        provider=_provider(kwargs.get("logging_obj")) or ("gcp.vertex_ai" if "/publishers/" in url.path else None),
    )


# litellm's names that are not OpenTelemetry's gen_ai.provider.name (https://docs.litellm.ai/docs/providers).
_PROVIDERS = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "azure_text": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "gemini": "gcp.gemini",
    "huggingface": "hugging_face",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "ollama_chat": "ollama",
    "sagemaker": "aws.sagemaker",
    "together_ai": "together",
    "vertex_ai": "gcp.vertex_ai",
    "vertex_ai_beta": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}


def _provider(logging: Any) -> str | None:
    """The provider that litellm itself has chosen, where it says so."""
    details = getattr(logging, "model_call_details", None)
    name = details.get("custom_llm_provider") if isinstance(details, dict) else None
    return _PROVIDERS.get(name, name) if isinstance(name, str) and name else None


LITELLM = Adapter(
    name="litellm",
    distribution="litellm",
    targets=(Target(_HANDLERS, "HTTPHandler.post"), Target(_HANDLERS, "AsyncHTTPHandler.post", is_async=True)),
    call=CallShape(_request, _httpx.answer),
    endpoints=(
        MESSAGES,
        replace(protocol.CHAT, stream=protocol.GROQ_CHUNKS),
        protocol.RESPONSES,
        protocol.COMPLETIONS,
        protocol.EMBEDDINGS,
        *protocol.IMAGES,
        *protocol.TRANSCRIPTIONS,
        *GENERATE,
        *EMBED,
        *PREDICT,
        *HTTP_ENDPOINTS,
        *OLLAMA_ENDPOINTS,
        CHAT_V2,
        RERANK,
        COHERE_EMBED,
    ),
    provider="openai",
    operations=(
        Target("litellm.router", "Router.completion"),
        Target("litellm.router", "Router.acompletion", is_async=True),
        Target("litellm.router", "Router.embedding"),
        Target("litellm.router", "Router.aembedding", is_async=True),
        Target("litellm", "completion"),
        Target("litellm", "acompletion", is_async=True),
        Target("litellm", "embedding"),
        Target("litellm", "aembedding", is_async=True),
    ),
    is_protocol=True,
)
