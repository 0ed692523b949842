"""The InferenceClient of huggingface_hub."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from costspan.adapters import _openai_protocol as protocol
from costspan.adapters._adapter import Adapter, Answer, Arguments, CallShape, Chunks, Encoded, Endpoint, Fields, Request, Target
from costspan.usage import UsageShape


def _request(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request | None:
    parameters = args[0] if args else kwargs.get("request_parameters")
    if parameters is None:
        return None
    url = urlsplit(parameters.url)
    body = parameters.json if isinstance(parameters.json, dict) else {}
    # The task of a chat was called text-generation before version 0.31.
    is_chat = url.path.endswith("/chat/completions")
    return Request(
        method="post",
        path=url.path if is_chat else f"/{parameters.task}",
        body={**body, "model": body.get("model") or parameters.model},
        host=url.hostname,
        port=url.port or (443 if url.scheme == "https" else 80),
        is_stream=bool(kwargs.get("stream")),
    )


def _with_body_field(args: tuple[Any, ...], kwargs: dict[str, Any], name: str, value: Any) -> Arguments:
    parameters = args[0] if args else kwargs["request_parameters"]
    changed = replace(parameters, json={**parameters.json, name: value})
    return ((changed, *args[1:]), kwargs) if args else (args, {**kwargs, "request_parameters": changed})


def _answer(result: Any, request: Request) -> Answer | None:
    if request.is_stream:
        return Chunks(result, decode=_data)
    return Encoded(result) if isinstance(result, bytes) and result[:1] in (b"{", b"[") else None


def _data(line: Any) -> str | bytes | None:
    if isinstance(line, bytes):
        return line[5:] if line.startswith(b"data:") else None
    return line[5:] if isinstance(line, str) and line.startswith("data:") else None


def _task(name: str, operation: str) -> Endpoint:
    return Endpoint(f"/{name}", operation, UsageShape(), Fields(), max_tokens="")


HUGGINGFACE_HUB = Adapter(
    name="huggingface_hub",
    distribution="huggingface-hub",
    targets=(
        Target("huggingface_hub.inference._client", "InferenceClient._inner_post"),
        Target("huggingface_hub.inference._generated._async_client", "AsyncInferenceClient._inner_post", is_async=True),
    ),
    call=CallShape(_request, _answer, _with_body_field),
    endpoints=(
        protocol.CHAT,
        _task("text-generation", "text_completion"),
        _task("feature-extraction", "embeddings"),
        _task("text-to-image", "image_generation"),
        _task("automatic-speech-recognition", "speech_to_text"),
        _task("text-to-speech", "text_to_speech"),
    ),
    provider="hugging_face",
)
