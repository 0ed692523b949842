"""The shape of calls of AWS clients (botocore and aiobotocore): ``_make_api_call(operation_name, api_params)``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from costspan._event_stream import event_text
from costspan.adapters import _httpx
from costspan.adapters._adapter import (
    Answer,
    ByteBody,
    CallShape,
    Chunks,
    Encoded,
    Endpoint,
    Fields,
    Parsed,
    Request,
    StreamTable,
)
from costspan.usage import BEDROCK_CONVERSE, BEDROCK_INVOKE, OPENAI_CHAT

# The services, as OpenTelemetry's gen_ai.provider.name.
_PROVIDERS = {"bedrock-runtime": "aws.bedrock", "sagemaker-runtime": "aws.sagemaker"}
_STREAMS = frozenset({"ConverseStream", "InvokeModelWithResponseStream"})
_COUNT_HEADERS = (
    "x-amzn-bedrock-input-token-count",
    "x-amzn-bedrock-output-token-count",
    "x-amzn-bedrock-cache-read-input-token-count",
    "x-amzn-bedrock-cache-write-input-token-count",
)


def _request(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request | None:
    provider = _PROVIDERS.get(client.meta.service_model.service_name)
    if provider is None:
        return None
    operation = args[0] if args else kwargs["operation_name"]
    parameters = args[1] if len(args) > 1 else kwargs["api_params"]
    url = urlsplit(client.meta.endpoint_url)
    return Request(
        method="post",
        path=operation,
        body={**_httpx.json_body(parameters.get("body")), **parameters},
        host=url.hostname,
        port=url.port or (443 if url.scheme == "https" else 80),
        is_stream=operation in _STREAMS,
        provider=provider,
        region=client.meta.region_name,
    )


def _answer(result: Any, request: Request) -> Answer | None:
    stream = result.get("stream") if request.is_stream else None
    body = result.get("body", result.get("Body"))
    figures = figures_of(result.get("ResponseMetadata", {}).get("HTTPHeaders", {}))
    if request.is_stream:
        return Chunks(body if stream is None else stream, "_event_generator", _event)
    if request.path == "Converse":
        return Parsed(result)
    return ByteBody(body, "_raw_stream", figures) if body is not None else Encoded(b"", figures)


def figures_of(headers: Mapping[str, str]) -> dict[str, int]:
    """The token counts among the headers of an answer."""
    found = ((name, headers.get(name)) for name in _COUNT_HEADERS)
    return {name: int(value) for name, value in found if value is not None and value.isdecimal()}


def _event(message: Any) -> bytes | None:
    return event_text(message.headers.get(":event-type", ""), message.payload)


AWS = CallShape(_request, _answer)

CONVERSE_FIELDS = Fields(
    tier="serviceTier.type",
    finish_reasons="stopReason",
    usage="usage",
    text="output.message.content.*.text",
    speed="performanceConfig.latency",
    model="trace.promptRouter.invokedModelId",
)
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
CONVERSE_CHUNKS = StreamTable(
    {
        "": Fields(
            tier="metadata.serviceTier.type",
            finish_reasons="messageStop.stopReason",
            usage="metadata.usage",
            text="contentBlockDelta.delta.text",
            speed="metadata.performanceConfig.latency",
            model="metadata.trace.promptRouter.invokedModelId",
        )
    },
)
# The bodies of Anthropic, Amazon, Meta, Mistral, Cohere, AI21 and OpenAI models differ; no path means two things.
_INVOKE_FIELDS = Fields(
    "id|message.id|generation_id",
    "model|message.model",
    "usage.service_tier|message.usage.service_tier",
    "stop_reason|delta.stop_reason|stopReason|messageStop.stopReason|completionReason|finish_reason|choices.*.finish_reason"
    "|outputs.*.stop_reason|results.*.completionReason",
    ".",
    "content.*.text|delta.text|contentBlockDelta.delta.text|output.message.content.*.text|generation|outputText|outputs.*.text"
    "|results.*.outputText|choices.*.message.content|choices.*.delta.content|generations.*.text|text",
)

_CONVERSE = Endpoint(
    "Converse",
    "chat",
    BEDROCK_CONVERSE,
    CONVERSE_FIELDS,
    CONVERSE_CHUNKS,
    model="modelId",
    max_tokens="inferenceConfig.maxTokens",
    provider="aws.bedrock",
)
_INVOKE = Endpoint(
    "InvokeModel",
    "chat",
    BEDROCK_INVOKE,
    _INVOKE_FIELDS,
    StreamTable({"": _INVOKE_FIELDS}, usage_by_key=True),
    model="modelId",
    provider="aws.bedrock",
)

ENDPOINTS = (
    _CONVERSE,
    replace(_CONVERSE, path="ConverseStream"),
    _INVOKE,
    replace(_INVOKE, path="InvokeModelWithResponseStream"),
    Endpoint("InvokeEndpoint", "chat", OPENAI_CHAT, Fields("id", usage="usage"), model="EndpointName"),
)
# The same requests by their paths, for clients that send them without botocore.
HTTP_ENDPOINTS = (
    replace(_CONVERSE, path="/model/{model}/converse", model=""),
    replace(_CONVERSE, path="/model/{model}/converse-stream", model=""),
    replace(_INVOKE, path="/model/{model}/invoke", model=""),
    replace(_INVOKE, path="/model/{model}/invoke-with-response-stream", model=""),
)
